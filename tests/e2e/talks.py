"""A repository whose pull requests are talked about: what stands on each, and what people say there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dagbranch.domain.environments import Environment
from local.demo import observation
from local.github import Comment, Pull, Repository
from local.github.feedback import CheckRecord, DeploymentView
from local.processes import wait_until
from local.stack import LocalStack

REPOSITORY = "zalando/talks"
CHECK = "dagbranch/preview"
MARKER = "<!-- dagbranch:preview -->"
WRITER, READER, STRANGER = "dana-developer", "rae-reader", "stranger-3"
EXCEPT_LABEL = "no-environment"
DEADLINE_SECONDS = 300
_MAIN = f"version: 1\npreviews: {{except_label: {EXCEPT_LABEL}}}\n".encode()
_DAG = """\
from airflow import DAG
from airflow.operators.empty import EmptyOperator

with DAG("qu.talk", schedule="@daily"):
    EmptyOperator(task_id="nothing")
# {about}
"""
BROKEN = b"# airflow dag\nimport os\n\nos.environ['NO SUCH VARIABLE']\n"
MISSPELLED = b"version: 1\ndags: dags\nretires: 3\n"


def dag(about: str) -> dict[str, bytes]:
    """The one module of the repository, another at each commit."""
    return {"dags/qu/talk.py": _DAG.format(about=about).encode()}


@dataclass(frozen=True)
class Page:
    """What stands on a pull request at one moment, and what the registry knew then; ``comments`` are ours."""

    environment: Environment
    comments: tuple[str, ...]
    checks: dict[str, CheckRecord]  # by commit
    deployments: dict[str, DeploymentView]  # by commit

    @property
    def comment(self) -> str:
        (only,) = self.comments
        return only

    @property
    def check(self) -> CheckRecord:
        """Of the newest commit that the registry knows."""
        return self.checks[self.environment.head_sha]


@dataclass(frozen=True)
class Talks:
    """The repository on the stack, and how to wait for what is told."""

    stack: LocalStack
    repository: Repository

    def begin(self) -> None:
        self.repository.commit("main", {"dagbranch.yaml": _MAIN, **dag("main")}, "Begin with one DAG")
        self.repository.give(WRITER, "write")
        self.repository.give(READER, "read")

    def open(self, branch: str, changes: dict[str, bytes], *, draft: bool = False, deliver: bool = True) -> Pull:
        self.repository.commit(branch, changes, f"What {branch} is about", start_from="main")
        return self.repository.open_pull(branch, f"What {branch} is about", draft=draft, deliver=deliver)

    def told(self, pull: Pull, outcome: str) -> Page:
        """As soon as the check of the newest commit says this, and all that is put after it stands as well."""
        self.wait(lambda: self._is_told(pull, outcome), f"{pull.head_ref} is told: {outcome}")
        return self.page(pull)

    def record(self, pull: Pull) -> Environment:
        found = observation.registered(self.stack, self.repository.id, pull.number)
        assert found is not None
        return found

    def page(self, pull: Pull) -> Page:
        assert self.stack.app is not None
        ours = [one.body for one in pull.comments if one.author.login == self.stack.app.login]
        commits = dict.fromkeys([*pull.record.earlier_heads, pull.head_sha])
        checks = {sha: pull.checks(sha)[CHECK] for sha in commits if CHECK in pull.checks(sha)}
        return Page(self.record(pull), tuple(ours), checks, {one.sha: one for one in pull.deployments})

    def say(self, pull: Pull, author: str, text: str) -> Comment:
        """A comment that is answered: a reaction stands at it, and the answer in our comment."""
        comment = pull.comment(author, text)
        self.wait(lambda: comment.reactions != [], f"{text!r} by {author} is seen")
        return comment

    def wait(self, condition: Callable[[], bool], what: str) -> None:
        wait_until(condition, what=what, deadline_seconds=DEADLINE_SECONDS, every_seconds=0.5)

    def _is_told(self, pull: Pull, outcome: str) -> bool:
        check = pull.checks().get(CHECK)
        return check is not None and check.outcome == outcome and not self._is_at_work()

    def _is_at_work(self) -> bool:
        """Whether anything is still to be told."""
        sqs = self.stack.aws.client("sqs")
        queue = self.stack.deployed.physical_id("ReportStatusQueue")
        counts = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
        return any(int(counts[f"ApproximateNumberOfMessages{kind}"]) for kind in ("", "NotVisible", "Delayed"))
