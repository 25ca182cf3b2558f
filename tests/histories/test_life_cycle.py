"""Any interleaving of what people do and of what fails ends, after the faults, in what GitHub says."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import ClassVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from dagbranch.domain.environments import PullRequest
from dagbranch.domain.policy import Policy
from tests.histories.simulated_github import KEEP_LABEL, KINDS, REPOSITORIES
from tests.histories.simulated_queues import Message, Queue
from tests.histories.simulated_stack import UPSTREAMS, SimulatedStack, with_policy
from tests.histories.truth import check_always, check_convergence

EXPIRY = timedelta(days=14)
MOST_PULLS = 5
# Several fall on one name, on what is not dagbranch's in the bucket, or on schemas that are not in the warehouse.
BRANCHES = ("feature", "Feature!", "payments", "lib", "shared", "private", "elsewhere")

policies = st.builds(
    Policy,
    expire_after=st.sampled_from([None, EXPIRY]),
    keep_label=st.just(KEEP_LABEL),
    most_environments=st.sampled_from([None, None, 1, 2]),
    most_dags=st.sampled_from([None, None, 2, 3]),
)
kinds = st.sampled_from(sorted(KINDS))
branches = st.sampled_from(BRANCHES)
indices = st.integers(0, 7)
effects = st.integers(0, 40)


class LifeCycle(RuleBasedStateMachine):
    """People work with pull requests, messages are delivered somehow, and everything may fail at any effect.

    ``done`` counts what all histories of the process had of what.
    """

    done: ClassVar[Counter[str]] = Counter()
    stack: SimulatedStack

    @initialize(policy=policies, tells_all=st.sampled_from([True, True, False]))
    def deploy(self, policy: Policy, *, tells_all: bool) -> None:
        self.stack = SimulatedStack(policy, tells_all=tells_all)

    # people

    @precondition(lambda self: len(self.stack.github.pulls) < MOST_PULLS)
    @rule(
        repository=st.sampled_from(sorted(REPOSITORIES)),
        branch=branches,
        kind=kinds,
        is_draft=st.integers(0, 7).map(lambda one: one == 7),
        is_fork=st.integers(0, 15).map(lambda one: one == 15),
    )
    def open(self, repository: str, branch: str, kind: str, *, is_draft: bool, is_fork: bool) -> None:
        self.stack.github.make(repository, branch, kind, is_draft=is_draft, is_fork=is_fork)

    @precondition(lambda self: self.stack.github.pulls)
    @rule(index=indices, kind=kinds)
    def push(self, index: int, kind: str) -> None:
        self.stack.github.push(self._pull(index), kind)

    @precondition(lambda self: self.stack.github.pulls)
    @rule(index=indices, back=indices)
    def push_back(self, index: int, back: int) -> None:
        """To a commit that its pull request had before, or another's: a force-push."""
        heads = sorted(self.stack.github.kinds)
        self.stack.github.push_to(self._pull(index), heads[back % len(heads)])

    @precondition(lambda self: self.stack.github.pulls)
    @rule(index=indices)
    def close_or_reopen(self, index: int) -> None:
        pull = self._pull(index)
        if pull.is_open:
            self.stack.github.close(pull)
        else:
            self.stack.github.reopen(pull)

    @precondition(lambda self: self.stack.github.pulls)
    @rule(index=indices, branch=branches)
    def rename(self, index: int, branch: str) -> None:
        self.stack.github.rename(self._pull(index), branch)

    @precondition(lambda self: self.stack.github.pulls)
    @rule(index=indices)
    def change_the_draft(self, index: int) -> None:
        pull = self._pull(index)
        self.stack.github.set_draft(pull, is_draft=not pull.is_draft)

    @precondition(lambda self: self.stack.github.pulls)
    @rule(index=indices)
    def change_the_label(self, index: int) -> None:
        pull = self._pull(index)
        if pull.labels:
            self.stack.github.unlabel(pull)
        else:
            self.stack.github.label(pull)

    @rule(most=st.sampled_from([None, 1, 2]), is_paused=st.booleans())
    def change_the_parameters(self, most: int | None, *, is_paused: bool) -> None:
        with_policy(self.stack, most_environments=most, is_paused=is_paused)

    @precondition(lambda self: self.stack.github.pulls)
    @rule(index=indices)
    def ask_for_a_reset(self, index: int) -> None:
        pull = self._pull(index)
        data = {"repository_id": pull.repository_id}
        about = {"repository": pull.repository, "pull_number": pull.number, "data": data}
        self.stack.put_event("dagbranch", "Data Reset Requested", {"version": 1, "lane": "preview", **about})

    @precondition(lambda self: self._own_zips())
    @rule(index=indices)
    def delete_a_zip_by_hand(self, index: int) -> None:
        zips = self._own_zips()
        del self.stack.dags.objects[zips[index % len(zips)]]

    @precondition(lambda self: self._own_schemas())
    @rule(index=indices)
    def drop_a_schema_by_hand(self, index: int) -> None:
        schemas = self._own_schemas()
        del self.stack.warehouse.stands[schemas[index % len(schemas)]]

    @precondition(lambda self: self.stack.registry.records)
    @rule(index=indices)
    def upload_by_a_ci_job(self, index: int) -> None:
        """For any pull request that has a record, closed ones too."""
        records = self.stack.registry.records
        record = records[index % len(records)]
        self.stack.upload(self.stack.github.pulls[record.repository, record.pull_number])

    @rule(allowed=st.sampled_from([{"acme/pipelines"}, set(REPOSITORIES), set(REPOSITORIES)]))
    def change_the_list(self, allowed: set[str]) -> None:
        self.stack.allowed = frozenset(allowed)

    # messages

    @rule()
    def sweep(self) -> None:
        self.stack.tick()

    @precondition(lambda self: self.stack.deliverable())
    @rule(index=indices)
    def deliver(self, index: int) -> None:
        self._begin(index, lambda queue, message: self._run(queue, message, None, None, before=False))

    @precondition(lambda self: self.stack.deliverable())
    @rule(index=indices, stops_after=effects)
    def begin(self, index: int, stops_after: int) -> None:
        self._begin(index, lambda queue, message: self._run(queue, message, stops_after, None, before=False))

    @precondition(lambda self: self.stack.deliverable())
    @rule(index=indices, stops_after=effects, minutes=st.sampled_from([1, 1, 2, 5]), closes=st.booleans())
    def overtake(self, index: int, stops_after: int, minutes: int, *, closes: bool) -> None:
        """One worker stands still while the others go on, and perhaps everybody closes or reopens what it is at."""
        self._begin(index, lambda queue, message: self._run(queue, message, stops_after, None, before=False))
        if closes and self.stack.github.pulls:
            self.close_or_reopen(index)
        for _ in range(4 * minutes):
            self.stack.work_off(20)
            self.stack.pass_time(15)
        for worker in list(self.stack.workers):
            self.stack.go_on(worker)

    @precondition(lambda self: self.stack.deliverable())
    @rule(index=indices, dies_at=effects, before=st.booleans())
    def deliver_to_one_that_dies(self, index: int, dies_at: int, *, before: bool) -> None:
        self._begin(index, lambda queue, message: self._run(queue, message, None, dies_at + 1, before=before))

    @precondition(lambda self: self.stack.workers)
    @rule(index=indices, more=st.none() | effects)
    def go_on(self, index: int, more: int | None) -> None:
        self.stack.go_on(self.stack.workers[index % len(self.stack.workers)], more)

    @precondition(lambda self: self.stack.workers)
    @rule(index=indices)
    def kill(self, index: int) -> None:
        self.stack.kill(self.stack.workers[index % len(self.stack.workers)])

    @precondition(lambda self: self.stack.deliverable())
    @rule(index=indices)
    def duplicate(self, index: int) -> None:
        self._begin(index, lambda queue, message: queue.put(message.body, self.stack.clock()))

    @precondition(lambda self: self.stack.deliverable())
    @rule(index=indices)
    def lose(self, index: int) -> None:
        """EventBridge, or GitHub, never delivered it; or it is among the dead letters, and nobody looks."""
        self._begin(index, lambda queue, message: queue.give_up(message))

    @rule(most=st.sampled_from([5, 20, 40]))
    def work_off(self, most: int) -> None:
        self.stack.work_off(most)

    @rule(seconds=st.sampled_from([1, 5, 30, 30, 60, 60, 300, 900, 3_000, 6_000, 86_400, 15 * 86_400]))
    def pass_time(self, seconds: int) -> None:
        self.stack.pass_time(seconds)

    @rule()
    def work_for_ten_minutes(self) -> None:
        for _ in range(10):
            self.stack.work_off(20)
            self.stack.pass_time(60)

    # faults

    @rule(upstream=st.sampled_from(UPSTREAMS))
    def go_down_or_come_back(self, upstream: str) -> None:
        self.stack.outages.down ^= {upstream}

    @rule()
    def come_back(self) -> None:
        self.stack.outages.end()

    @rule(upstream=st.sampled_from(UPSTREAMS))
    def lose_the_next_answer(self, upstream: str) -> None:
        self.stack.outages.deaf.add(upstream)

    @rule()
    def stall_or_run_airflow(self) -> None:
        self.stack.airflow.is_stalled = not self.stack.airflow.is_stalled

    @precondition(lambda self: self._own_zips())
    @rule(index=indices)
    def cut_off_a_parse(self, index: int) -> None:
        zips = self._own_zips()
        self.stack.airflow.cut_off = zips[index % len(zips)].removesuffix(".zip")

    @precondition(lambda self: len(self.stack.airflow.rows) > 1)
    @rule(index=indices, can_be_ended=st.booleans())
    def start_a_task(self, index: int, *, can_be_ended: bool) -> None:
        rows = [dag_id for dag_id, row in self.stack.airflow.rows.items() if row.zip_name is not None]
        dag_id = rows[index % len(rows)]
        if self.stack.airflow.start_task(dag_id) and can_be_ended:
            self.stack.airflow.can_be_ended.add(dag_id)

    @precondition(lambda self: self.stack.airflow.running)
    @rule(index=indices)
    def end_a_task(self, index: int) -> None:
        running = sorted(self.stack.airflow.running)
        self.stack.airflow.running.discard(running[index % len(running)])

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
        return sorted(key for key in self.stack.dags.objects if key.endswith(".zip") and key != "payments.zip")

    def _own_schemas(self) -> list[str]:
        return sorted(name for name in self.stack.warehouse.stands if name not in self.stack.warehouse.foreign)

    def _begin(self, index: int, act: Callable[[Queue, Message], None]) -> None:
        waiting = self.stack.deliverable()
        act(*waiting[index % len(waiting)])

    def _run(
        self, queue: Queue, message: Message, stops_after: int | None, dies_at: int | None, *, before: bool
    ) -> None:
        worker = self.stack.begin(queue, message, dies_at, before=before)
        if worker is not None:
            self.stack.go_on(worker, stops_after)


TestLifeCycle = LifeCycle.TestCase
# The same histories each time; other ones, and many more, are in the long form: ``python -m tests.histories``.
TestLifeCycle.settings = settings(
    deadline=None,
    max_examples=30,
    stateful_step_count=40,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
