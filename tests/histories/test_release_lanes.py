"""Any interleaving of pushes, deployments, forgeries and faults: what stands in a lane was brought there rightly."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass
from typing import Any, ClassVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.fakes.buckets import stored
from tests.histories.lanes_truth import FORGED, Watch, check_at_rest, come_to_rest
from tests.histories.simulated_lanes import KINDS, UPSTREAMS, SimulatedLane, SimulatedLanes
from tests.histories.simulated_queues import Message, Queue

MOST_COMMITS, MOST_DEPLOYMENTS = 6, 12
MAKERS = ("alice", "alice", "alice", "workflow", "mallory")
SKIP: dict[str, Any] = {"skip": ["soak", "checks"], "reason": "hot fix"}
CANARY: dict[str, Any] = {"canary": True}
HOLD, LET_GO = {"hold": True, "reason": "wait"}, {"hold": False, "reason": "go on"}
WISHES: tuple[dict[str, Any], ...] = ({}, HOLD, LET_GO, SKIP, CANARY, {"canary": "drop"}, {"skip": ["nothing"]})
FORGERIES = ("unsigned", "signed by another", "of another commit", "other bytes", "once more", "into stage")

indices = st.integers(0, 7)
effects = st.integers(0, 30)
minutes = st.sampled_from([0, 2, 5])
moments = st.sampled_from([0, 0, 1, 15, 30, 60])


@dataclass(frozen=True)
class Fate:
    """What becomes of one of the messages that wait: ``how`` it is delivered, and ``effects`` until that ends."""

    index: int
    how: str
    effects: int


def fates(*ways: str) -> st.SearchStrategy[list[Fate]]:
    return st.lists(st.builds(Fate, indices, st.sampled_from(ways), effects), min_size=1, max_size=8)


class ReleaseLanes(RuleBasedStateMachine):
    """There are few rules, each with many ways: Hypothesis leaves out some rules of each history altogether."""

    done: ClassVar[Counter[str]] = Counter()
    lanes: SimulatedLanes
    watch: Watch

    @initialize(kinds=st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=3), is_under_way=st.booleans())
    def begin(self, kinds: list[str], *, is_under_way: bool) -> None:
        self.lanes = SimulatedLanes()
        self.watch = Watch(self.lanes)
        for kind in kinds:
            self.lanes.github.merge(KINDS[kind])
            if not is_under_way:
                self.lanes.work_on(3)

    # people

    @precondition(lambda self: len(self.lanes.github.history) < MOST_COMMITS)
    @rule(kind=st.sampled_from(sorted(KINDS)), minutes=st.sampled_from([0, 0, 3]))
    def merge(self, kind: str, minutes: int) -> None:
        self.lanes.github.merge(KINDS[kind])
        self.lanes.work_on(minutes)

    @precondition(lambda self: len(self.lanes.github.deployments) < MOST_DEPLOYMENTS)
    @rule(
        lane=st.sampled_from(["prod", "prod", "prod", "stage"]),
        back=st.sampled_from([0, 0, 0, 1, 2, 5]),
        maker=st.sampled_from(MAKERS),
        wish=st.sampled_from(WISHES),
        minutes=st.sampled_from([0, 0, 3, 5]),
    )
    def deploy(self, lane: str, back: int, maker: str, wish: dict[str, Any], minutes: int) -> None:
        self._deploy(lane, back, wish, maker)
        self.lanes.work_on(minutes)

    @precondition(lambda self: len(self.lanes.github.deployments) < MOST_DEPLOYMENTS)
    @rule(kind=st.sampled_from(sorted(KINDS)), wish=st.sampled_from(({}, {}, SKIP, CANARY)), minutes=minutes)
    def release(self, kind: str, wish: dict[str, Any], minutes: int) -> None:
        """A commit all the way from its merge, or as far as it comes in that time."""
        if len(self.lanes.github.history) < MOST_COMMITS:
            self.lanes.github.merge(KINDS[kind])
            self.lanes.work_on(3)
        self._deploy("prod", 0, wish)
        self.lanes.work_on(minutes)

    @precondition(lambda self: len(self.lanes.github.deployments) < MOST_DEPLOYMENTS)
    @rule(lane=st.sampled_from(["prod", "prod", "stage"]), back=st.sampled_from([1, 1, 2]), minutes=minutes)
    def go_back(self, lane: str, back: int, minutes: int) -> None:
        self._deploy(lane, back, {})
        self.lanes.work_on(minutes)

    @rule(index=indices, does=st.sampled_from(["begin", "checks fail", "checks pass", "gone"]))
    def work_at_github(self, index: int, does: str) -> None:
        github = self.lanes.github
        made = sorted(number for number, one in github.deployments.items() if one.is_of_a_workflow)
        head_sha = github.history[index % len(github.history)]
        match does:
            case "begin" if made:
                github.tell(made[index % len(made)], "in_progress")
            case "checks fail":
                github.checks[head_sha] = {"tests": "failed"}
            case "checks pass":
                github.checks[head_sha] = {"tests": "passed"}

    @rule(index=indices, how=st.sampled_from(FORGERIES))
    def forge(self, index: int, how: str) -> None:
        """Whoever may put into the next lane's bucket, and has none of the keys."""
        self.lanes.forge(index, how)

    @rule(index=indices, what=st.sampled_from(["delete", "overwrite", "copy", "configuration"]))
    def meddle(self, index: int, what: str) -> None:
        """Somebody writes into a lane's bucket, beside dagbranch."""
        lane = self.lanes.lanes[index % 2]
        ready = [
            one for one in lane.registry.records if one.status == "ready" and f"{one.name}.zip" in lane.dags.objects
        ]
        if not ready:
            return
        name, objects = ready[index % len(ready)].claimed_name, lane.dags.objects
        match what:
            case "delete":
                del objects[f"{name}.zip"]
            case "overwrite":
                self.watch.meddled.add((lane.lane, name))
                stands = objects[f"{name}.zip"]
                objects[f"{name}.zip"] = stored(FORGED + stands.content, stands.marker)
            case "copy":
                key = f"{name}/.airflowignore"
                objects[key] = stored(b"", objects[key].marker)
            case "configuration":
                for key in [key for key in objects if key.startswith(f"{name}/.dagbranch/")]:
                    del objects[key]

    # messages and time

    @rule(some=fates("deliver"), seconds=moments)
    def deliver(self, some: list[Fate], seconds: int) -> None:
        self._meet(some)
        self.lanes.pass_time(seconds)

    @rule(
        some=fates("deliver", "deliver", "begin", "die after", "die before", "twice", "lose", "go on", "kill"),
        seconds=moments,
    )
    def deliver_badly(self, some: list[Fate], seconds: int) -> None:
        self._meet(some)
        self.lanes.pass_time(seconds)

    @rule(minutes=st.sampled_from([1, 3, 10]))
    def work_on(self, minutes: int) -> None:
        self.lanes.work_on(minutes)

    @rule(seconds=st.sampled_from([60, 300, 900, 3_000, 6_000, 86_400]), does=st.sampled_from(["tick", "sweep", ""]))
    def pass_time(self, seconds: int, does: str) -> None:
        self.lanes.pass_time(seconds)
        for lane in self.lanes.lanes:
            if does:
                (lane.tick if does == "tick" else lane.sweep)()

    @rule(upstream=st.sampled_from(UPSTREAMS), how=st.sampled_from(["down", "deaf", "deaf", "well"]))
    def fail(self, upstream: str, how: str) -> None:
        match how:
            case "down":
                self.lanes.outages.down ^= {upstream}
            case "deaf":
                self.lanes.outages.deaf.add(upstream)
            case "well":
                self.lanes.outages.end()

    @invariant()
    def holds(self) -> None:
        ReleaseLanes.done["steps"] += 1
        self.watch.check()

    def teardown(self) -> None:
        has_failed = sys.exc_info()[0] is not None
        try:
            if not has_failed:
                come_to_rest(self.lanes, self.watch)
                check_at_rest(self.lanes)
                deeds = (f"{lane.lane}: {one.deed}" for lane in self.lanes.lanes for one in lane.audit.told)
                ReleaseLanes.done.update(["histories", *deeds])
        finally:
            for lane in self.lanes.lanes:
                for worker in list(lane.workers):
                    lane.kill(worker)

    def _deploy(self, lane: str, back: int, wish: dict[str, Any], maker: str = "alice") -> None:
        """The newest commit, or one before it."""
        history, github = self.lanes.github.history, self.lanes.github
        head_sha = history[max(0, len(history) - 1 - back)]
        is_of_a_workflow = maker == "workflow"
        github.deploy(lane, head_sha, {"dagbranch": wish}, creator=maker, is_of_a_workflow=is_of_a_workflow)

    def _meet(self, some: list[Fate]) -> None:
        for fate in some:
            waiting = [(lane, *one) for lane in self.lanes.lanes for one in lane.deliverable()]
            workers = [(lane, one) for lane in self.lanes.lanes for one in lane.workers]
            if fate.how in {"go on", "kill"}:
                if workers:
                    lane, worker = workers[fate.index % len(workers)]
                    if fate.how == "kill":
                        lane.kill(worker)
                    else:
                        lane.go_on(worker, fate.effects)
            elif waiting:
                self._deliver(*waiting[fate.index % len(waiting)], fate)

    def _deliver(self, lane: SimulatedLane, queue: Queue, message: Message, fate: Fate) -> None:
        match fate.how:
            case "twice":
                queue.put(message.body, self.lanes.clock())
            case "lose":  # never delivered to the queue; or among its dead letters, and nobody looks
                queue.give_up(message)
            case how:
                dies_at = fate.effects + 1 if how.startswith("die") else None
                worker = lane.begin(queue, message, dies_at, before=how == "die before")
                if worker is not None:
                    lane.go_on(worker, fate.effects if how == "begin" else None)


TestReleaseLanes = ReleaseLanes.TestCase
# The same histories each time.
TestReleaseLanes.settings = settings(
    deadline=None,
    max_examples=12,
    stateful_step_count=30,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
