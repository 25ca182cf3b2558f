"""What people see on a pull request: dagbranch's one comment, the check of its newest commit, its deployments."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from local.demo.terminal_markdown import rendered
from local.github import Pull
from local.github.feedback import CommentRecord, DeploymentView
from local.stack import LocalStack

CHECK = "dagbranch/preview"


@dataclass(frozen=True)
class Page:
    """One moment of it. ``comments`` are dagbranch's own; ``outcome`` and ``title`` are the check's, None without one.

    Where a token speaks to GitHub, the check is a commit status.
    """

    number: int
    head_sha: str
    comments: tuple[CommentRecord, ...]
    outcome: str | None
    title: str | None
    deployments: tuple[DeploymentView, ...]

    @property
    def comment(self) -> str:
        """Markdown; empty where there is none."""
        return self.comments[0].body if self.comments else ""

    @property
    def lines(self) -> list[str]:
        """The comment as a terminal shows it."""
        return rendered(self.comment)

    @property
    def headline(self) -> str:
        return next(iter(self.lines), "nothing yet")

    @property
    def deployment(self) -> DeploymentView | None:
        """The latest of the newest commit."""
        return next((one for one in reversed(self.deployments) if one.sha == self.head_sha), None)

    @property
    def is_told_ready(self) -> bool:
        """Whether all is put: the deployment is the last."""
        return self.deployment is not None and self.deployment.state == "success" == self.outcome

    @property
    def told_at(self) -> datetime | None:
        """When the deployment came to its state."""
        history = self.deployment.history if self.deployment else ()
        return history[0].created_at if history else None

    @property
    def state(self) -> str:
        """The check and the deployment."""
        return f"check: {self.outcome} · deployment: {self.deployment.state if self.deployment else 'none'}"

    @property
    def url(self) -> str:
        """Into Airflow; empty where the deployment leads nowhere."""
        return self.deployment.url if self.deployment else ""


def page_of(stack: LocalStack, pull: Pull) -> Page:
    author = stack.app.login if stack.app else stack.github.site.token_owner
    head_sha = pull.head_sha
    check, status = pull.checks(head_sha).get(CHECK), pull.statuses(head_sha).get(CHECK)
    return Page(
        number=pull.number,
        head_sha=head_sha,
        comments=tuple(one for one in pull.comments if one.author.login == author),
        outcome=check.outcome if check else status.state if status else None,
        title=check.title if check else status.description if status else None,
        deployments=tuple(pull.deployments),
    )
