from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from dagbranch.domain.environments import Environment, Status
from dagbranch.domain.gates import Gate
from dagbranch.domain.naming import CANARY, RELEASE
from dagbranch.domain.release_wishes import Hold
from dagbranch.domain.releases import WANTED, Judged, Release
from dagbranch.domain.reports import Check
from dagbranch.domain.requests import JudgedRequest, ReportRequest
from dagbranch.errors import TransientUpstreamError, UpstreamError
from dagbranch.use_cases.report_status import report_status
from dagbranch.use_cases.telling import Reporter
from tests.fakes.examples import FIRST, NOW, REPOSITORY, REPOSITORY_ID, SECOND, Clock
from tests.fakes.github_reports import InMemoryGitHubReports
from tests.fakes.leases import InMemoryLeases
from tests.fakes.registry import InMemoryRegistry
from tests.fakes.release_examples import a_promotion
from tests.fakes.releases import InMemoryReleases
from tests.fakes.report_examples import GITHUB, a_deploying_one, a_failed_one, a_half, a_ready_one, a_removing_one
from tests.fakes.reports import InMemoryReports
from tests.fakes.telemetry import InMemoryTelemetry

PASSED = (Gate("ready", "passed", "since 09:00"), Gate("soak", "passed", "2 h of 1 h"))
NOT_SOAKED = (Gate("ready", "passed", "since 09:00"), Gate("soak", "later", "12 min of 1 h"))
FAILED = (*PASSED, Gate("checks", "failed", "lint"), Gate("data", "failed", "no_orphans: a row"))


class Prod:
    """A release lane's registry and ledger that others write, and what report_status makes of them at GitHub."""

    def __init__(self, lane: str = "prod") -> None:
        self.lane = lane
        self.registry = InMemoryRegistry()
        self.ledger = InMemoryReleases()
        self.reports = InMemoryReports()
        self.github = InMemoryGitHubReports()
        self.telemetry = InMemoryTelemetry()

    def write(self, record: Environment) -> None:
        standing = self.registry.get(*record.key)
        self.registry.save(replace(record, revision=standing.revision if standing else 0), event="")

    def stands(self, record: Environment) -> None:
        self.write(record)
        self.take(ReportRequest(REPOSITORY_ID, REPOSITORY, record.pull_number, record.head_sha, NOW))

    def judged(self, **different: Any) -> None:
        head_sha = different.pop("head_sha", FIRST)
        usual = Judged(17, "prod", "alice", NOW, "waiting", NOT_SOAKED)
        standing = self.ledger.get(REPOSITORY_ID, head_sha) or Release(REPOSITORY_ID, REPOSITORY, head_sha)
        self.ledger.save(replace(standing, judged=replace(usual, **different)))
        self.tell_judged(head_sha)

    def tell_judged(self, head_sha: str = FIRST) -> None:
        self.take(JudgedRequest(REPOSITORY_ID, REPOSITORY, head_sha, "prod"))

    def take(self, request: ReportRequest | JudgedRequest) -> None:
        by = Reporter(
            lane=self.lane,
            allowed_repositories=frozenset({REPOSITORY}),
            has_deployments=False,
            lease_seconds=60,
            pages=GITHUB,
            registry=self.registry,
            reports=self.reports,
            github=self.github,
            ledger=self.ledger,
            deployments=self.github.at_github,
            leases=InMemoryLeases(Clock()),
            telemetry=self.telemetry,
        )
        report_status(request, by=by)

    def deploy(self, head_sha: str = FIRST, **different: Any) -> int:
        return self.github.at_github.deploy("prod", head_sha, **different).id

    def check(self, name: str = "dagbranch/prod", head_sha: str = FIRST) -> Check | None:
        told = [one for one in self.github.checks.values() if (one.name, one.head_sha) == (name, head_sha)]
        return told[-1] if told else None

    def statuses(self, deployment_id: int) -> list[str]:
        return [str(one.state) for one in self.github.release_statuses.get(deployment_id, [])]


@pytest.fixture
def prod() -> Prod:
    return Prod()


@pytest.fixture
def stage() -> Prod:
    return Prod("stage")


def of_a_lane(record: Environment, **different: Any) -> Environment:
    usual = {"pull_number": RELEASE, "lane": "prod", "branch": "main", "name": "prod_pipelines"}
    return replace(record, **{**usual, **different})


def promoted(record: Environment, number: int, **different: Any) -> Environment:
    promotion = a_promotion(deployment_id=number, head_sha=record.head_sha)
    return of_a_lane(record, promotion=promotion, **different)


def test_a_release_is_told_by_a_check_and_its_deployment_and_by_no_comment(prod: Prod) -> None:
    number = prod.deploy()
    prod.stands(promoted(a_deploying_one(status=Status.REQUESTED, pipeline=None), number))
    prod.stands(promoted(a_deploying_one(), number))
    prod.stands(promoted(a_ready_one(), number))

    check = prod.check()

    assert prod.statuses(number) == ["queued", "in_progress", "success"]
    assert check is not None
    assert (check.state, check.title) == ("success", "prod_pipelines is ready: 3 DAGs in Airflow")
    assert prod.github.comments == {}
    assert prod.github.deployments == {}


def test_the_same_report_twice_writes_nothing(prod: Prod) -> None:
    record = promoted(a_ready_one(), prod.deploy())
    prod.stands(record)
    prod.github.written.clear()

    prod.stands(record)

    assert prod.github.written == []


def test_a_failure_is_told_with_its_places_and_its_reason(prod: Prod) -> None:
    number = prod.deploy()

    prod.stands(promoted(a_failed_one("dags/qu/main/test_dag.py:3: no such table\nand more"), number))

    check = prod.check()
    assert check is not None
    assert [(one.path, one.line) for one in check.annotations] == [("dags/qu/main/test_dag.py", 3)]
    (status,) = prod.github.release_statuses[number]
    assert (status.state, status.environment) == ("failure", "prod")
    assert status.description.startswith("prod_pipelines has failed: dags/qu/main/test_dag.py:3: no such table")


def test_a_description_is_never_longer_than_what_github_takes(prod: Prod) -> None:
    number = prod.deploy()

    prod.stands(promoted(a_failed_one("no " * 200), number))

    assert len(prod.github.release_statuses[number][-1].description) == 140


def test_a_deployment_leads_into_airflow(prod: Prod) -> None:
    number = prod.deploy()

    prod.stands(promoted(a_ready_one(), number))

    assert (prod.github.release_statuses[number][-1].url or "").endswith("/dags?tags=prod_pipelines")


def test_the_deployment_before_stays_active_until_the_next_one_is_ready(prod: Prod) -> None:
    first, second = prod.deploy(), prod.deploy(SECOND)
    prod.stands(promoted(a_ready_one(), first))
    prod.stands(promoted(a_deploying_one(head_sha=SECOND, generation=2), second))
    before = prod.statuses(first)

    prod.stands(promoted(a_ready_one(head_sha=SECOND, generation=2), second))

    assert (before, prod.statuses(first)) == (["success"], ["success", "inactive"])
    assert prod.statuses(second) == ["in_progress", "success"]


def test_a_deployment_that_another_one_overtook_is_ended_at_once(prod: Prod) -> None:
    first, second = prod.deploy(), prod.deploy(SECOND)
    prod.stands(promoted(a_deploying_one(), first))

    prod.stands(promoted(a_deploying_one(head_sha=SECOND, generation=2), second))

    assert prod.statuses(first) == ["in_progress", "inactive"]
    check = prod.check()
    assert check is not None
    assert (check.state, check.title) == ("neutral", f"superseded by {SECOND[:7]}")


def test_a_rollback_is_told_to_the_deployment_that_asked_for_it_and_not_to_the_one_of_its_promotion(prod: Prod) -> None:
    first, back = prod.deploy(), prod.deploy()
    held = Hold("alice", NOW, "m_roi is wrong")

    prod.stands(promoted(a_ready_one(), first, deployment_id=back, rolls_back=True, held=held))

    assert (prod.statuses(first), prod.statuses(back)) == ([], ["success"])
    status = prod.github.release_statuses[back][-1]
    assert status.description == (
        "prod_pipelines is ready: 3 DAGs in Airflow: rolled back to this commit; held by alice: m_roi is wrong"
    )


def test_the_check_names_the_bytes_and_who_brought_them_as_text(prod: Prod) -> None:
    half = a_half(12, zip_sha256="e" * 64, version="0.7.0")
    promotion = a_promotion(deployment_id=prod.deploy(), by="al|ice", skipped=("soak",))

    prod.stands(of_a_lane(a_ready_one(pipeline=half), promotion=promotion, held=Hold("bob", NOW, "see @acme/team")))

    check = prod.check()
    assert check is not None
    assert f"| Source archive | `{'d' * 64}` |" in check.summary
    assert f"| Packaged DAG | `{'e' * 64}`, made by dagbranch `0.7.0` |" in check.summary
    assert "| Promoted | from `stage` by `al¦ice`, 2026-11-21 09:00 UTC |" in check.summary
    assert "| Gates skipped | `soak` |" in check.summary
    assert "see @acme" not in check.summary


def test_the_check_lists_the_dags_the_schemas_and_the_times_as_there_is_no_comment(prod: Prod) -> None:
    prod.stands(promoted(a_ready_one(), prod.deploy()))

    check = prod.check()
    assert check is not None
    assert "[`qu.feature1.test_dag`](https://" in check.summary
    assert "`db_attribution_feature1`: 12 views of `db_attribution_test`" in check.summary
    assert "| listed by Airflow | after 41 s |" in check.summary


def test_a_canary_has_a_check_of_its_own_that_outlives_it(prod: Prod) -> None:
    number = prod.deploy()
    canary = {"pull_number": CANARY, "name": "prod_pipelines_next"}
    prod.stands(promoted(a_ready_one(), prod.deploy()))
    prod.stands(promoted(a_ready_one(), number, **canary))

    prod.stands(promoted(a_removing_one("dropped by alice", unwanted="dropped by alice"), number, **canary))

    told, beside = prod.check("dagbranch/prod canary"), prod.check()
    assert told is not None
    assert beside is not None
    assert (told.state, beside.state) == ("success", "success")
    assert prod.statuses(number) == ["success", "inactive"]


def test_a_push_into_the_first_lane_is_told_by_its_check_alone(stage: Prod) -> None:
    stage.stands(of_a_lane(a_ready_one(), lane="stage", name="stage_pipelines"))

    check = stage.check("dagbranch/stage")
    assert check is not None
    assert check.state == "success"
    assert stage.github.written == ["check"]


def test_gates_that_wait_are_all_named_and_the_deployment_is_queued(stage: Prod) -> None:
    number = stage.deploy()

    stage.judged(deployment_id=number)

    check = stage.check("dagbranch/prod gates")
    assert check is not None
    assert (check.state, check.title) == ("queued", "waiting for prod: soak, 12 min of 1 h")
    assert "| `ready` | ✅ passed | since 09:\u206000 |" in check.summary
    assert "| `soak` | ⏳ not yet | 12 min of 1 h |" in check.summary
    (status,) = stage.github.release_statuses[number]
    assert (status.state, status.environment, status.description) == ("queued", "prod", check.title)


def test_a_refusal_names_the_gates_that_failed(stage: Prod) -> None:
    number = stage.deploy()

    stage.judged(deployment_id=number, verdict="refused", gates=FAILED)

    check = stage.check("dagbranch/prod gates")
    assert check is not None
    assert (check.state, check.title) == ("failure", "not promoted to prod: checks, data")
    (status,) = stage.github.release_statuses[number]
    assert (status.state, status.description) == ("failure", "not promoted to prod: checks, data")


def test_what_strangers_wrote_into_a_gate_stays_text(stage: Prod) -> None:
    gates = (Gate("data", "failed", "a|b <img src=x> @acme/team [x](http://evil)"),)

    stage.judged(deployment_id=stage.deploy(), verdict="refused", gates=gates)

    check = stage.check("dagbranch/prod gates")
    assert check is not None
    assert "<img" not in check.summary.replace("\\<img", "")
    assert "@acme" not in check.summary
    assert "](http" not in check.summary.replace("\\](http", "").replace("\\]", "")


def test_gates_that_pass_hand_the_deployment_on(stage: Prod) -> None:
    number = stage.deploy()
    stage.judged(deployment_id=number)

    stage.judged(deployment_id=number, verdict="promoted", gates=(*PASSED, Gate("checks", "skipped", "hot fix")))

    check = stage.check("dagbranch/prod gates")
    assert check is not None
    assert (check.state, check.title) == ("success", "promoted to prod without checks")
    assert stage.statuses(number) == ["queued", "in_progress"]


def test_a_judgement_that_is_told_twice_writes_nothing(stage: Prod) -> None:
    stage.judged(deployment_id=stage.deploy(), verdict="promoted", gates=PASSED)
    stage.github.written.clear()

    stage.tell_judged()

    assert stage.github.written == []


def test_what_the_next_lane_has_told_of_the_end_is_not_undone_by_a_late_word_of_the_gates(stage: Prod) -> None:
    number = stage.deploy()
    stage.github.at_github.tell(number, "success")

    stage.judged(deployment_id=number, verdict="promoted", gates=PASSED)

    assert stage.statuses(number) == []
    assert stage.github.at_github.deployments[number].status == "success"


def test_a_refusal_is_told_though_the_workflow_that_asked_has_succeeded(stage: Prod) -> None:
    number = stage.deploy()
    stage.github.at_github.tell(number, "success")

    stage.judged(deployment_id=number, verdict="refused", gates=FAILED)

    assert stage.statuses(number) == ["failure"]


def test_a_refusal_that_was_overcome_is_followed_by_progress(stage: Prod) -> None:
    number = stage.deploy()
    stage.judged(deployment_id=number, verdict="refused", gates=FAILED)

    stage.judged(deployment_id=number, verdict="promoted", gates=PASSED)

    assert stage.statuses(number) == ["failure", "in_progress"]


def test_gates_of_a_commit_that_is_wanted_no_more_end(stage: Prod) -> None:
    number = stage.deploy()
    stage.judged(deployment_id=number)

    stage.judged(deployment_id=number, verdict="ended", message="2222222 was promoted meanwhile")

    check = stage.check("dagbranch/prod gates")
    assert check is not None
    assert (check.state, check.title) == ("neutral", "not promoted to prod any more: 2222222 was promoted meanwhile")
    assert stage.statuses(number) == ["queued", "inactive"]


def wanted(stage: Prod, **different: Any) -> None:
    stage.judged(**{"deployment_id": WANTED, "gates": PASSED, "by": "dagbranch", "at": NOW, **different})


def test_a_deployment_that_is_wanted_is_made_once(stage: Prod) -> None:
    wanted(stage)
    stage.tell_judged()
    wanted(stage, at=NOW + timedelta(hours=1))

    (made,) = stage.github.at_github.deployments.values()
    assert (made.environment, made.head_sha, made.made_by_app) == ("prod", FIRST, stage.github.at_github.our_app)
    assert stage.statuses(made.id) == []


def test_a_deployment_is_made_again_where_the_one_before_was_refused(stage: Prod) -> None:
    wanted(stage)
    (first,) = stage.github.at_github.deployments
    stage.judged(deployment_id=first, verdict="refused", gates=FAILED)

    wanted(stage, at=NOW + timedelta(hours=1))

    assert len(stage.github.at_github.deployments) == 2


def test_a_deployment_that_github_does_not_list_yet_is_not_made_again(stage: Prod) -> None:
    wanted(stage)
    (ours,) = stage.github.at_github.deployments
    stage.deploy(SECOND, created_at=NOW - timedelta(days=1))

    wanted(stage, at=NOW + timedelta(minutes=5))

    made = stage.github.at_github.deployments.values()
    assert [one.id for one in made if one.head_sha == FIRST] == [ours]


def test_a_deployment_whose_answer_was_lost_is_not_made_again(stage: Prod) -> None:
    ours = stage.deploy(made_by_app=stage.github.at_github.our_app)

    wanted(stage)

    assert list(stage.github.at_github.deployments) == [ours]


def test_no_deployment_is_made_where_somebody_asked_for_another_commit_since(stage: Prod) -> None:
    stage.deploy(SECOND, created_at=NOW + timedelta(seconds=1))

    wanted(stage)

    assert len(stage.github.at_github.deployments) == 1


def test_a_deployment_is_made_where_the_one_before_is_older_than_the_wish(stage: Prod) -> None:
    stage.deploy(SECOND, created_at=NOW - timedelta(days=1), status="success")

    wanted(stage)

    assert [one.head_sha for one in stage.github.at_github.deployments.values()] == [SECOND, FIRST]


def test_gates_that_do_not_pass_yet_want_no_deployment(stage: Prod) -> None:
    wanted(stage, gates=NOT_SOAKED)

    assert stage.github.at_github.deployments == {}
    check = stage.check("dagbranch/prod gates")
    assert check is not None
    assert check.state == "queued"


def test_a_commit_that_the_ledger_does_not_know_is_told_nothing(stage: Prod) -> None:
    stage.tell_judged()

    assert stage.github.written == []


def test_a_status_that_github_refuses_keeps_the_check_from_nothing_and_is_raised(stage: Prod) -> None:
    number = stage.deploy()

    with (
        stage.github.refusing("release status", TransientUpstreamError("GitHub answered 502")),
        pytest.raises(TransientUpstreamError, match="502"),
    ):
        stage.judged(deployment_id=number)
    stage.tell_judged()

    assert stage.check("dagbranch/prod gates") is not None
    assert stage.statuses(number) == ["queued"]


def test_a_repository_that_is_not_on_the_list_is_told_nothing(stage: Prod) -> None:
    stage.take(JudgedRequest(REPOSITORY_ID, "acme/other", FIRST, "prod"))

    assert stage.github.written == []


def test_a_check_that_github_refuses_for_good_is_raised_as_such(prod: Prod) -> None:
    with (
        prod.github.refusing("check", UpstreamError("no right")),
        pytest.raises(UpstreamError, match="no right"),
    ):
        prod.stands(promoted(a_ready_one(), prod.deploy()))
