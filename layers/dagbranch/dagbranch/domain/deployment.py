"""What has to be put, kept and dropped to bring an unpacked copy to the files of a packaged DAG."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from dagbranch.domain.environments import Environment
from dagbranch.domain.ownership import marker_of
from dagbranch.errors import InvalidPipelineError

_DIGEST = "dagbranch-source-digest"
_VERSION = "dagbranch-version"
_HEAD_SHA = "dagbranch-head-sha"
_SELECTION = "dagbranch-selection"
_SHA256 = "dagbranch-sha256"


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


def zip_marker(environment: Environment, source_digest: str, version: str, shows: str, sha256: str) -> dict[str, str]:
    """The zip's metadata: whose it is, of which commit and bytes, and what would make putting it again needless."""
    return {
        **marker_of(environment),
        _DIGEST: source_digest,
        _VERSION: version,
        _HEAD_SHA: environment.head_sha,
        _SELECTION: shows,
        _SHA256: sha256,
    }


def commit_that_stands(marker: Mapping[str, str], source_digest: str, version: str, shows: str) -> str | None:
    """The commit in the configuration of a zip with this content that shows the same; None where another stands.

    ``shows`` is that of ``what_it_shows``: a commit that changes no file may change it, and so may a command.
    """
    wanted = {_DIGEST: source_digest, _VERSION: version, _SELECTION: shows}
    if wanted.items() <= marker.items():
        return marker.get(_HEAD_SHA)
    return None


def check_promoted_zip(environment: Environment, sha256: str | None, version: str) -> list[str]:
    """Raises InvalidPipelineError for other bytes than promoted: the same archive gives the same zip only with the same
    version of dagbranch. A warning instead where that is another one since the archive first stood here: there is
    always a way back, and a repair.
    """
    promotion = environment.promotion
    if promotion is None or promotion.zip_sha256 == sha256:
        return []
    told = (
        f"{promotion.source} made the zip {promotion.zip_sha256[:12]}… of this archive with dagbranch "
        f"{promotion.version}, and {environment.lane} makes {(sha256 or 'another')[:12]}… with dagbranch {version}"
    )
    stood = environment.pipeline is not None and environment.pipeline.source_digest == promotion.source_digest
    if promotion.version != version and (environment.rolls_back or stood):
        return [told]
    raise InvalidPipelineError(f"{told}: run the same version in both lanes, and have it promoted again")


def digest_that_stands(marker: Mapping[str, str]) -> str | None:
    return marker.get(_DIGEST)


def sha256_that_stands(marker: Mapping[str, str]) -> str | None:
    """None for a zip of an older version, whose marker does not tell."""
    return marker.get(_SHA256)
