"""What stands of a release lane's environment in the bucket, held against its record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dagbranch.domain.deployment import CopiedFile
from dagbranch.domain.environments import Environment
from dagbranch.domain.packaging import IGNORE_FILE


@dataclass(frozen=True)
class StandingRelease:
    """``zip_sha256``: None where there is no zip. ``copied``: the unpacked copy, a file that dagbranch did not put, or
    not as it is, without a digest.
    """

    zip_sha256: str | None
    has_configuration: bool
    copied: Mapping[str, CopiedFile]


def drift_of(environment: Environment, stands: StandingRelease) -> str | None:
    """Why it has to be put again, in words; None where all is as it was put when it was last ready."""
    if stands.zip_sha256 is None:
        return "its zip has gone from the bucket"
    half = environment.pipeline
    if half is not None and half.zip_sha256 not in {None, stands.zip_sha256}:
        return f"its zip is not the one that was deployed: its sha256 begins with {stands.zip_sha256[:12]}"
    if not stands.has_configuration:
        return "its configuration has gone from the bucket"
    return _drift_of_copy(stands.copied)


def _drift_of_copy(copied: Mapping[str, CopiedFile]) -> str | None:
    """What the copy lacks, the runtime takes from the zip; without what hides it, Airflow would load it raw."""
    if IGNORE_FILE not in copied:
        return "what hides its unpacked copy from Airflow has gone"
    strange = sorted(path for path, file in copied.items() if not file.sha256)
    if not strange:
        return None
    more = f" and {len(strange) - 1} more" if len(strange) > 1 else ""
    return f"its unpacked copy is not as it was put: {strange[0]}{more}"
