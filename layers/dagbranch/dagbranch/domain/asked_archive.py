"""Whether the registry asks for an archive that has come: of this commit, and in a release lane of this digest."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from dagbranch.domain.environments import Environment, Status
from dagbranch.domain.naming import SourceArchiveKey
from dagbranch.errors import NotYetError, SupersededError

_EARLY_ARCHIVE_IS_KEPT_FOR: Final = timedelta(minutes=15)
_EARLY_ARCHIVE_RETRY_SECONDS: Final = 10
_DATA_RETRY_SECONDS: Final = 2
_LONGEST_DATA_RETRY_SECONDS: Final = 60
_WANTED: Final = frozenset({Status.REQUESTED, Status.DEPLOYING, Status.READY, Status.FAILED})


def check_is_asked_for(
    environment: Environment | None, key: SourceArchiveKey, uploaded_at: datetime, now: datetime
) -> None:
    """Returns where the registry asks for this archive; else raises what it is: early, or too late.

    An archive may come before the request for it: a CI job's before GitHub's event, a promoted one before it is
    accepted. It is asked about again for 15 minutes.
    """
    sha = key.head_sha[:7]
    if environment is not None and environment.head_sha == key.head_sha:
        if environment.status not in _WANTED:
            if environment.is_of_a_release and uploaded_at > environment.updated_at:
                raise _early_or_late(f"nobody asked for {sha} again", uploaded_at, now)
            raise SupersededError(f"the environment is {environment.status}: nothing is deployed for {sha}")
        if not environment.is_of_a_release or _takes(environment, key):
            return
        if environment.asked_digest is not None and uploaded_at <= environment.requested_at:
            raise SupersededError(f"{sha} is deployed as another archive: {environment.asked_digest[:12]}…")
        raise _early_or_late(f"nobody asked for {sha} as {key.source_digest[:12]}…", uploaded_at, now)
    if environment is not None and environment.requested_at > uploaded_at:
        raise SupersededError(f"commit {sha} was superseded by {environment.head_sha[:7]}")
    raise _early_or_late(f"nobody asked for {sha}", uploaded_at, now)


def check_is_the_pipelines_turn(
    environment: Environment, key: SourceArchiveKey, uploaded_at: datetime, now: datetime
) -> None:
    """In a release lane the zip is put when its data stands, all of it. Raises NotYetError before, and
    SupersededError where the data has failed and nobody has mended it within 15 minutes of the upload.
    """
    data = environment.data
    stands = data is not None and (data.source_digest, data.generation) == (key.source_digest, environment.generation)
    if not environment.is_of_a_release or (stands and not environment.seeding):
        return
    if environment.status == Status.FAILED and now - uploaded_at >= _EARLY_ARCHIVE_IS_KEPT_FOR:
        raise SupersededError(f"the data of {environment.name} has failed: its zip is left as it is")
    waited = (now - uploaded_at).total_seconds()
    seconds = min(max(int(waited / 5), _DATA_RETRY_SECONDS), _LONGEST_DATA_RETRY_SECONDS)
    raise NotYetError(f"the data of {environment.name} comes before its pipeline", retry_seconds=seconds)


def with_digest_of(environment: Environment, key: SourceArchiveKey) -> Environment:
    """The record of what takes the first archive that comes: that is the asked one from now on."""
    if environment.is_of_a_release and environment.takes_uploads and environment.asked_digest is None:
        return replace(environment, asked_digest=key.source_digest)
    return environment


def _takes(environment: Environment, key: SourceArchiveKey) -> bool:
    if environment.asked_digest is None:
        return environment.takes_uploads
    return environment.asked_digest == key.source_digest


def _early_or_late(what: str, uploaded_at: datetime, now: datetime) -> NotYetError | SupersededError:
    if now - uploaded_at < _EARLY_ARCHIVE_IS_KEPT_FOR:
        return NotYetError(f"{what} yet", retry_seconds=_EARLY_ARCHIVE_RETRY_SECONDS)
    return SupersededError(f"{what} within 15 minutes of its upload")
