"""What has to hold after each act of the story; shared by the demo and the end-to-end tests."""

from __future__ import annotations

from dagbranch.domain.naming import commit_tag
from dagbranch.domain.ownership import marker_of
from local.demo.story import Opened, Ran, Removed, expect

_TABLES = {"m_events": "view", "m_roi": "table"}


def check_opened(opened: Opened) -> None:
    name, tag = opened.name, commit_tag(opened.head_sha)
    expect(
        [dag.dag_id for dag in opened.dags] == [f"qu.{name}.test_dag", f"qu.{name}.test_dag_2"],
        f"{name} has its two DAGs: {opened.dags}",
    )
    expect(all({name, tag} <= dag.tags for dag in opened.dags), f"each DAG of {name} is tagged with {name} and {tag}")
    expect(all(dag.is_active and not dag.is_paused for dag in opened.dags), f"the DAGs of {name} run when triggered")
    expect(
        opened.schemas == {f"db_attribution_{name}": _TABLES}, f"{name} has one view and one table: {opened.schemas}"
    )
    job_code = list(opened.job_code.values())
    expect(job_code == [marker_of(opened.environment)], f"{name} has its marked job code: {opened.job_code}")


def check_ran(ran: Ran) -> None:
    expect(ran.state == "success", f"the run of {ran.dag_id} ends in success: {ran.state}")
    expect(
        ran.rows == [("search", 2.0, "2026-02-01"), ("social", 1.5, "2026-02-01")],
        f"it wrote its own table from its own view: {ran.rows}",
    )
    expect({row[2] for row in ran.seeded} == {"2026-01-15"}, f"the seed is the range that was asked for: {ran.seeded}")
    expect(ran.budget == "search 600, social 600", f"its task ran its own job code: {ran.budget}")
    expect(not any(ran.elsewhere.values()), f"nobody else's table was touched: {ran.elsewhere}")


def check_pushed(before: Opened, pushed: Opened) -> None:
    check_opened(pushed)
    expect(before.pull.number == pushed.pull.number, "it is the same pull request")
    expect(before.head_sha != pushed.environment.head_sha == pushed.head_sha, "the environment moved to the new commit")
    expect(before.environment.source_digest != pushed.environment.source_digest, "with other content")


def check_removed(removed: Removed) -> None:
    name = removed.environment.name
    left = (removed.objects, removed.source_archives, removed.dags, removed.schemas)
    expect(not any(left), f"nothing of {name} is left: {left}")
    expect(name not in removed.claims, f"the name {name} is free again: {removed.claims}")
    expect(
        removed.environment.receipt.get("dag_ids") == [f"qu.{name}.test_dag", f"qu.{name}.test_dag_2"],
        f"the receipt says what was deleted: {removed.environment.receipt}",
    )
    expect(
        all(len(dags) == 2 and all(dag.is_active for dag in dags) for dags in removed.others.values()),
        f"the others stand: {removed.others}",
    )
