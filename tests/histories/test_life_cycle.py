"""Any interleaving of what people do and of what fails ends, after the faults, in what GitHub says."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from dagbranch.domain.environments import PullRequest, Status
from dagbranch.domain.policy import Policy
from tests.histories.simulated_github import BASES, KEEP_LABEL, KINDS, LABELS, OTHERS, PREVIEWS, REPOSITORIES, WRITERS
from tests.histories.simulated_queues import Message, Queue
from tests.histories.simulated_stack import UPSTREAMS, SimulatedStack, with_policy
from tests.histories.simulated_workers import AtWork
from tests.histories.truth import check_always, check_convergence
from tests.histories.watched_places import FOREIGN_OBJECTS

EXPIRY = timedelta(days=14)
MOST_PULLS = 5
# Several fall on one name, on what is not dagbranch's in the bucket, or on schemas that are not in the warehouse.
SPECIAL = ("", "", "", "", "draft", "fork", "approved fork", "approved fork")
COMMANDS = ("deploy <sha>", "deploy", "redeploy", "remove", "keep", "schedules on", "schedules off", "reset-data", "?")
BRANCHES = ("feature", "Feature!", "payments", "lib", "shared", "private", "elsewhere")

policies = st.builds(
    Policy,
    expire_after=st.sampled_from([None, EXPIRY]),
    keep_label=st.just(KEEP_LABEL),
    most_environments=st.sampled_from([None, None, None, 1, 2]),
    most_dags=st.sampled_from([None, None, None, 2, 3]),
)
repositories = st.sampled_from(sorted(REPOSITORIES))
kinds = st.sampled_from(sorted(KINDS))
branches = st.sampled_from(BRANCHES)
indices = st.integers(0, 7)
effects = st.integers(0, 30)
moments = st.sampled_from([0, 0, 1, 5, 15, 30, 60])


@dataclass(frozen=True)
class Fate:
    """What becomes of one of the messages that wait: ``how`` it is delivered, and ``effects`` until that ends."""

    index: int
    how: str
    effects: int


def fates(*ways: str) -> st.SearchStrategy[list[Fate]]:
    return st.lists(st.builds(Fate, indices, st.sampled_from(ways), effects), min_size=1, max_size=8)


class LifeCycle(RuleBasedStateMachine):
    """People work with pull requests, messages are delivered somehow, and everything may fail at any effect.

    There are few rules, each with many ways: Hypothesis leaves out some rules of each history altogether.
    ``done`` counts what all histories of the process had of what.
    """

    done: ClassVar[Counter[str]] = Counter()
    stack: SimulatedStack

    @initialize(
        policy=policies,
        tells_all=st.sampled_from([True, True, False]),
        pulls=st.lists(st.tuples(repositories, branches, kinds), min_size=1, max_size=3),
    )
    def deploy(self, policy: Policy, pulls: list[tuple[str, str, str]], *, tells_all: bool) -> None:
        self.stack = SimulatedStack(policy, tells_all=tells_all)
        for repository, branch, kind in pulls:
            self.stack.github.make(repository, branch, kind, is_draft=False, is_fork=False)

    # people

    @precondition(lambda self: len(self.stack.github.pulls) < MOST_PULLS)
    @rule(repository=repositories, branch=branches, kind=kinds, special=st.sampled_from(SPECIAL))
    def open(self, repository: str, branch: str, kind: str, special: str) -> None:
        github, is_fork = self.stack.github, "fork" in special
        pull = github.make(repository, branch, kind, is_draft=special == "draft", is_fork=is_fork)
        if special == "approved fork":
            github.comment(pull, WRITERS[0], f"/dagbranch deploy {pull.head_sha}")

    @rule(index=indices, kind=kinds)
    def push(self, index: int, kind: str) -> None:
        self.stack.github.push(self._pull(index), kind)

    @rule(
        index=indices,
        does=st.sampled_from(
            ["close or reopen"] * 5 + ["push back"] * 2 + ["rename", "draft", "label", "reset", "retarget", "approve"]
        ),
        branch=branches,
        back=indices,
    )
    def work_with_a_pull_request(self, index: int, does: str, branch: str, back: int) -> None:
        pull, github = self._pull(index), self.stack.github
        match does:
            case "close or reopen":
                (github.close if pull.is_open else github.reopen)(pull)
            case "push back":  # by force, to a commit that it had before, or to another's
                heads = sorted(github.kinds)
                github.push_to(pull, heads[back % len(heads)])
            case "rename":
                github.rename(pull, branch)
            case "draft":
                github.set_draft(pull, is_draft=not pull.is_draft)
            case "label":
                github.toggle_label(pull, LABELS[back % len(LABELS)])
            case "retarget":
                github.retarget(pull, BASES[back % len(BASES)])
            case "approve":
                github.comment(pull, WRITERS[0], f"/dagbranch deploy {pull.head_sha}")
            case "reset":
                self.stack.ask_for_a_reset(pull)

    @rule(
        index=indices,
        command=st.sampled_from(COMMANDS),
        author=st.sampled_from([*WRITERS, *WRITERS, *OTHERS]),
        deliveries=st.sampled_from([0, 1, 5, 20]),
    )
    def ask_in_a_comment(self, index: int, command: str, author: str, deliveries: int) -> None:
        """It may be answered, and work that it asks for be done, before anything else happens."""
        pull = self._pull(index)
        self.stack.github.comment(pull, author, f"/dagbranch {command}".replace("<sha>", pull.head_sha))
        self.stack.work_off(deliveries)

    @rule(who=st.sampled_from(["all", *PREVIEWS]))
    def say_who_gets_one(self, who: str) -> None:
        self.stack.github.says(who)

    @rule(
        most=st.sampled_from([None, None, 1, 2]),
        is_paused=st.sampled_from([False, False, True]),
        allowed=st.sampled_from([REPOSITORIES.keys(), REPOSITORIES.keys(), {"acme/pipelines"}]),
    )
    def change_the_parameters(self, most: int | None, allowed: set[str], *, is_paused: bool) -> None:
        with_policy(self.stack, most_environments=most, is_paused=is_paused)
        self.stack.allowed = frozenset(allowed)

    @rule(index=indices, what=st.sampled_from(["zip", "schema", "upload"]))
    def meddle(self, index: int, what: str) -> None:
        """Somebody deletes by hand, or a CI job uploads for a pull request that has a record, closed or not."""
        records, schemas, zips = self.stack.registry.records, self._own_schemas(), self._own_zips()
        match what:
            case "zip" if zips:
                del self.stack.dags.objects[zips[index % len(zips)]]
            case "schema" if schemas:
                del self.stack.warehouse.stands[schemas[index % len(schemas)]]
            case "upload" if records:
                record = records[index % len(records)]
                self.stack.upload(self.stack.github.pulls[record.repository, record.pull_number])

    # messages and time

    @rule(some=fates("deliver"), seconds=moments)
    def deliver(self, some: list[Fate], seconds: int) -> None:
        self._meet(some)
        self.stack.pass_time(seconds)

    @rule(
        some=fates("deliver", "deliver", "begin", "die after", "die before", "twice", "lose", "go on", "kill"),
        seconds=moments,
    )
    def deliver_badly(self, some: list[Fate], seconds: int) -> None:
        self._meet(some)
        self.stack.pass_time(seconds)

    @rule(some=fates("begin", "die after", "die before"), minutes=st.sampled_from([1, 2, 5]), index=indices)
    def overtake(self, some: list[Fate], minutes: int, index: int) -> None:
        """Some workers stand still, or die, at what somebody closes or reopens, while others go on."""
        self._meet(some[:3])
        self.work_with_a_pull_request(index, "close or reopen", "", 0)
        for _ in range(4 * minutes):
            self.stack.work_off(20)
            self.stack.pass_time(15)
        for worker in list(self.stack.workers):
            self.stack.go_on(worker)

    @rule(minutes=st.sampled_from([1, 3, 10]))
    def work_on(self, minutes: int) -> None:
        for _ in range(2 * minutes):
            self.stack.work_off(20)
            self.stack.pass_time(30)

    @rule(seconds=st.sampled_from([60, 300, 900, 3_000, 6_000, 86_400, 15 * 86_400]), sweeps=st.booleans())
    def pass_time(self, seconds: int, *, sweeps: bool) -> None:
        self.stack.pass_time(seconds)
        if sweeps:
            self.stack.tick()

    @rule()
    def sweep(self) -> None:
        self.stack.tick()

    # faults

    @rule(upstream=st.sampled_from(UPSTREAMS), how=st.sampled_from(["down", "deaf", "deaf", "well"]))
    def fail(self, upstream: str, how: str) -> None:
        match how:
            case "down":
                self.stack.outages.down ^= {upstream}
            case "deaf":
                self.stack.outages.deaf.add(upstream)
            case "well":
                self.stack.outages.end()

    @rule(index=indices, what=st.sampled_from(["stall", "cut off", "task", "endless task", "end of a task"]))
    def disturb_airflow(self, index: int, what: str) -> None:
        airflow, zips = self.stack.airflow, self._own_zips()
        rows = [dag_id for dag_id, row in airflow.rows.items() if row.zip_name is not None]
        match what:
            case "stall":
                airflow.is_stalled = not airflow.is_stalled
            case "cut off" if zips:
                airflow.cut_off = zips[index % len(zips)].removesuffix(".zip")
            case "task" | "endless task" if rows:
                dag_id = rows[index % len(rows)]
                if airflow.start_task(dag_id) and what == "task":
                    airflow.can_be_ended.add(dag_id)
            case "end of a task" if airflow.running:
                airflow.running.discard(sorted(airflow.running)[index % len(airflow.running)])

    @invariant()
    def holds(self) -> None:
        LifeCycle.done["steps"] += 1
        check_always(self.stack)

    def teardown(self) -> None:
        has_failed = sys.exc_info()[0] is not None
        try:
            if not has_failed:
                check_convergence(self.stack)
                LifeCycle.done.update({"histories": 1, **self.stack.done})
        finally:
            self._end_all()

    def _end_all(self) -> None:
        for worker in list(self.stack.workers):
            self.stack.kill(worker)

    def _pull(self, index: int) -> PullRequest:
        pulls = self.stack.github.all_pulls
        return pulls[index % len(pulls)]

    def _own_zips(self) -> list[str]:
        return sorted(key for key in self.stack.dags.objects if key.endswith(".zip") and key not in FOREIGN_OBJECTS)

    def _own_schemas(self) -> list[str]:
        """Those of ready environments: what goes while it is being filled is told to the author as a failure."""
        ready = [record for record in self.stack.registry.records if record.status == Status.READY]
        made = {name for record in ready for name in record.schemas}
        return sorted(made.intersection(self.stack.warehouse.stands) - self.stack.warehouse.foreign.keys())

    def _meet(self, some: list[Fate]) -> None:
        for fate in some:
            waiting, workers = self.stack.deliverable(), self.stack.workers
            if fate.how in {"go on", "kill"}:
                if workers:
                    self._end(workers[fate.index % len(workers)], fate)
            elif waiting:
                self._deliver(*waiting[fate.index % len(waiting)], fate)

    def _end(self, worker: AtWork, fate: Fate) -> None:
        if fate.how == "kill":
            self.stack.kill(worker)
        else:
            self.stack.go_on(worker, fate.effects)

    def _deliver(self, queue: Queue, message: Message, fate: Fate) -> None:
        match fate.how:
            case "twice":
                queue.put(message.body, self.stack.clock())
            case "lose":  # never delivered to the queue; or among its dead letters, and nobody looks
                queue.give_up(message)
            case how:
                dies_at = fate.effects + 1 if how.startswith("die") else None
                worker = self.stack.begin(queue, message, dies_at, before=how == "die before")
                if worker is not None:
                    self.stack.go_on(worker, fate.effects if how == "begin" else None)


TestLifeCycle = LifeCycle.TestCase
# The same histories each time; other ones, and many more, are in the long form: ``python -m tests.histories``.
TestLifeCycle.settings = settings(
    deadline=None,
    max_examples=30,
    stateful_step_count=40,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
