"""What has to hold of a simulated stack: at every moment, and once the faults have stopped and it has come to rest."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from math import ceil
from typing import Final

from dagbranch.domain.environments import Environment, PullRequest, Status
from dagbranch.domain.naming import commit_tag, source_prefix
from dagbranch.domain.ownership import Owner
from dagbranch.domain.requests import event_detail
from dagbranch.domain.schema_marker import SchemaMarker
from tests.histories.simulated_airflow import FOREIGN
from tests.histories.simulated_github import KEEP_LABEL
from tests.histories.simulated_stack import SimulatedStack, with_policy
from tests.histories.watched_places import FOREIGN_SCHEMAS, zips_of

_MINUTE, _DAY = 60.0, 86_400.0
# The sweep takes what has not moved for 45 minutes as stuck, and looks at the warehouse once a day.
_SWEEPS_AFTER_SECONDS: Final = (50 * _MINUTE, 50 * _MINUTE, _DAY, 50 * _MINUTE, _DAY, 50 * _MINUTE)
_MESSAGES_COME_EVERY: Final = 15.0
_MOST_DELIVERIES: Final = 3_000
_BETWEEN_SWEEPS: Final = timedelta(hours=2)
_LONGEST_REST: Final = timedelta(hours=20)


def check_always(stack: SimulatedStack) -> None:
    if stack.worst is not None:
        raise stack.worst
    stack.dags.check_foreign()
    stack.warehouse.check_foreign()
    assert stack.airflow.rows.get(FOREIGN.dag_id) == FOREIGN, "another's DAG was touched"
    _check_forks(stack)
    live = [record for record in stack.registry.records if record.is_live]
    shared = [name for name, count in Counter(record.name for record in live).items() if name and count > 1]
    assert not shared, f"two environments are called {shared}"
    for record in live:
        assert stack.registry.claims.get(record.claimed_name) == record.key, f"{record.name} is not its own"


def _check_forks(stack: SimulatedStack) -> None:
    """Nothing of a fork is on the server but the commits that somebody with write access named."""
    forks = {(pull.repository_id, pull.number): pull for pull in stack.github.all_pulls if pull.is_from_a_fork}
    for name, standing in zips_of(stack.dags.objects).items():
        owner = Owner.of(standing.marker)
        if owner is not None and owner.key in forks:
            approved = (*owner.key, standing.marker["dagbranch-head-sha"])
            assert approved in stack.github.approved, f"{name} shows a fork's commit that nobody approved"


def check_convergence(stack: SimulatedStack) -> None:
    """Lets the faults stop, and holds what stands after some sweeps against what GitHub says."""
    _calm(stack)
    if stack.policy.is_paused:
        _sweep_often(stack)
        _check_closed(stack)
        with_policy(stack, is_paused=False)
    _sweep_often(stack)
    check_always(stack)
    _check_closed(stack)
    _check_open(stack)
    _check_waiting(stack)
    _check_nothing_is_left_over(stack)
    _check_sweeps_have_nothing_to_do(stack)
    _check_all_is_told(stack)


def rest(stack: SimulatedStack) -> None:
    """Everything is delivered, as often as it comes again, until no message is left."""
    work_on(stack, _LONGEST_REST)
    assert not _messages(stack), f"it does not come to rest: {_messages(stack)}"


def work_on(stack: SimulatedStack, longest: timedelta) -> None:
    """The same, but what still waits then, waits for a sweep."""
    until, left = stack.clock() + longest, _MOST_DELIVERIES
    for worker in list(stack.workers):
        stack.go_on(worker)
    while stack.clock() < until and left > 0:
        left -= stack.work_off(left)
        waiting = [message.visible_at for queue in stack.queues.values() for message in queue.messages]
        if not waiting:
            return
        stack.pass_time(max((min(waiting) - stack.clock()).total_seconds(), _MESSAGES_COME_EVERY))


def _calm(stack: SimulatedStack) -> None:
    stack.outages.end()
    stack.airflow.is_stalled = False
    stack.airflow.cut_off = None
    stack.airflow.running.clear()


def _sweep_often(stack: SimulatedStack) -> None:
    work_on(stack, _BETWEEN_SWEEPS)
    for seconds in _SWEEPS_AFTER_SECONDS:
        stack.pass_time(seconds)
        stack.pass_time(_MINUTE)
        stack.tick()
        work_on(stack, _BETWEEN_SWEEPS)
    rest(stack)


def _check_closed(stack: SimulatedStack) -> None:
    names = _names_of(stack)
    for pull in stack.github.all_pulls:
        if pull.is_open and pull.repository in stack.allowed:
            continue
        record = _record(stack, pull)
        if record is not None:
            assert record.status in {Status.REMOVED, Status.REFUSED}, f"closed, and {_told(record)}"
        _check_nothing_stands(stack, pull)
        assert (pull.repository_id, pull.number) not in names, f"{pull.number} is closed and has a name"


def _check_nothing_stands(stack: SimulatedStack, pull: PullRequest) -> None:
    key = (pull.repository_id, pull.number)
    objects = [name for name, one in stack.dags.objects.items() if _is_of(one.marker, key)]
    assert not objects, f"of {pull.number} there are {objects}"
    assert not _archives_of(stack, pull), f"of {pull.number} there are {_archives_of(stack, pull)}"
    schemas = [name for name, marker in _marked(stack).items() if _is_made_for(marker, pull)]
    assert not schemas, f"of {pull.number} there are {schemas}"


def _archives_of(stack: SimulatedStack, pull: PullRequest) -> list[str]:
    """But for those whose message was lost that would have told of them: no sweep looks into the source bucket."""
    if f'"repository": "{pull.repository}", "pull_number": {pull.number},' in stack.lost_bodies(
        "RemoveEnvironmentQueue"
    ):
        return []
    prefix, lost = source_prefix(pull.repository, pull.number), stack.lost_bodies("PackageDagsQueue")
    return [key for key in stack.sources.objects if key.startswith(prefix) and key not in lost]


def _check_open(stack: SimulatedStack) -> None:
    for pull in stack.github.all_pulls:
        if pull.is_open and pull.repository in stack.allowed:
            _check_open_one(stack, pull)


def _check_open_one(stack: SimulatedStack, pull: PullRequest) -> None:
    record = _record(stack, pull)
    assert record is not None, f"nobody looked at {pull.number}"
    gets_nothing = stack.github.gets_nothing(pull)
    is_held_back = pull.is_draft and not pull.is_from_a_fork and stack.github.drafts_get_nothing()
    # A comment that was lost has approved nothing.
    awaits_approval = pull.is_from_a_fork and record.approved != pull.head_sha
    if record.status == Status.REFUSED:
        assert gets_nothing or is_held_back or awaits_approval, _told(record)
        assert record.head_sha == pull.head_sha, f"refused at another commit: {_told(record)}"
    elif record.status == Status.REMOVED:
        assert record.dismissed == pull.head_sha, f"open, and {_told(record)}"
        assert KEEP_LABEL not in pull.labels or record.unwanted, f"to be kept, and {_told(record)}"
    elif record.is_live:
        assert not gets_nothing, f"it should have none, and {_told(record)}"
        assert record.head_sha == pull.head_sha, f"behind its pull request: {_told(record)}"
        _check_stands(stack, pull, record)
        return
    _check_nothing_stands(stack, pull)


def _check_stands(stack: SimulatedStack, pull: PullRequest, record: Environment) -> None:
    kind, name = stack.github.kind_of(pull), record.claimed_name
    schemas = {f"{schema}_{name}" for schema in kind.schemas}
    if kind.is_broken or schemas.intersection(FOREIGN_SCHEMAS):
        assert record.status == Status.FAILED, f"broken, and {_told(record)}"
        assert record.message, "failed without a reason"
        return
    assert record.status == Status.READY, _told(record)
    assert record.halves_agree, f"its halves differ: {_told(record)}"
    standing = stack.dags.zip(name)
    assert standing is not None, f"{name}.zip is not there"
    assert standing.marker["dagbranch-source-digest"] == record.source_digest, f"{name}.zip is of another commit"
    configuration = stack.dags.configuration(name, standing.marker["dagbranch-source-digest"])
    assert configuration is not None, f"{name}.zip has no configuration"
    assert json.loads(configuration)["settings"]["schedules"] == bool(record.schedules), f"the schedules of {name}"
    rows = {row.dag_id: row for row in stack.airflow.dags() if row.zip_name == name}
    assert set(rows) == {f"qu.{name}.{dag}" for dag in kind.dags} == set(record.dag_ids), f"{sorted(rows)} of {name}"
    tag = commit_tag(standing.marker["dagbranch-head-sha"])
    assert all(tag in row.tags for row in rows.values()), f"{name} shows another commit's DAGs"
    made = {schema for schema, marker in _marked(stack).items() if _is_made_for(marker, pull)}
    assert made == schemas, f"{name} has {sorted(made)}"
    for schema in schemas:
        assert len(stack.warehouse.rows(f"{schema}.m_roi")) == len(stack.warehouse.rows(f"{schema}.m_events")), schema


def _check_waiting(stack: SimulatedStack) -> None:
    """They wait only where there is no room, and in the order in which they came."""
    waiting = [one for one in stack.registry.records if one.status == Status.WAITING]
    live = [one for one in stack.registry.records if one.is_live]
    dags = [len(one.dag_ids) for one in live if one.dag_ids]
    usual = ceil(sum(dags) / len(dags)) if dags else 1
    line = sorted(waiting, key=lambda one: (one.requested_at, one.key))
    assert [one.place for one in line] == list(range(1, len(line) + 1)), [_told(one) for one in line]
    policy = stack.policy
    if waiting:
        has_room = policy.most_environments is None or len(live) < policy.most_environments
        has_room_for_dags = policy.most_dags is None or not live or sum(dags) + usual <= policy.most_dags
        assert not (has_room and has_room_for_dags), [f"there is room for {_told(one)}" for one in line]


def _check_nothing_is_left_over(stack: SimulatedStack) -> None:
    """No claim without an owner, no row without a zip, no lease that anybody would wait for."""
    live = {record.claimed_name for record in stack.registry.records if record.is_live}
    assert set(stack.registry.claims) == live, "a name is claimed by nobody"
    rows = [row.dag_id for row in stack.airflow.dags() if row.dag_id != FOREIGN.dag_id and row.zip_name not in live]
    assert not rows, f"nobody's DAGs: {rows}"
    now = stack.clock()
    leases = [one for record in stack.registry.records for one in record.leases.items() if one[1].until > now]
    assert not leases, leases
    held = [name for name, until in stack.leases.held_until.items() if until > now]
    assert not held, f"held: {held}"


def _check_sweeps_have_nothing_to_do(stack: SimulatedStack) -> None:
    before = list(stack.published)
    records = [replace(record) for record in stack.registry.records]
    stack.tick()
    rest(stack)
    assert stack.published == before, f"the sweep asked for {stack.published[len(before) :]}"
    assert stack.registry.records == records, "the sweep changed a record"


def _check_all_is_told(stack: SimulatedStack) -> None:
    """Asked to tell it once more, nothing is put: what stands on each open pull request is what its record says."""
    if stack.queues["ReportStatusQueue"].dead:  # lost: nothing looks for it but the next event
        return
    before = len(stack.github_reports.written)
    for record in stack.registry.records:
        if stack.github.pulls[record.repository, record.pull_number].is_open:
            stack.put_event("dagbranch", "Report Requested", event_detail(record, stack.clock()))
    rest(stack)
    assert len(stack.github_reports.written) == before, f"told late: {stack.github_reports.written[before:]}"


def _record(stack: SimulatedStack, pull: PullRequest) -> Environment | None:
    return stack.registry.get(pull.repository_id, pull.number)


def _names_of(stack: SimulatedStack) -> set[tuple[int, int]]:
    return set(stack.registry.claims.values())


def _marked(stack: SimulatedStack) -> dict[str, SchemaMarker]:
    return stack.warehouse.marked_schemas({None})


def _is_made_for(marker: SchemaMarker, pull: PullRequest) -> bool:
    return (marker.repository, marker.pull_number) == (pull.repository, pull.number)


def _is_of(marker: object, key: tuple[int, int]) -> bool:
    owner = Owner.of(marker) if isinstance(marker, dict) else None
    return owner is not None and owner.lane == "preview" and owner.key == key


def _told(record: Environment) -> str:
    return (
        f"{record.repository}#{record.pull_number} {record.name} is {record.status} at {record.head_sha[:7]} "
        f"(request {record.generation}, place {record.place}): {record.message}"
    )


def _messages(stack: SimulatedStack) -> list[str]:
    return [
        f"{queue.name} {message.receives} {message.body[:300]}"
        for queue in stack.queues.values()
        for message in queue.messages
    ]
