"""What a release lane knows of every commit that was ever wanted in it, or in the next one: its ledger."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal

from dagbranch.domain.environments import Environment, Half
from dagbranch.domain.gates import SOAK, Gate
from dagbranch.domain.promotion import Promotion
from dagbranch.domain.release_wishes import Hold

WANTED: Final = 0  # instead of GitHub's id: a deployment that dagbranch is to make by itself

type Verdict = Literal["waiting", "refused", "promoted", "ended"]


@dataclass(frozen=True)
class Judged:
    """What became of the newest deployment of this commit to the next lane, named ``target``.

    ``waiting``: all that fails may pass by itself, and dagbranch asks again; ``refused``: somebody has to do something;
    ``ended``: a newer deployment came. ``deployment_id`` is WANTED where dagbranch itself makes one as soon as all
    gates have passed. ``is_settled``: all that follows was done: the archive is in the next lane, everybody was told.
    """

    deployment_id: int
    target: str
    by: str
    at: datetime
    verdict: Verdict
    gates: tuple[Gate, ...] = ()
    message: str = ""
    is_canary: bool = False
    is_settled: bool = False

    @property
    def news(self) -> tuple[object, ...]:
        """What people would call news where it changes: not that some more minutes of a soak are over."""
        gates = tuple(replace(gate, detail="") if gate.name == SOAK else gate for gate in self.gates)
        return self.deployment_id, self.verdict, self.message, self.is_canary, gates

    @property
    def wants_deployment(self) -> bool:
        has_passed = all(gate.outcome in {"passed", "skipped"} for gate in self.gates)
        return self.deployment_id == WANTED and self.verdict in {"waiting", "promoted"} and has_passed


@dataclass(frozen=True)
class HoldNote:
    """What a deployment said of holding a lane: ``hold`` is None where it released it. The newest note counts."""

    deployment_id: int
    hold: Hold | None


@dataclass(frozen=True)
class Release:
    """``ready_at``: since when it stands, or last stood, in this lane's Airflow; ``until`` another took its place.

    ``promotion``: how it came here, None where a push brought it. ``handed``: the newest deployment of it to the next
    lane that is that lane's to answer, because it has it. ``answered``: the newest one to this lane. ``hold_here``,
    ``hold_next``: what a deployment of it said of holding this lane, or the next. ``auto``: whether it goes on by
    itself when all gates pass; None where nobody has looked yet. ``revision`` counts the writes.
    """

    repository_id: int
    repository: str
    head_sha: str
    source_digest: str | None = None
    zip_sha256: str | None = None
    version: str | None = None
    ready_at: datetime | None = None
    until: datetime | None = None
    promotion: Promotion | None = None
    judged: Judged | None = None
    auto: bool | None = None
    handed: int | None = None
    answered: int | None = None
    hold_here: HoldNote | None = None
    hold_next: HoldNote | None = None
    revision: int = 0

    @property
    def was_ready(self) -> bool:
        return self.ready_at is not None

    @property
    def stands(self) -> bool:
        """Whether it is what was ready here last."""
        return self.was_ready and self.until is None

    @property
    def known_digest(self) -> str | None:
        """Of the archive that stood here, or else was promoted to come here."""
        if self.was_ready:
            return self.source_digest
        return self.promotion.source_digest if self.promotion is not None else None

    @property
    def promotion_of_it(self) -> Promotion | None:
        """That of the archive that was ready here."""
        promotion = self.promotion
        return promotion if promotion is not None and promotion.source_digest == self.source_digest else None


def made_ready(release: Release, half: Half, promotion: Promotion | None, at: datetime) -> Release:
    """The ledger's line of what this lane's Airflow lists by now; what stood already keeps its time."""
    is_the_same = release.source_digest == half.source_digest
    stood = release.stands and is_the_same
    return replace(
        release,
        source_digest=half.source_digest,
        zip_sha256=half.zip_sha256,
        version=half.version,
        ready_at=release.ready_at if stood else at,
        until=None,
        promotion=promotion or release.promotion,
        auto=release.auto if is_the_same else None,
    )


def replaced(releases: Iterable[Release], standing: Release) -> Iterator[Release]:
    """The lines of what stood until this one was ready."""
    for one in releases:
        if one.stands and one.head_sha != standing.head_sha:
            yield replace(one, until=standing.ready_at)


def with_promotion(release: Release, promotion: Promotion) -> Release:
    """The newest one alone: a message that comes late changes nothing."""
    if release.promotion is not None and release.promotion.deployment_id >= promotion.deployment_id:
        return release
    return replace(release, promotion=promotion)


def settled(release: Release) -> Release:
    """The line after all that follows from its judgement was done: what was promoted is the next lane's by then."""
    assert release.judged is not None, "nothing was judged"
    judged = replace(release.judged, is_settled=True)
    if judged.verdict != "promoted" or judged.is_canary:
        return replace(release, judged=judged)
    return replace(release, judged=judged, handed=newest(release.handed, judged.deployment_id))


def newest(*deployment_ids: int | None) -> int:
    """GitHub counts them up; 0 where there is none."""
    return max((one for one in deployment_ids if one is not None), default=0)


def newest_answered(releases: Iterable[Release]) -> int:
    """The newest deployment to this lane that was answered, or whose archive came."""
    return newest(*(newest(one.answered, one.promotion.deployment_id if one.promotion else None) for one in releases))


def newest_asked(releases: Iterable[Release], target: str, *, is_canary: bool) -> int:
    """The newest deployment to the next lane that was judged, or left to it."""
    found = 0
    for one in releases:
        if one.judged is not None and (one.judged.target, one.judged.is_canary) == (target, is_canary):
            found = max(found, one.judged.deployment_id)
        if not is_canary:
            found = newest(found, one.handed)
    return found


def last_handed(releases: Iterable[Release]) -> Release | None:
    """What the next lane has, as far as this one knows."""
    return max((one for one in releases if one.handed), key=lambda one: newest(one.handed), default=None)


def hold_of(notes: Iterable[HoldNote | None]) -> Hold | None:
    """What the newest of them says."""
    last = max((one for one in notes if one is not None), key=lambda one: one.deployment_id, default=None)
    return last.hold if last is not None else None


def later_note(one: HoldNote | None, other: HoldNote) -> HoldNote:
    return other if one is None or one.deployment_id <= other.deployment_id else one


def half_that_was_ready(record: Environment, generation: int) -> Half | None:
    """What of a release stood when that request became ready; None where it did not, or another zip was put since."""
    pipeline = record.pipeline
    if pipeline is None or pipeline.generation != generation:
        return None
    return pipeline if record.generation != generation or record.ready_at is not None else None
