"""Comments written, edited and removed, by whom ever, with the webhooks that follow."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from local.github.feedback import Actor, CommentRecord
from local.github.payloads.events import issue_comment_event
from local.github.rest.site import Site
from local.github.state import HostedRepository, now


def write_comment(site: Site, hosted: HostedRepository, number: int, author: Actor, body: str) -> CommentRecord:
    """What an App's own comments cause too, GitHub sends a little later, not before the answer."""
    record = put_comment(site, hosted, number, author, body)
    site.tell("issue_comment", comment_event(site, hosted, record, "created", author))
    return record


def put_comment(site: Site, hosted: HostedRepository, number: int, author: Actor, body: str) -> CommentRecord:
    made = now()
    record = CommentRecord(site.state.next_id(), number, author, body, made, made)
    hosted.feedback.comments[record.id] = record
    return record


def edit_comment(site: Site, hosted: HostedRepository, comment: CommentRecord, by: Actor, body: str) -> CommentRecord:
    changed = changed_comment(hosted, comment, body)
    before = {"body": {"from": comment.body}}
    site.tell("issue_comment", comment_event(site, hosted, changed, "edited", by, changes=before))
    return changed


def changed_comment(hosted: HostedRepository, comment: CommentRecord, body: str) -> CommentRecord:
    hosted.feedback.comments[comment.id] = changed = replace(comment, body=body, updated_at=now())
    return changed


def remove_comment(site: Site, hosted: HostedRepository, comment: CommentRecord, by: Actor) -> None:
    del hosted.feedback.comments[comment.id]
    site.tell("issue_comment", comment_event(site, hosted, comment, "deleted", by))


def comment_event(
    site: Site, hosted: HostedRepository, comment: CommentRecord, action: str, sender: Actor, **details: object
) -> dict[str, Any]:
    return issue_comment_event(site.urls, site.state, hosted, comment, action, sender, **details)
