"""What has to be put, kept and dropped to bring an unpacked copy to the files of a packaged DAG."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from dagbranch.domain.environments import Environment
from dagbranch.domain.ownership import marker_of

_DIGEST = "dagbranch-source-digest"
_VERSION = "dagbranch-version"
_HEAD_SHA = "dagbranch-head-sha"
_SELECTION = "dagbranch-selection"


@dataclass(frozen=True)
class CopiedFile:
    """What dagbranch put into the copy: the ETag that S3 answered with, and the content's SHA-256."""

    etag: str
    sha256: str


@dataclass(frozen=True)
class CopyPlan:
    put: Mapping[str, bytes]
    keep: Mapping[str, CopiedFile]
    drop: tuple[str, ...]


def plan_copy(
    wanted: Mapping[str, bytes], standing: Mapping[str, CopiedFile], digests: Mapping[str, str] | None = None
) -> CopyPlan:
    """A file is kept only where S3 still has the very object that was put with that content.

    ``digests``: the SHA-256 of wanted files, where somebody has computed them before.
    """
    digests = digests or {}
    put, keep = {}, {}
    for path, content in wanted.items():
        known = standing.get(path)
        if known is not None and known.sha256 == (digests.get(path) or hashlib.sha256(content).hexdigest()):
            keep[path] = known
        else:
            put[path] = content
    return CopyPlan(put, keep, tuple(sorted(standing.keys() - wanted.keys())))


def what_it_shows(selection: str, *, schedules: bool | None) -> str:
    """Tells apart what one zip may show: by its selection of DAG modules, and by whether somebody set the schedules."""
    return selection if schedules is None else f"{selection}, schedules {'on' if schedules else 'off'}"


def zip_marker(environment: Environment, source_digest: str, version: str, shows: str) -> dict[str, str]:
    """The zip's metadata: whose it is, of which commit, and what would make putting it again needless."""
    return {
        **marker_of(environment),
        _DIGEST: source_digest,
        _VERSION: version,
        _HEAD_SHA: environment.head_sha,
        _SELECTION: shows,
    }


def commit_that_stands(marker: Mapping[str, str], source_digest: str, version: str, shows: str) -> str | None:
    """The commit in the configuration of a zip with this content that shows the same; None where another stands.

    ``shows`` is that of ``what_it_shows``: a commit that changes no file may change it, and so may a command.
    """
    wanted = {_DIGEST: source_digest, _VERSION: version, _SELECTION: shows}
    if wanted.items() <= marker.items():
        return marker.get(_HEAD_SHA)
    return None


def digest_that_stands(marker: Mapping[str, str]) -> str | None:
    return marker.get(_DIGEST)
