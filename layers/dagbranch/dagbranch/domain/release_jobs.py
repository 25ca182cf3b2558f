"""Whose deployments count, and what is to be done with an event in this lane, by what GitHub and the ledger say."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

from dagbranch.domain.environments import Environment, Status
from dagbranch.domain.naming import CANARY, RELEASE, SourceArchiveKey
from dagbranch.domain.promotion import Promotion
from dagbranch.domain.release_wishes import AskedDeployment, Hold
from dagbranch.domain.releases import WANTED, HoldNote, Judged, Release, newest
from dagbranch.domain.requests import ArchiveUploaded, DeploymentEvent, EnvironmentEvent, EventKind, ReleaseTick
from dagbranch.errors import InvalidEventError

_STANDS_OR_COMES: Final = frozenset({Status.REQUESTED, Status.DEPLOYING, Status.READY})

type ReleaseEvent = DeploymentEvent | EnvironmentEvent | ArchiveUploaded | ReleaseTick
type Job = Literal["judge", "answer", "accept", "note", "repair", "tick"]
type Counting = Literal["counts", "not yet", "never"]

_BOT_OF_ACTIONS: Final = "github-actions[bot]"
_WANTED: Final = frozenset({Status.REQUESTED, Status.DEPLOYING, Status.READY, Status.FAILED})


def job_of(event: ReleaseEvent, *, lane: str, next_lane: str | None, first_release_lane: bool) -> Job | None:
    """None for what is another lane's, or nobody's."""
    match event:
        case ReleaseTick():
            return "tick"
        case DeploymentEvent(environment=environment):
            return "answer" if environment == lane else "judge" if environment == next_lane else None
        case ArchiveUploaded(key=key):
            return "accept" if not first_release_lane and _is_of_a_release(key) else None
        case EnvironmentEvent():
            return _job_of_own(event, lane)


def counting(asked: AskedDeployment, *, releasers: frozenset[str], app_id: int | None) -> Counting:
    """Whether it counts who made this deployment.

    A job's in a protected environment is still asked about by its reviewers until it has begun. What a workflow makes
    with its token asks nobody: its bot has to be on the list, as any other creator. Our own App speaks as its bot
    alone: what its users do through it is theirs.
    """
    if asked.is_of_a_workflow and asked.creator != _BOT_OF_ACTIONS:
        return "counts" if asked.has_begun else "not yet"
    is_our_own = app_id is not None and asked.made_by_app == app_id and asked.creator.endswith("[bot]")
    return "counts" if is_our_own or asked.creator.lower() in releasers else "never"


def is_of_a_canary(asked: AskedDeployment) -> bool:
    return asked.wish.canary is not None


def keeps_out(hold: Hold | None, asked: AskedDeployment) -> bool:
    """Whether this hold keeps the deployment out: not where it releases the hold, or has put it itself."""
    is_its_own = hold is not None and (hold.by, hold.at) == (asked.creator, asked.created_at)
    return hold is not None and asked.wish.hold is not False and not is_its_own


def hold_in_words(hold: Hold, lane: str) -> str:
    why = f": {hold.reason}" if hold.reason else ""
    told = f"{hold.by} holds {lane} since {hold.at:%Y-%m-%d %H:%M} UTC{why}"
    return f"{told}; a deployment with hold: false releases it"


def hold_asked_for(asked: AskedDeployment) -> HoldNote | None:
    """What the deployment itself says of a hold."""
    if asked.faults or asked.wish.hold is None:
        return None
    hold = Hold(asked.creator, asked.created_at, asked.wish.reason) if asked.wish.hold else None
    return HoldNote(asked.id, hold)


def hold_after_going_back(asked: AskedDeployment) -> HoldNote:
    """What a rollback leaves behind, so that nothing undoes it by itself; unless it says that nothing is to be held."""
    reason = asked.wish.reason or f"went back to {asked.head_sha[:7]}"
    return hold_asked_for(asked) or HoldNote(asked.id, Hold(asked.creator, asked.created_at, reason))


type CourseBefore = Literal["judge", "settle", "leave", "end", "done"]


def course_before(asked: AskedDeployment, release: Release, newest_id: int) -> CourseBefore:
    """What the lane before does with a deployment for the next one. ``newest_id``: of those that count, of its kind.

    ``settle``: it was judged, and what follows is not done yet. ``leave``: the next lane has the commit, and answers.
    ``end``: a newer one came.
    """
    judged = release.judged if release.judged and release.judged.target == asked.environment else None
    if judged is not None and judged.deployment_id > asked.id:
        return "done"
    if judged is not None and judged.deployment_id == asked.id and judged.verdict != "waiting":
        return "done" if judged.is_settled else "settle"
    if asked.wish.canary == "drop" or (release.handed is not None and asked.wish.canary is None):
        return "leave"
    return "end" if asked.id < newest_id else "judge"


def is_overtaken(judged: Judged, asked: AskedDeployment) -> bool:
    """Whether this newer deployment ends the waiting of an older one of its kind."""
    is_alike = (judged.target, judged.is_canary) == (asked.environment, is_of_a_canary(asked))
    return judged.verdict == "waiting" and is_alike and WANTED < judged.deployment_id < asked.id


def line_of(asked: AskedDeployment, ledger: Iterable[Release]) -> Release:
    """The ledger's line of the commit, or an empty one."""
    empty = Release(asked.repository_id, asked.repository, asked.head_sha)
    return next((one for one in ledger if one.head_sha == asked.head_sha), empty)


type CourseHere = Literal["done", "drop", "unknown", "stands", "go back", "try again"]


def course_here(asked: AskedDeployment, release: Release, record: Environment | None, newest_id: int) -> CourseHere:
    """What a lane does with a deployment for itself. ``newest_id``: of those for it that count.

    ``unknown``: the commit never came here. ``stands``: it is there, or on its way. ``go back``: it had been ready
    here. ``try again``: it was promoted, and never ready. What has failed for a deployment is not tried again for it.
    """
    if asked.wish.canary is not None:
        return "drop" if asked.wish.canary == "drop" else "unknown"
    if asked.id < newest(newest_id, record.asked_by if record else None):
        return "done"
    if record is not None and _brings(record, release, asked):
        return "done" if record.status == Status.FAILED else "stands"
    if release.known_digest is None:
        return "unknown"
    return "go back" if release.was_ready else "try again"


def _brings(record: Environment, release: Release, asked: AskedDeployment) -> bool:
    """Whether this commit stands here or is on its way, or has failed for this very deployment."""
    digests = {record.asked_digest, release.known_digest} - {None}
    is_tried = record.status in _STANDS_OR_COMES or (record.status == Status.FAILED and record.asked_by == asked.id)
    return is_tried and record.head_sha == release.head_sha and len(digests) < 2


type CourseOfArchive = Literal["stands", "superseded", "leave", "take in"]


def course_of_archive(
    promotion: Promotion, release: Release, record: Environment | None, newest_id: int
) -> CourseOfArchive:
    """What a lane does with an archive that the lane before has promoted to it.

    ``leave``: it had been ready here, and its deployment says what is to become of it; this may be a rollback's archive
    that was announced again.
    """
    if record is not None and _asks_for(record, promotion.head_sha, promotion.source_digest):
        return "stands"
    if promotion.deployment_id < newest(newest_id, record.asked_by if record else None):
        return "superseded"
    return "leave" if release.was_ready and not promotion.is_canary else "take in"


def is_answered(asked: AskedDeployment, release: Release | None) -> bool:
    """Whether the lane before has done all it had to for this deployment, so that the schedule has nothing to do."""
    if release is None:
        return False
    judged = release.judged
    is_judged = judged is not None and judged.deployment_id == asked.id and judged.is_settled
    return is_judged or asked.id in {release.handed, release.answered}


def waiting(releases: Iterable[Release], target: str) -> list[tuple[Release, Judged]]:
    """What waits at the gates to that lane, and what was judged and is not settled."""
    found = ((one, one.judged) for one in releases if one.judged is not None and one.judged.target == target)
    return [(one, judged) for one, judged in found if judged.verdict == "waiting" or not judged.is_settled]


def _asks_for(record: Environment, head_sha: str, digest: str) -> bool:
    return record.status in _WANTED and (record.head_sha, record.asked_digest) == (head_sha, digest)


def _is_of_a_release(key: str) -> bool:
    try:
        return SourceArchiveKey.parse(key).pull_number in {RELEASE, CANARY}
    except InvalidEventError:
        return False


def _job_of_own(event: EnvironmentEvent, lane: str) -> Job | None:
    if event.lane != lane or event.pull_number not in {RELEASE, CANARY}:
        return None
    if event.kind in {EventKind.READY, EventKind.FAILED}:
        return "note"
    return "repair" if event.kind == EventKind.ENVIRONMENT_REQUESTED else None
