"""What has to hold after each act of the story; shared by the demo and the end-to-end tests."""

from __future__ import annotations

import re

from dagbranch.domain.environments import Status
from dagbranch.domain.naming import commit_tag
from dagbranch.domain.ownership import marker_of
from local.demo.story import Offered, Opened, Ran, Removed, expect

_LISTED = re.compile(r"\[`(qu\.[^`]+)`\]")  # each DAG with its link
_VIEWS = re.compile(r"`(\w+)`: (\d+) views? of `(\w+)`")
_TABLE = re.compile(r"table `(\w+)`")
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
    check_told_ready(opened)


def check_told_ready(opened: Opened) -> None:
    """What the pull request says is what Airflow and Spark say."""
    name, page, told = opened.name, opened.page, opened.page.comment
    kinds = [kind for tables in opened.schemas.values() for kind in tables.values()]
    tables = [table for tables in opened.schemas.values() for table, kind in tables.items() if kind == "table"]
    expect(len(page.comments) == 1, f"{name} has one comment: {page.comments}")
    expect(
        sorted(_LISTED.findall(told)) == [dag.dag_id for dag in opened.dags],
        f"the comment on {name} lists the DAGs that Airflow has: {told}",
    )
    expect(
        _VIEWS.findall(told) == [(schema, str(kinds.count("view")), "db_attribution_test") for schema in opened.schemas]
        and sorted(_TABLE.findall(told)) == sorted(tables),
        f"the comment on {name} names the views and tables that Spark has: {told}",
    )
    expect(opened.head_sha[:7] in told, f"the comment on {name} is about {opened.head_sha[:7]}: {told}")
    expect(page.head_sha == opened.head_sha and page.outcome == "success", f"the check of {name} is green: {page}")
    deployment = page.deployment
    expect(
        deployment is not None and deployment.state == "success" and deployment.url.endswith(f"?tags={name}"),
        f"the deployment of {name} leads to its DAGs: {deployment}",
    )


def check_offered(offered: Offered) -> None:
    page, approval = offered.page, f"/dagbranch deploy {offered.pull.head_sha}"
    made = (offered.environment.name, offered.source_archives, page.deployments)
    expect(offered.environment.status == Status.REFUSED, f"the fork's commit is refused: {offered.environment}")
    expect(not any(made), f"nothing is made of a fork's commit: {made}")
    expect(approval in page.comment, f"the comment says how it is approved, by {approval}: {page.comment}")
    expect(page.outcome == "neutral", f"its check is neither green nor red: {page.outcome}")


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
    expect(
        [one.id for one in pushed.page.comments] == [one.id for one in before.page.comments],
        f"the comment was edited in place: {pushed.page.comments}",
    )
    expect(before.head_sha[:7] not in pushed.page.comment, f"it is about the new commit alone: {pushed.page.comment}")
    earlier = [one.state for one in pushed.page.deployments if one.sha == before.head_sha]
    expect(earlier == ["inactive"], f"the deployment of the commit before has ended: {earlier}")
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
    page = removed.page
    expect(len(page.comments) == 1 and f"{name} is removed" in page.comment, f"its comment says so: {page.comment}")
    expect({one.state for one in page.deployments} == {"inactive"}, f"its deployment has ended: {page.deployments}")
    expect(page.outcome == "success", f"what its commit had proven stays: {page.outcome}")
    expect(
        all(len(dags) == 2 and all(dag.is_active for dag in dags) for dags in removed.others.values()),
        f"the others stand: {removed.others}",
    )
