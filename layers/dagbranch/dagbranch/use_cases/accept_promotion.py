"""An archive that was put into this lane's bucket: where it is promoted to here and still wanted, it is asked for."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from dagbranch.domain import audit
from dagbranch.domain.environments import Environment, Status
from dagbranch.domain.naming import RELEASE, SourceArchiveKey
from dagbranch.domain.promotion import Promotion, check_promotion
from dagbranch.domain.release_jobs import course_of_archive, hold_in_words, is_of_a_canary, keeps_out, line_of
from dagbranch.domain.release_wishes import AskedDeployment
from dagbranch.domain.releases import Release, newest, newest_answered, with_promotion
from dagbranch.domain.requests import ArchiveUploaded
from dagbranch.errors import PromotionRefusedError, SourceError, SupersededError
from dagbranch.ports import DefaultBranch
from dagbranch.use_cases.hand_over import refuse_here
from dagbranch.use_cases.promotion_work import Promoter
from dagbranch.use_cases.request_release import Wanted, request_release
from dagbranch.use_cases.roll_back import held_here

_ANNOUNCED_AGAIN_AFTER: Final = timedelta(minutes=10)  # what nobody has asked for in a quarter of an hour is dropped


def accept_promotion(event: ArchiveUploaded, by: Promoter) -> None:
    """Raises PromotionRefusedError for what the lane before has not promoted to this one; that is on the audit too."""
    key = SourceArchiveKey.parse(event.key)
    promotion = None
    try:
        promotion = _promotion(key, by)
        asked, branch = _truth(promotion, by)
    except PromotionRefusedError as error:
        _turn_away(key, promotion, event, str(error), by)
        raise
    with by.at_work_on(promotion.repository_id):
        _take_in(promotion, asked, branch, event, by)


def _promotion(key: SourceArchiveKey, by: Promoter) -> Promotion:
    """What is signed with the archive, of this very archive."""
    if by.verifier is None:
        raise PromotionRefusedError(f"nothing is promoted to {by.lane}")
    promotion = by.verifier.verified(by.sources.promotion(key))
    check_promotion(promotion, key, by.lane)
    if not by.allows(promotion.repository):
        raise PromotionRefusedError(f"{promotion.repository} is not on this stack's list (AllowedRepositories)")
    return promotion


def _truth(promotion: Promotion, by: Promoter) -> tuple[AskedDeployment, DefaultBranch]:
    """What GitHub says of it now, whatever the lane before has believed."""
    repository, sha = promotion.repository, promotion.head_sha
    branch = by.github.default_branch(repository)
    if branch is None or branch.repository_id != promotion.repository_id:
        raise PromotionRefusedError(f"at GitHub, {repository} is not the repository {promotion.repository_id}")
    if not by.github.is_on_branch(repository, branch.name, sha):
        raise PromotionRefusedError(f"{sha[:7]} is not on the default branch {branch.name}")
    asked = by.github.deployment(repository, promotion.deployment_id)
    if asked is None or (asked.environment, asked.head_sha) != (by.lane, sha):
        raise PromotionRefusedError(f"deployment {promotion.deployment_id} is not of {sha[:7]} to {by.lane}")
    if is_of_a_canary(asked) != promotion.is_canary:
        raise PromotionRefusedError(f"deployment {asked.id} and its promotion do not agree on whether it is a canary")
    if by.counting(asked) != "counts":
        raise PromotionRefusedError(f"a deployment by {asked.creator} does not count in {by.lane} (Releasers)")
    return asked, branch


def _turn_away(
    key: SourceArchiveKey, promotion: Promotion | None, event: ArchiveUploaded, why: str, by: Promoter
) -> None:
    """The same for every delivery of the event. Of what nobody has signed, only the key is known."""
    record = by.registry.find(by.lane, key.repository, RELEASE) if promotion is None else None
    repository_id = promotion.repository_id if promotion else record.repository_id if record else 0
    who = promotion.by if promotion else "unknown"
    by.note([audit.turned_away(key, repository_id, who, by.lane, event.uploaded_at, why)])
    by.telemetry.count("PromotionRefused")


def _take_in(
    promotion: Promotion, asked: AskedDeployment, branch: DefaultBranch, event: ArchiveUploaded, by: Promoter
) -> None:
    ledger = tuple(by.releases.of(promotion.repository_id))
    release = line_of(asked, ledger)
    record = by.registry.get(promotion.repository_id, promotion.key.pull_number)
    known = 0 if promotion.is_canary else newest_answered(ledger)
    at_github = by.newest_at_github(promotion.repository, by.lane, is_canary=promotion.is_canary)
    course = course_of_archive(promotion, release, record, newest(known, at_github))
    by.telemetry.info("a promoted archive", course=course, deployment_id=asked.id)
    release = _noted(release, promotion, by)
    if course == "take in":
        _ask_for(promotion, asked, branch, release, event, by)
    elif course == "stands" and record is not None and record.delivery == _delivery(promotion):
        _follow(record, promotion, event, by)
    elif course == "superseded":
        raise SupersededError(f"a newer deployment to {by.lane} came after {asked.id}")


def _noted(release: Release, promotion: Promotion, by: Promoter) -> Release:
    """Also of what is not taken in now: a later deployment of it is this lane's to answer."""
    noted = release if promotion.is_canary else with_promotion(release, promotion)
    return release if noted == release else by.releases.save(noted)


def _ask_for(
    promotion: Promotion,
    asked: AskedDeployment,
    branch: DefaultBranch,
    release: Release,
    event: ArchiveUploaded,
    by: Promoter,
) -> None:
    hold = held_here(promotion.repository_id, by)
    if not promotion.is_canary and hold is not None and keeps_out(hold, asked):
        refuse_here(asked, release, hold_in_words(hold, by.lane), by)
        return
    wanted = Wanted(
        repository_id=promotion.repository_id,
        key=promotion.key,
        branch=branch.name,
        delivery=_delivery(promotion),
        promotion=promotion,
        held=None if promotion.is_canary else hold,
    )
    record = by.registry.get(promotion.repository_id, promotion.key.pull_number)
    try:
        noted = request_release(wanted, record, by)
    except SourceError as error:
        refuse_here(asked, release, str(error), by)
        return
    _follow(noted, promotion, event, by)


def _follow(record: Environment, promotion: Promotion, event: ArchiveUploaded, by: Promoter) -> None:
    """What comes of the request, also of one that broke off."""
    by.note([audit.taken_as_canary(record, promotion)] if promotion.is_canary else [])
    by.have_it_told(record)
    if record.status == Status.REQUESTED and by.now - event.uploaded_at > _ANNOUNCED_AGAIN_AFTER:
        by.sources.announce(promotion.key)


def _delivery(promotion: Promotion) -> str:
    return f"promotion {promotion.deployment_id}"
