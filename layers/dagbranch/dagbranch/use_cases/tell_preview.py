"""A preview's record → what stands on its pull request: the one comment, the check and the deployment."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Final

from dagbranch.domain.environments import Environment
from dagbranch.domain.report_check import checks_to_put
from dagbranch.domain.report_comment import comment_of, comment_without_record
from dagbranch.domain.report_deployment import deployments_to_put
from dagbranch.domain.reports import Answer, Deployment, Posted, PostedDeployment
from dagbranch.errors import UpstreamError, is_for_good
from dagbranch.use_cases.telling import Telling, digest_of

_MOST_ANSWERS: Final = 5


def tell_preview(record: Environment | None, answer: Answer | None, telling: Telling) -> None:
    """``answer``: what became of a command, if one is to be told."""
    if answer is not None:
        telling.attempt("a reaction", partial(_react, answer, telling))
        _add(answer, telling)
    telling.attempt("the comment", partial(_put_comment, record, telling))
    if record is None:
        return
    for check in checks_to_put(record, telling.reported.checks, telling.by.pages):
        telling.attempt("a check", partial(telling.put_check, check))
    telling.attempt("a deployment", partial(_put_deployments, record, telling))


def _react(answer: Answer, telling: Telling) -> None:
    telling.by.github.react(telling.repository, answer.comment_id, answer.reaction)


def _add(answer: Answer, telling: Telling) -> None:
    """It is noted with the comment that tells it."""
    others = [one for one in telling.reported.answers if one.comment_id != answer.comment_id]
    latest = sorted([*others, answer], key=lambda one: (one.at, one.comment_id))
    telling.reported = replace(telling.reported, answers=tuple(latest[-_MOST_ANSWERS:]))


def _put_comment(record: Environment | None, telling: Telling) -> None:
    by, answers, standing = telling.by, telling.reported.answers, telling.reported.comment
    if (record is None and not answers) or (record is not None and _is_orphan(record) and standing is None):
        return
    text = comment_of(record, answers, by.pages) if record else comment_without_record(by.lane, answers)
    if standing is not None and standing.digest == digest_of(text):
        return
    number = telling.reported.pull_number
    put = by.github.put_comment(telling.repository, number, text, standing.id if standing else None)
    telling.note(replace(telling.reported, comment=Posted(put, digest_of(text))))


def _is_orphan(record: Environment) -> bool:
    """Whether it is a removal of what no record had claimed: of it, nobody was ever told."""
    return not record.branch


def _put_deployments(record: Environment, telling: Telling) -> None:
    """Where they are switched off, what stands from before is ended."""
    for deployment, deployment_id in deployments_to_put(record, telling.reported.deployment):
        if telling.by.has_deployments or deployment.state == "inactive":
            _put_deployment(deployment, deployment_id, telling)


def _put_deployment(deployment: Deployment, deployment_id: int | None, telling: Telling) -> None:
    digest, standing = digest_of(repr(deployment)), telling.reported.deployment
    if standing is not None and (standing.id, standing.digest) == (deployment_id, digest):
        return
    put = _deployment_put(deployment, deployment_id, telling)
    posted = PostedDeployment(put, deployment.head_sha, deployment.state, digest)
    telling.note(replace(telling.reported, deployment=posted))


def _deployment_put(deployment: Deployment, deployment_id: int | None, telling: Telling) -> int | None:
    """Refused for good, as where the credentials have no right for it, it is told in the log, once for each
    pull request: what counts are the comment and the check.
    """
    try:
        return telling.by.github.put_deployment(telling.repository, deployment, deployment_id)
    except UpstreamError as error:
        if not is_for_good(error):
            raise
        if not _was_refused(telling):
            telling.by.telemetry.warning("GitHub takes no deployment", reason=str(error))
        return deployment_id


def _was_refused(telling: Telling) -> bool:
    standing = telling.reported.deployment
    return standing is not None and standing.id is None
