"""Comments on pull requests, and reactions to them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from local.github.feedback import CommentRecord, ReactionRecord
from local.github.payloads import comments
from local.github.rest.inputs import CommentInput, ReactionInput, read
from local.github.rest.messages import Answer, ApiError, failed_validation, json_answer, not_found
from local.github.rest.pagination import page_of
from local.github.rest.site import Call
from local.github.said import edit_comment, remove_comment, write_comment
from local.github.state import now

_MOST_BODY = 65_536


def list_comments(call: Call) -> Answer:
    """Oldest first, those changed ``since`` alone where that is asked."""
    number = call.pull().number
    since = _moment(call.request.query)
    found = [one for one in call.hosted.feedback.comments_on(number) if since is None or one.updated_at >= since]
    page, headers = page_of(found, call.request.query, call.address(f"/issues/{number}/comments"))
    shown = [comments.comment(call.urls, call.site.state, call.hosted, one) for one in page]
    return json_answer(shown, headers=headers)


def create_comment(call: Call) -> Answer:
    number, body = call.pull().number, _body(call)
    record = write_comment(call.site, call.hosted, number, call.actor, body)
    return json_answer(comments.comment(call.urls, call.site.state, call.hosted, record), 201)


def show_comment(call: Call) -> Answer:
    return json_answer(comments.comment(call.urls, call.site.state, call.hosted, _comment(call)))


def change_comment(call: Call) -> Answer:
    comment, body = _theirs(call), _body(call)
    record = edit_comment(call.site, call.hosted, comment, call.actor, body)
    return json_answer(comments.comment(call.urls, call.site.state, call.hosted, record))


def delete_comment(call: Call) -> Answer:
    remove_comment(call.site, call.hosted, _theirs(call), call.actor)
    return Answer(204)


def list_reactions(call: Call) -> Answer:
    comment, content = _comment(call), call.request.query.get("content")
    found = [one for one in call.hosted.feedback.reactions_to(comment.id) if content in {None, one.content}]
    page, headers = page_of(found, call.request.query, call.address(f"/issues/comments/{comment.id}/reactions"))
    return json_answer([comments.reaction(call.urls, one) for one in page], headers=headers)


def react(call: Call) -> Answer:
    """201 with the new reaction, 200 with the one that was there already."""
    comment, content = _comment(call), read(ReactionInput, call.request).content
    with call.site.state.lock:
        for one in call.hosted.feedback.reactions_to(comment.id):
            if (one.author, one.content) == (call.actor, content):
                return json_answer(comments.reaction(call.urls, one))
        made = ReactionRecord(call.site.state.next_id(), comment.id, call.actor, content, now())
        call.hosted.feedback.reactions[made.id] = made
    return json_answer(comments.reaction(call.urls, made), 201)


def delete_reaction(call: Call) -> Answer:
    found = call.hosted.feedback.reactions.get(int(call.parts["reaction"]))
    if found is None or found.comment_id != _comment(call).id:
        raise not_found()
    del call.hosted.feedback.reactions[found.id]
    return Answer(204)


def _comment(call: Call) -> CommentRecord:
    comment = call.hosted.feedback.comments.get(int(call.parts["comment"]))
    if comment is None:
        raise not_found()
    return comment


def _theirs(call: Call) -> CommentRecord:
    """The comment, if who asks may change it: its author, an App with the permission, or somebody who may push."""
    comment = _comment(call)
    if call.actor.app_id is None and comment.author != call.actor and not call.hosted.may_push(call.actor.login):
        raise ApiError(403, "Must have admin rights to Repository.")
    return comment


def _body(call: Call) -> str:
    body = read(CommentInput, call.request).body
    if not body.strip():
        raise failed_validation("IssueComment", "body", "missing_field")
    if len(body) > _MOST_BODY:
        words = f"Body is too long (maximum is {_MOST_BODY} characters)"
        raise failed_validation("IssueComment", "data", "unprocessable", words)
    return body


def _moment(query: Mapping[str, str]) -> datetime | None:
    return datetime.fromisoformat(query["since"]) if query.get("since") else None
