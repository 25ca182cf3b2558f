"""What may go on to the next lane, or go back in this one: deployments, promoted archives, own events, the schedule."""

from __future__ import annotations

from dagbranch.domain.release_jobs import ReleaseEvent, job_of
from dagbranch.domain.release_wishes import AskedDeployment
from dagbranch.domain.requests import ArchiveUploaded, DeploymentEvent, EnvironmentEvent, ReleaseTick
from dagbranch.errors import InvalidEventError
from dagbranch.use_cases.accept_promotion import accept_promotion
from dagbranch.use_cases.judge_promotion import judge_promotion
from dagbranch.use_cases.note_ready import note_release_event
from dagbranch.use_cases.promotion_work import Promoter
from dagbranch.use_cases.release_tick import tick
from dagbranch.use_cases.repair_release import repair_release
from dagbranch.use_cases.roll_back import answer_deployment


def promote_release(event: ReleaseEvent, *, by: Promoter) -> None:
    """Every job can be done again, late, and after a worker that died in it: the ledger says how far it has come.

    Raises PromotionRefusedError for an archive that is not promoted to here, NotYetError while another worker is at
    the same repository, SupersededError for what is overtaken, UpstreamError where somebody does not answer.
    """
    job = job_of(event, lane=by.lane, next_lane=by.next_lane, first_release_lane=by.first_release_lane)
    by.telemetry.about(job=job)
    match event:
        case DeploymentEvent() if job is not None:
            _answer(event, by)
        case ArchiveUploaded() if job is not None:
            accept_promotion(event, by)
        case EnvironmentEvent() if job == "note":
            note_release_event(event, by)
        case EnvironmentEvent() if job == "repair":
            repair_release(event, by)
        case ReleaseTick():
            tick(by)
        case _:
            by.telemetry.info("nothing is to be done here")


def _answer(event: DeploymentEvent, by: Promoter) -> None:
    """The event is only a reason to ask GitHub."""
    by.telemetry.about(repository=event.repository, deployment_id=event.deployment_id)
    if not by.allows(event.repository):
        by.telemetry.info("the repository is not on this stack's list (AllowedRepositories)")
        return
    asked = by.github.deployment(event.repository, event.deployment_id)
    if asked is None:
        by.telemetry.info("the deployment is not there any more")
        return
    if asked.repository_id != event.repository_id:
        raise InvalidEventError(
            f"{event.repository} is the repository {asked.repository_id}, not {event.repository_id}"
        )
    by.telemetry.about(head_sha=asked.head_sha)
    counting = by.counting(asked)
    if counting != "counts":
        by.telemetry.info("the deployment does not count", counting=counting, creator=asked.creator)
        return
    with by.at_work_on(asked.repository_id):
        _judge_or_answer(asked, by)


def _judge_or_answer(asked: AskedDeployment, by: Promoter) -> None:
    if asked.environment == by.lane:
        answer_deployment(asked, by)
    elif asked.environment == by.next_lane:
        judge_promotion(asked, by)
