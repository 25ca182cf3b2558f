"""A comment on a pull request, as who wrote it and who reads it have it."""

from __future__ import annotations

from local.github.context import Context
from local.github.feedback import Actor, CommentRecord
from local.github.said import changed_comment, comment_event, put_comment
from local.github.state import HostedRepository
from local.github.webhooks import Delivery


class Comment:
    """The comment ``id``; ``delivery`` is what was sent of it last."""

    def __init__(self, context: Context, hosted: HostedRepository, number: int, delivery: Delivery) -> None:
        self._context = context
        self._hosted = hosted
        self.id = number
        self.delivery = delivery

    @classmethod
    def write(
        cls, context: Context, hosted: HostedRepository, pull_number: int, author: str, body: str, *, deliver: bool
    ) -> Comment:
        record = put_comment(context.site, hosted, pull_number, Actor(author), body)
        payload = comment_event(context.site, hosted, record, "created", record.author)
        delivery = context.webhook.deliver("issue_comment", payload, withhold=not deliver)
        return cls(context, hosted, record.id, delivery)

    @property
    def record(self) -> CommentRecord:
        return self._hosted.feedback.comments[self.id]

    @property
    def body(self) -> str:
        return self.record.body

    @property
    def reactions(self) -> list[tuple[str, str]]:
        """Who reacted, and how, in order."""
        found = self._hosted.feedback.reactions_to(self.id)
        return [(one.author.login, one.content) for one in found]

    def edit(self, body: str, *, deliver: bool = True) -> Delivery:
        before, record = self.record, changed_comment(self._hosted, self.record, body)
        changes = {"body": {"from": before.body}}
        payload = comment_event(self._context.site, self._hosted, record, "edited", record.author, changes=changes)
        self.delivery = self._context.webhook.deliver("issue_comment", payload, withhold=not deliver)
        return self.delivery

    def delete(self, *, deliver: bool = True) -> Delivery:
        record = self._hosted.feedback.comments.pop(self.id)
        payload = comment_event(self._context.site, self._hosted, record, "deleted", record.author)
        self.delivery = self._context.webhook.deliver("issue_comment", payload, withhold=not deliver)
        return self.delivery
