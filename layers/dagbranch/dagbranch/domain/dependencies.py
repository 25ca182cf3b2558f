"""What the wheels' own metadata asks for and nobody brings: pip is told not to resolve, so nobody else would say it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from packaging.metadata import parse_email
from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as Parsed
from packaging.utils import canonicalize_name

from dagbranch.domain.airflow_distributions import AIRFLOW_DISTRIBUTIONS
from dagbranch.domain.requirements import PROVIDER, Requirement, holds


def warnings_about_dependencies(requirements: Sequence[Requirement], unpacked: Mapping[str, bytes]) -> Iterator[str]:
    """One for each dependency that is not pinned, or pinned to what its dependent does not take.

    A server may have more than Airflow is made of, so none of it is an error.
    """
    pinned = {requirement.name: requirement for requirement in requirements}
    for path in sorted(unpacked):
        folder, _, file = path.partition("/")
        if not (folder.endswith(".dist-info") and file == "METADATA"):
            continue
        raw, _ = parse_email(unpacked[path])
        dependent = pinned.get(canonicalize_name(raw.get("name", "")))
        if dependent is not None:
            for text in raw.get("requires_dist", []):
                yield from _warnings(dependent, text, pinned)


def _warnings(dependent: Requirement, text: str, pinned: Mapping[str, Requirement]) -> Iterator[str]:
    try:
        wanted = Parsed(text)
        if wanted.marker is not None and not holds(wanted.marker, dependent.extras):
            return
    except (InvalidRequirement, ValueError):  # written before there were rules; pip would skip it too
        return
    name = canonicalize_name(wanted.name)
    there = pinned.get(name)
    if there is not None and not wanted.specifier.contains(there.version, prereleases=True):
        yield f"{dependent.pin} requires {name}{wanted.specifier}, and {there.pin} is what travels"
    if there is None and name not in AIRFLOW_DISTRIBUTIONS and not name.startswith(PROVIDER):
        yield (
            f"{dependent.pin} requires {name}{wanted.specifier}, which is neither pinned nor a part of Airflow: "
            "where the server has not got it either, the import fails"
        )
