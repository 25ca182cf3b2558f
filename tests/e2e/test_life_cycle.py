"""The life cycle on the deployed template: events twice, late and out of order, names, expiry, orphans, faults."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

import pytest

from dagbranch.adapters.dynamodb import DynamoDbRegistry
from dagbranch.domain.environments import Environment, Status
from dagbranch.domain.naming import commit_tag
from dagbranch.domain.ownership import marker_of
from local.demo import observation
from local.github import Delivery
from local.processes import wait_until
from local.stack import LocalStack
from tests.e2e.conftest import Told, settled
from tests.e2e.lives import SAME_NAME, Lives, dag, open_one

pytestmark = pytest.mark.parametrize("told", ["3"], indirect=True, ids=["airflow-3"])

DEADLINE_SECONDS = 240
KEEP_LABEL = "keep-environment"
ORPHAN, NOBODYS, STRANGE = "orphan", 4_711, "strange"
_LOOKED_AT, _TAKEN = "nothing is deployed", 202


@dataclass(frozen=True)
class Scene:
    """The repository's pull requests on the stack, and how to wait for what follows."""

    stack: LocalStack
    lives: Lives

    def record(self, branch: str) -> Environment:
        return self.record_of(self.lives.pulls[branch].number)

    def record_of(self, pull_number: int) -> Environment:
        found = observation.registered(self.stack, self.lives.repository.id, pull_number)
        assert found is not None
        return found

    def is_at(self, branch: str, status: Status) -> bool:
        """Whether it has come to this status with its pull request's newest commit."""
        found = self.record(branch)
        return found.status == status and found.head_sha == self.lives.pulls[branch].head_sha

    def wait(self, condition: Callable[[], bool], what: str) -> None:
        wait_until(condition, what=what, deadline_seconds=DEADLINE_SECONDS, every_seconds=0.5)

    def wait_for(self, branch: str, status: Status) -> Environment:
        self.wait(lambda: self.is_at(branch, status), what=f"{branch} is {status}")
        return self.record(branch)

    def commits(self, environment: Environment) -> list[set[str]]:
        """The commits in the tags of each of its active DAGs."""
        found = observation.dags(self.stack, environment.claimed_name)
        return [{tag for tag in one.tags if tag.startswith("commit:")} for one in found if one.is_active]

    def left(self, environment: Environment) -> tuple[Any, ...]:
        """What of it can still be found anywhere."""
        name, repository = environment.receipt["environment"], environment.repository
        assert isinstance(name, str)
        return (
            *observation.objects(self.stack, name),
            *observation.dags(self.stack, name),
            *observation.source_archives(self.stack, repository, environment.pull_number),
        )

    def said(self, function: str, message: str, pull_number: int) -> int:
        """How often a function has logged this of the pull request."""
        log = self.stack.deployed.logs / f"{function}.log"
        entries = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
        return sum(one.get("message") == message and one.get("pull_number") == pull_number for one in entries)


@dataclass(frozen=True)
class Lived:
    """What each act saw, and how everything stood after all of them."""

    scene: Scene
    first: dict[str, Environment]
    pushed: Environment  # twice, when its newest commit had come
    removed: dict[str, Environment]  # as it was before its pull request got another one
    left: dict[str, tuple[Any, ...]]
    again: Environment
    orphan: Environment
    dead_letters: list[dict[str, str]]

    @property
    def last(self) -> dict[str, Environment]:
        return {branch: self.scene.record(branch) for branch in self.scene.lives.pulls}


@pytest.fixture(scope="module")
def lived(told: Told) -> Lived:
    """All acts at once, because most of their time they wait for Airflow's next look at its folder."""
    assert told.lives is not None
    scene = Scene(told.stack, told.lives)
    first = {branch: settled(told.stack, scene.lives.repository, pull) for branch, pull in scene.lives.pulls.items()}
    with ThreadPoolExecutor() as acts:
        twice, others = acts.submit(_twice, scene), [acts.submit(act, scene) for act in (_close_late, _force)]
        ends = {branch: acts.submit(_close, scene, branch) for branch in ("reopened", SAME_NAME[0])}
        making, expiring = acts.submit(_make_branch_again, scene), acts.submit(_expire, scene)
        failing = acts.submit(_fail_for_good, scene)
    for act in others:
        act.result()
    removed = {branch: end.result() for branch, end in ends.items()} | expiring.result()
    again = making.result()
    removed["again"] = scene.wait_for("again", Status.REMOVED)
    left = {branch: scene.left(environment) for branch, environment in removed.items() if branch != "again"}
    _bring_back(scene)
    return Lived(scene, first, twice.result(), removed, left, again, scene.record_of(NOBODYS), failing.result())


def _twice(scene: Scene) -> Environment:
    """A push whose event gets lost, one that is heard of, then the first one's event, and the opening's once more.

    Returns the record before the two that change nothing.
    """
    pull, github = scene.lives.pulls["twice"], scene.stack.github
    pull.push(dag("a first push"), "Nobody hears of it in time", deliver=False)
    late = _delivery(scene, "synchronize")
    pull.push(dag("a second push"), "The newest")
    ready = scene.wait_for("twice", Status.READY)
    looks = scene.said("FetchSource", _LOOKED_AT, pull.number)
    assert github.send("pull_request", _delivery(scene, "opened").payload).status == _TAKEN
    github.redeliver(late.id)
    scene.wait(lambda: scene.said("FetchSource", _LOOKED_AT, pull.number) > looks, what="the late event is looked at")
    return ready


def _delivery(scene: Scene, action: str) -> Delivery:
    """The last one about the branch ``twice`` with this action."""
    return next(
        one
        for one in reversed(scene.stack.github.deliveries)
        if one.action == action and one.payload.get("pull_request", {}).get("head", {}).get("ref") == "twice"
    )


def _close_late(scene: Scene) -> None:
    pull = scene.lives.pulls["late-close"]
    closed = pull.close(deliver=False)
    pull.reopen(deliver=False)
    scene.stack.github.redeliver(closed.id)
    stays = "the environment stays: nothing is removed"
    scene.wait(lambda: scene.said("RemoveEnvironment", stays, pull.number) >= 1, what="the late event is looked at")


def _force(scene: Scene) -> None:
    scene.lives.pulls["forced"].force_push(dag("another history"), "Begun anew")
    scene.wait_for("forced", Status.READY)


def _close(scene: Scene, branch: str) -> Environment:
    scene.lives.pulls[branch].close()
    return scene.wait_for(branch, Status.REMOVED)


def _make_branch_again(scene: Scene) -> Environment:
    """Another pull request of a branch of the same name, while the first one's environment is being removed."""
    repository = scene.lives.repository
    repository.delete_branch("again")
    return settled(scene.stack, repository, open_one(repository, "again", "made again"))


def _expire(scene: Scene) -> dict[str, Environment]:
    """Two weeks in which nobody wants anything; on the way the sweep finds what stands without a record."""
    scene.lives.pulls["kept"].label(KEEP_LABEL)
    for branch in ("kept", "expired"):
        _make_older(scene, scene.record(branch), timedelta(days=15))
    _leave_behind(scene)
    scene.stack.sweep()
    expired = scene.wait_for("expired", Status.REMOVED)
    scene.wait(lambda: _registered_as_removed(scene, NOBODYS), what="the orphan is removed")
    return {"expired": expired}


def _make_older(scene: Scene, environment: Environment, age: timedelta) -> None:
    registry = DynamoDbRegistry(scene.stack.aws.client("dynamodb"), scene.stack.outputs["RegistryTableName"])
    registry.update(environment, lambda newest: replace(newest, requested_at=environment.requested_at - age), event="")


def _leave_behind(scene: Scene) -> None:
    """A zip with our marker that no record claims, and a folder that only looks like an environment's."""
    s3, bucket, empty = scene.stack.aws.client("s3"), scene.stack.dags_bucket, io.BytesIO()
    zipfile.ZipFile(empty, "w").close()
    nobody = replace(scene.record("kept"), pull_number=NOBODYS)
    s3.put_object(Bucket=bucket, Key=f"dags/{ORPHAN}.zip", Body=empty.getvalue(), Metadata=marker_of(nobody))
    s3.put_object(Bucket=bucket, Key=f"dags/{STRANGE}/.dagbranch/copy.json", Body=b"{}")
    s3.put_object(Bucket=bucket, Key=f"dags/{STRANGE}/.airflowignore", Body=b"[^~]*")


def _registered_as_removed(scene: Scene, pull_number: int) -> bool:
    found = observation.registered(scene.stack, scene.lives.repository.id, pull_number)
    return found is not None and found.status == Status.REMOVED


def _bring_back(scene: Scene) -> None:
    """What was removed although it may come again: a pull request that is reopened, one that gets the label."""
    scene.lives.pulls["reopened"].reopen()
    scene.lives.pulls["expired"].label(KEEP_LABEL)
    for branch in ("reopened", "expired"):
        scene.wait_for(branch, Status.READY)


def _fail_for_good(scene: Scene) -> list[dict[str, str]]:
    """A request that no try can serve, as it is found among the dead letters, redriven, and found there again."""
    detail = {
        "version": 1,
        "repository": scene.lives.repository.full_name,
        "pull_number": scene.lives.pulls["kept"].number,
        "head_sha": "",
        "data": {"repository_id": 1},
    }
    bus = scene.stack.outputs["EventBusName"]
    entry = {"EventBusName": bus, "Source": "dagbranch", "DetailType": "Environment Requested"}
    scene.stack.aws.client("events").put_events(
        Entries=[{**entry, "Detail": json.dumps({**detail, "lane": "preview"})}]
    )
    return [_taken_from_the_dead_letters(scene, redrive=redrive) for redrive in (True, False)]


def _taken_from_the_dead_letters(scene: Scene, *, redrive: bool) -> dict[str, str]:
    """The one message there, with its attributes; moved to the function's queue, as by SQS's redrive, or away."""
    sqs, deployed = scene.stack.aws.client("sqs"), scene.stack.deployed
    letters, queue = (deployed.physical_id(f"FetchSource{kind}") for kind in ("DeadLetters", "Queue"))
    found: list[dict[str, Any]] = []

    def is_there() -> bool:
        answer = sqs.receive_message(QueueUrl=letters, MessageAttributeNames=["All"])
        found.extend(answer.get("Messages", []))
        return bool(found)

    scene.wait(is_there, what="a dead letter")
    (message,) = found
    if redrive:
        attributes = message["MessageAttributes"]
        sqs.send_message(QueueUrl=queue, MessageBody=message["Body"], MessageAttributes=attributes)
    sqs.delete_message(QueueUrl=letters, ReceiptHandle=message["ReceiptHandle"])
    return {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}


@pytest.mark.parametrize("branch", ["twice", "forced", "late-close", "reopened", "expired", "kept", SAME_NAME[1]])
def test_an_open_pull_request_has_its_environment_at_its_newest_commit(lived: Lived, branch: str) -> None:
    found = lived.last[branch]

    assert found.status == Status.READY
    assert found.head_sha == lived.scene.lives.pulls[branch].head_sha
    assert lived.scene.commits(found) == [{commit_tag(found.head_sha)}]


def test_events_that_come_twice_or_late_deploy_nothing_again(lived: Lived) -> None:
    after = lived.last["twice"]

    assert (after.generation, after.pipeline) == (lived.pushed.generation, lived.pushed.pipeline)


def test_a_closing_that_is_told_after_the_reopening_removes_nothing(lived: Lived) -> None:
    before, after = lived.first["late-close"], lived.last["late-close"]

    assert (after.generation, after.pipeline) == (before.generation, before.pipeline)
    assert not any(event.startswith("removing") for event in _events(lived, "late-close"))


@pytest.mark.parametrize("branch", ["reopened", "expired", SAME_NAME[0]])
def test_a_removal_leaves_nothing_and_its_receipt_says_what_went_and_when(lived: Lived, branch: str) -> None:
    name, receipt = lived.first[branch].claimed_name, lived.removed[branch].receipt
    steps = ("began_at", "zip_removed_at", "let_go_at", "dags_deleted_at", "removed_at")
    times = [datetime.fromisoformat(str(receipt[step])) for step in steps]

    assert lived.left[branch] == ()
    assert receipt["environment"] == name
    assert receipt["dag_ids"] == [f"qu.{name}.alive"]
    assert times == sorted(times)
    assert (receipt["left_alone"], receipt["schemas_left_alone"]) == ([], [])
    assert receipt["objects"], receipt


def test_a_reopened_pull_request_gets_its_environment_again_under_its_name(lived: Lived) -> None:
    assert lived.removed["reopened"].receipt["reason"] == "its pull request is not open"
    assert lived.last["reopened"].name == lived.first["reopened"].name


def test_two_branches_that_fall_on_one_name_have_two_environments_and_one_goes_alone(lived: Lived) -> None:
    names = {branch: lived.first[branch].claimed_name for branch in SAME_NAME}
    numbers = {branch: lived.scene.lives.pulls[branch].number for branch in SAME_NAME}

    assert sorted(names.values()) in [sorted(["one_name", f"one_name_{number}"]) for number in numbers.values()]
    assert lived.last[SAME_NAME[0]].status == Status.REMOVED
    assert lived.last[SAME_NAME[1]].name == names[SAME_NAME[1]]


def test_a_branch_made_again_under_its_name_is_another_pull_requests(lived: Lived) -> None:
    first, second = lived.removed["again"], lived.again

    assert second.status == Status.READY
    assert second.pull_number != first.pull_number
    assert second.claimed_name in {"again", f"again_{second.pull_number}"}
    assert lived.scene.commits(lived.scene.record_of(second.pull_number)) == [{commit_tag(second.head_sha)}]


def test_what_nobody_uses_expires_unless_a_label_keeps_it_and_the_label_brings_it_back(lived: Lived) -> None:
    assert lived.removed["expired"].receipt["reason"] == "nobody has asked for anything of it for 14 days"
    assert lived.last["kept"].generation == lived.first["kept"].generation
    assert lived.last["expired"].generation > lived.removed["expired"].generation


def test_the_sweep_removes_an_orphan_with_our_marker_and_leaves_what_has_none(lived: Lived) -> None:
    stack = lived.scene.stack
    log = (stack.deployed.logs / "SweepEnvironments.log").read_text()

    assert lived.orphan.receipt["environment"] == ORPHAN
    assert observation.objects(stack, ORPHAN) == []
    assert observation.objects(stack, STRANGE) == [
        f"dags/{STRANGE}/.airflowignore",
        f"dags/{STRANGE}/.dagbranch/copy.json",
    ]
    assert f"{STRANGE}.zip or {STRANGE}/ in the dags folder looks like an environment's and carries no marker" in log


def test_a_message_that_failed_for_good_lies_among_the_dead_letters_with_its_reason(lived: Lived) -> None:
    found, found_again = lived.dead_letters

    assert found["kind"] == found_again["kind"] == "InvalidEventError"
    assert f"is the repository {lived.scene.lives.repository.id}, not 1" in found["reason"]
    assert datetime.fromisoformat(found["at"]) <= datetime.fromisoformat(found_again["at"])


def test_the_history_tells_of_both_lives(lived: Lived) -> None:
    kinds = [event.split()[0].rstrip(":") for event in _events(lived, "reopened")]
    turns = [kind for kind in kinds if kind in {"requested", "ready", "removing", "removed"}]

    # Each half's message may find all of it ready.
    assert [turn for turn, _ in groupby(turns)] == ["requested", "ready", "removing", "removed", "requested", "ready"]


def _events(lived: Lived, branch: str) -> list[str]:
    lives = lived.scene.lives
    return [
        event for _, event in observation.history(lived.scene.stack, lives.repository.id, lives.pulls[branch].number)
    ]
