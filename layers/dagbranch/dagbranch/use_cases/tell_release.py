"""A release lane's record and ledger → what stands at GitHub: checks, and statuses of the deployments that were asked
for; and the deployments that dagbranch makes by itself.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Final

from dagbranch.domain.environments import Environment
from dagbranch.domain.releases import Judged, Release
from dagbranch.domain.report_check import checks_to_put
from dagbranch.domain.report_gates import (
    deployment_under_way,
    gates_check,
    gates_status,
    is_overtaken,
    is_still_wanted,
    wanted_description,
)
from dagbranch.domain.report_release import release_statuses
from dagbranch.domain.reports import MadeRelease, PostedRelease, ReleaseStatus
from dagbranch.use_cases.telling import Telling, digest_of

_MOST_RELEASES: Final = 10


def tell_release(record: Environment, telling: Telling) -> None:
    """Of what stands in this lane. Nobody has a pull request to be commented on."""
    for check in checks_to_put(record, telling.reported.checks, telling.by.pages):
        telling.attempt("a check", partial(telling.put_check, check))
    for status in release_statuses(record, telling.reported.releases):
        telling.attempt("a deployment's status", partial(_put_status, status, telling))


def tell_judged(release: Release | None, telling: Telling) -> None:
    """Of what the gates to the next lane have said of a commit."""
    judged = release.judged if release is not None else None
    if release is None or judged is None:
        telling.by.telemetry.info("nothing is told: the ledger knows of no judgement")
        return
    telling.attempt("the check of the gates", partial(telling.put_gates, gates_check(release, judged)))
    if judged.wants_deployment:
        telling.attempt("a new deployment", partial(_make_wanted, release, judged, telling))
    elif (status := gates_status(judged)) is not None:
        telling.attempt("a deployment's status", partial(_put_gates_status, status, telling))


def _put_gates_status(status: ReleaseStatus, telling: Telling) -> None:
    """The next lane writes to the same deployment: what it has told is newer than what was handed to it."""
    told = _told_of(status.deployment_id, telling)
    if told is not None and told.digest == digest_of(repr(status)):
        return
    deployment = telling.by.deployments.deployment(telling.repository, status.deployment_id)
    if is_overtaken(status, told, deployment):
        telling.by.telemetry.info("nothing is told: the deployment has ended meanwhile")
        return
    _put_status(status, telling)


def _put_status(status: ReleaseStatus, telling: Telling) -> None:
    digest, told = digest_of(repr(status)), _told_of(status.deployment_id, telling)
    if told is not None and told.digest == digest:
        return
    telling.by.github.put_release_status(telling.repository, status)
    others = [one for one in telling.reported.releases if one.deployment_id != status.deployment_id]
    posted = PostedRelease(status.deployment_id, status.environment, status.state, digest)
    telling.note(replace(telling.reported, releases=(*others, posted)[-_MOST_RELEASES:]))


def _make_wanted(release: Release, judged: Judged, telling: Telling) -> None:
    """It comes back as an event, and is judged as any other; until that has an end there is no second one."""
    if _has_made_one(release, judged, telling):
        return
    newest = telling.by.deployments.newest_deployment(telling.repository, judged.target)
    number = deployment_under_way(release, newest)
    if number is None:
        if not is_still_wanted(judged, newest):
            telling.by.telemetry.info("no deployment is made: somebody has asked for another commit since")
            return
        number = telling.by.github.make_release(
            telling.repository, judged.target, release.head_sha, wanted_description(release)
        )
    noted = (*telling.reported.made, MadeRelease(release.head_sha, judged.target, number))[-_MOST_RELEASES:]
    telling.note(replace(telling.reported, made=noted))


def _has_made_one(release: Release, judged: Judged, telling: Telling) -> bool:
    """GitHub's list may lag behind what was made a moment ago."""
    wanted = release.head_sha, judged.target
    made = [one.deployment_id for one in telling.reported.made if (one.head_sha, one.target) == wanted]
    last = telling.by.deployments.deployment(telling.repository, made[-1]) if made else None
    return deployment_under_way(release, last) is not None


def _told_of(deployment_id: int, telling: Telling) -> PostedRelease | None:
    return next((one for one in telling.reported.releases if one.deployment_id == deployment_id), None)
