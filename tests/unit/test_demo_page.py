"""What the demo shows of a pull request, and that it notices where this is not what Airflow and Spark say."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import cast

import pytest

from dagbranch.domain.environments import Environment
from dagbranch.domain.naming import commit_tag
from dagbranch.domain.report_comment import comment_of
from local.demo.checks import check_told_ready
from local.demo.observation import Dag
from local.demo.pull_request_page import Page
from local.demo.story import Opened, StoryError
from local.github import Pull
from local.github.feedback import Actor, CommentRecord, DeploymentRecord, DeploymentStatusRecord, DeploymentView
from tests.fakes.examples import FIRST, NOW, SECOND
from tests.fakes.report_examples import AIRFLOW, GITHUB, a_ready_one

US = Actor("dagbranch[bot]", app_id=7)
LATER = NOW + timedelta(seconds=9)


def a_deployment(head_sha: str, state: str, url: str = "") -> DeploymentView:
    record = DeploymentRecord(1, head_sha, head_sha, US, "dagbranch/preview", NOW)
    status = DeploymentStatusRecord(2, 1, US, state, record.environment, LATER, environment_url=url)
    return DeploymentView(record, (status,))


def a_page(record: Environment) -> Page:
    comment = CommentRecord(1, record.pull_number, US, comment_of(record, (), GITHUB), NOW, NOW)
    deployments = (
        a_deployment(SECOND, "inactive"),
        a_deployment(FIRST, "success", f"{AIRFLOW.url}/dags?tags=feature1"),
    )
    return Page(record.pull_number, FIRST, (comment,), "success", "feature1 is ready", deployments)


def an_opened(**different: object) -> Opened:
    record = a_ready_one()
    assert record.name is not None
    tags = frozenset({record.name, commit_tag(FIRST)})
    views = {f"m_view_{number}": "view" for number in range(12)}
    opened = Opened(
        name=record.name,
        pull=cast("Pull", None),  # not looked at
        head_sha=FIRST,
        environment=record,
        dags=[Dag(one, tags, is_paused=False, is_active=True, schedule=None) for one in sorted(record.dag_ids)],
        schemas={"db_attribution_feature1": {**views, "m_roi": "table", "m_model": "table"}},
        job_code={},
        page=a_page(record),
    )
    return replace(opened, **different)  # type: ignore[arg-type] # any of its fields


def test_a_page_says_in_a_line_how_it_stands() -> None:
    page = a_page(a_ready_one())

    assert page.headline == "✅ feature1 is ready: 3 DAGs in Airflow"
    assert page.state == "check: success · deployment: success"
    assert (page.url, page.told_at) == (f"{AIRFLOW.url}/dags?tags=feature1", LATER)
    assert page.is_told_ready


def test_a_page_without_a_deployment_of_its_commit_is_not_told_ready() -> None:
    page = replace(a_page(a_ready_one()), head_sha="3" * 40)

    assert not page.is_told_ready
    assert (page.state, page.url, page.told_at) == ("check: success · deployment: none", "", None)


def test_a_page_that_says_what_airflow_and_spark_say_is_as_it_should_be() -> None:
    check_told_ready(an_opened())


@pytest.mark.parametrize(
    ("different", "told"),
    [
        ({"dags": []}, "lists the DAGs that Airflow has"),
        ({"schemas": {}}, "names the views and tables"),
        ({"schemas": {"db_attribution_feature1": {"m_roi": "view"}}}, "names the views and tables"),
        ({"head_sha": SECOND}, "is about 2222222"),
        ({"page": replace(a_page(a_ready_one()), comments=())}, "has one comment"),
        ({"page": replace(a_page(a_ready_one()), outcome="failure")}, "is green"),
        ({"page": replace(a_page(a_ready_one()), deployments=())}, "leads to its DAGs"),
    ],
)
def test_a_page_that_says_something_else_ends_the_story(different: dict[str, object], told: str) -> None:
    with pytest.raises(StoryError, match=told):
        check_told_ready(an_opened(**different))
