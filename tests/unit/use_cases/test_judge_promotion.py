from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from dagbranch.domain.airflow_listing import FinishedRun
from dagbranch.domain.naming import CANARY, RELEASE, SourceArchiveKey
from dagbranch.domain.promotion import Promotion
from dagbranch.domain.releases import WANTED, Judged
from dagbranch.errors import TransientUpstreamError
from tests.fakes.examples import FILES, FIRST, NOW, REPOSITORY, SECOND, THIRD
from tests.fakes.release_lanes import Lanes, pipeline_file, two_lanes
from tests.fakes.warehouse import Table

HOT_FIX = {"dagbranch": {"skip": ["soak", "checks"], "reason": "the shop is down"}}


@pytest.fixture
def lanes() -> Lanes:
    return two_lanes()


def judged(lanes: Lanes, head_sha: str = FIRST) -> Judged:
    found = lanes.stage.line(head_sha).judged
    assert found is not None
    return found


def outcomes(lanes: Lanes, head_sha: str = FIRST) -> dict[str, str]:
    return {gate.name: gate.outcome for gate in judged(lanes, head_sha).gates}


def promoted(lanes: Lanes) -> list[Promotion]:
    """What was put into the next lane's bucket, in no order."""
    return [Promotion.parse(signed.text) for signed in lanes.prod.sources.promotions.values()]


def told(lanes: Lanes) -> list[tuple[str, str]]:
    """What was judged, as it was announced."""
    events = [detail for kind, detail in lanes.stage.bus.published if kind == "Release Judged"]
    return [(detail["head_sha"], detail["data"]["verdict"]) for detail in events]


def test_what_passes_all_gates_is_put_signed_into_the_next_lane(lanes: Lanes) -> None:
    lanes.stage.bring(FIRST)

    asked = lanes.deploy("prod", FIRST)

    (promotion,) = promoted(lanes)
    line = lanes.stage.line(FIRST)
    assert (promotion.head_sha, promotion.target, promotion.source) == (FIRST, "prod", "stage")
    assert (promotion.source_digest, promotion.zip_sha256) == (line.source_digest, line.zip_sha256)
    assert (promotion.deployment_id, promotion.by, promotion.skipped) == (asked.id, "alice", ())
    key = SourceArchiveKey(REPOSITORY, RELEASE, FIRST, promotion.source_digest)
    assert lanes.prod.sources.get(key, 10_000) == lanes.stage.sources.get(key, 10_000)
    assert judged(lanes).verdict == "promoted"
    assert line.handed == asked.id
    assert told(lanes) == [(FIRST, "promoted")]
    assert lanes.stage.deeds == [("deployed", "dagbranch", "1"), ("promoted", "alice", "1")]


def test_what_has_not_soaked_waits_and_goes_on_at_the_tick_after(lanes: Lanes) -> None:
    lanes.stage.bring(FIRST, pipeline_file(soak="2h"))
    lanes.clock.forward(12 * 60)

    lanes.deploy("prod", FIRST)
    waited = judged(lanes)
    lanes.stage.tick()
    before = promoted(lanes)
    lanes.clock.forward(2 * 3600)
    lanes.stage.tick()

    assert (waited.verdict, before) == ("waiting", [])
    assert [gate.detail for gate in waited.gates if gate.name == "soak"] == [
        "ready here for 12 min of 2 h: passes at 11:00 UTC"
    ]
    assert judged(lanes).verdict == "promoted"
    assert told(lanes) == [(FIRST, "waiting"), (FIRST, "promoted")]


def test_a_red_check_refuses_and_only_another_deployment_asks_again(lanes: Lanes) -> None:
    lanes.stage.bring(FIRST)
    lanes.github.checks[FIRST] = {"unit": "failed", "dagbranch/stage": "failed"}

    first = lanes.deploy("prod", FIRST)
    lanes.github.checks[FIRST] = {"unit": "passed", "dagbranch/stage": "failed"}
    lanes.tell(first)
    lanes.stage.tick()
    refused = judged(lanes)
    lanes.deploy("prod", FIRST)

    assert (refused.deployment_id, refused.verdict) == (first.id, "refused")
    assert judged(lanes).verdict == "promoted"
    assert [deed for deed, _, _ in lanes.stage.deeds] == ["deployed", "refused", "promoted"]
    assert lanes.stage.audit.told[1].details == "to prod: checks: not green: unit: run again what should pass"


def test_named_dags_have_to_have_run_on_this_archive(lanes: Lanes) -> None:
    lanes.stage.bring(FIRST, pipeline_file(runs="[qu.test_dag]"))
    early = NOW - timedelta(minutes=5)
    lanes.stage.airflow.good_runs = [FinishedRun("qu.test_dag", early, early)]

    lanes.deploy("prod", FIRST)
    waited = outcomes(lanes)["runs"]
    after = NOW + timedelta(minutes=5)
    lanes.stage.airflow.good_runs += [FinishedRun("qu.test_dag", after, after)]
    lanes.clock.forward(600)
    lanes.stage.tick()

    assert (waited, outcomes(lanes)["runs"]) == ("later", "passed")
    assert len(promoted(lanes)) == 1


WITH_DATA = b"""\
version: 1
data:
  source_suffix: _test
  schemas:
    db_attribution:
      write:
        m_roi: {}
lanes:
  stage: {table_suffix: _stage}
  prod:
    promotion:
      data_checks:
        complete: SELECT day, rows FROM db_attribution.m_roi WHERE rows = 0
"""


def with_rows(lanes: Lanes, *rows: dict[str, Any]) -> None:
    lanes.stage.warehouse = type(lanes.stage.warehouse)(
        {"db_attribution_stage": {"m_roi": Table({"day": "STRING", "rows": "INT"}, list(rows))}}
    )


def test_a_data_check_is_asked_in_this_lanes_schemas_and_told_without_what_it_found(lanes: Lanes) -> None:
    lanes.stage.bring(FIRST, {**FILES, "dagbranch.yaml": WITH_DATA})
    with_rows(lanes, {"day": "2026-01-01", "rows": 0}, {"day": "2026-01-02", "rows": 0})

    lanes.deploy("prod", FIRST)
    (failed,) = [gate for gate in judged(lanes).gates if gate.outcome == "failed"]
    with_rows(lanes, {"day": "2026-01-01", "rows": 7})
    lanes.deploy("prod", FIRST)

    assert (failed.name, failed.detail) == ("data", "complete found rows: mend the data, then deploy again")
    assert judged(lanes).verdict == "promoted"


def test_the_warehouse_is_not_woken_for_what_waits(lanes: Lanes) -> None:
    lanes.stage.bring(
        FIRST, {**FILES, "dagbranch.yaml": WITH_DATA.replace(b"      data", b"      soak: 1h\n      data")}
    )

    lanes.deploy("prod", FIRST)

    assert lanes.stage.warehouse.asked == 0
    assert outcomes(lanes) | {"soak": "later", "data": "later"} == outcomes(lanes)


def test_a_data_check_that_cannot_be_asked_is_told_and_refuses(lanes: Lanes) -> None:
    lanes.stage.bring(FIRST, {**FILES, "dagbranch.yaml": WITH_DATA.replace(b"m_roi WHERE", b"m_gone WHERE")})

    lanes.deploy("prod", FIRST)

    (failed,) = [gate for gate in judged(lanes).gates if gate.outcome == "failed"]
    assert failed.detail.startswith("complete cannot be asked: ")
    assert "m_gone" in failed.detail


def test_skipped_gates_are_not_asked_and_stand_on_the_audit(lanes: Lanes) -> None:
    lanes.stage.bring(FIRST, pipeline_file(soak="2h"))
    lanes.github.checks[FIRST] = {"unit": "failed"}

    lanes.deploy("prod", FIRST, HOT_FIX)

    (promotion,) = promoted(lanes)
    assert promotion.skipped == ("soak", "checks")
    assert lanes.stage.audit.told[-1].details == (
        "to prod; without soak, by alice: the shop is down; without checks, by alice: the shop is down"
    )


@pytest.mark.parametrize(
    "payload",
    [
        {"dagbranch": {"skip": ["hold"], "reason": "no"}},
        {"dagbranch": {"skip": ["soak"]}},
        {"dagbranch": {"keep": True}},
        {"dagbranch": {"canary": True, "hold": False}},
    ],
)
def test_a_payload_that_says_something_else_is_refused_whatever_the_gates_say(
    lanes: Lanes, payload: dict[str, Any]
) -> None:
    lanes.stage.bring(FIRST)

    lanes.deploy("prod", FIRST, payload)

    assert (judged(lanes).verdict, promoted(lanes)) == ("refused", [])
    assert judged(lanes).message.startswith("dagbranch")


def test_a_deployment_comes_before_its_commit_and_waits_for_it(lanes: Lanes) -> None:
    lanes.github.push(FIRST)

    lanes.deploy("prod", FIRST)
    early = judged(lanes)
    lanes.github.history.clear()
    lanes.stage.push(FIRST)
    lanes.stage.tick()
    under_way = judged(lanes)
    lanes.stage.work(lanes.stage.stand())

    assert (early.verdict, early.gates[0].detail) == ("waiting", "stage has not taken it in yet")
    assert (under_way.verdict, under_way.gates[0].detail) == ("waiting", "stage is deploying it")
    assert judged(lanes).verdict == "promoted"


def test_what_stage_cannot_deploy_is_refused_as_soon_as_that_is_known(lanes: Lanes) -> None:
    lanes.stage.push(FIRST)
    lanes.deploy("prod", FIRST)

    lanes.stage.work(lanes.stage.fail("dags/a.py: broken\nmore"))

    assert judged(lanes).verdict == "refused"
    assert judged(lanes).gates[0].detail == "stage has not deployed it: dags/a.py: broken"


def test_what_never_was_the_newest_commit_of_stage_is_refused(lanes: Lanes) -> None:
    lanes.stage.bring(FIRST)
    lanes.github.push(SECOND)
    lanes.github.push(THIRD)

    lanes.deploy("prod", SECOND)

    assert judged(lanes, SECOND).verdict == "refused"
    assert judged(lanes, SECOND).gates[0].detail.startswith("it was never ready in stage")


@pytest.mark.parametrize(
    ("who", "counts"),
    [
        ({"creator": "Alice"}, 1),
        ({"creator": "mallory"}, 0),
        ({"creator": "mallory", "is_of_a_workflow": True}, 0),
        ({"creator": "mallory", "is_of_a_workflow": True, "status": "success"}, 0),
        ({"creator": "mallory", "is_of_a_workflow": True, "status": "queued", "has_begun": True}, 1),
        ({"creator": "github-actions[bot]", "is_of_a_workflow": True, "has_begun": True}, 0),
        ({"creator": "dagbranch[bot]", "made_by_app": 99}, 1),
        ({"creator": "mallory", "made_by_app": 99}, 0),
        ({"creator": "other[bot]", "made_by_app": 98}, 0),
    ],
)
def test_only_what_somebody_who_counts_has_asked_for_is_judged(lanes: Lanes, who: dict[str, Any], counts: int) -> None:
    lanes.stage.bring(FIRST)

    lanes.deploy("prod", FIRST, **who)

    assert len(promoted(lanes)) == counts


def test_deployments_for_other_environments_and_repositories_are_nobodys_here(lanes: Lanes) -> None:
    lanes.stage.bring(FIRST)
    for environment in ("dagbranch/preview", "production", "preview"):
        lanes.deploy(environment, FIRST)

    assert lanes.stage.line(FIRST).judged is None


def test_the_newest_deployment_wins_and_what_waited_before_it_has_ended(lanes: Lanes) -> None:
    lanes.stage.bring(FIRST, pipeline_file(soak="1h"))
    lanes.deploy("prod", FIRST)
    lanes.stage.bring(SECOND)

    lanes.deploy("prod", SECOND)
    lanes.clock.forward(7200)
    lanes.stage.tick()

    assert (judged(lanes).verdict, judged(lanes).message) == ("ended", "a newer deployment came")
    assert [one.head_sha for one in promoted(lanes)] == [SECOND]


def test_an_older_deployment_whose_event_comes_late_is_not_judged_any_more(lanes: Lanes) -> None:
    lanes.stage.bring(FIRST)
    older = lanes.github.deploy("prod", FIRST)
    lanes.stage.bring(SECOND)
    lanes.deploy("prod", SECOND)

    lanes.tell(older)

    assert judged(lanes).verdict == "ended"
    assert [one.head_sha for one in promoted(lanes)] == [SECOND]


def test_what_somebody_who_does_not_count_asks_for_later_ends_nothing(lanes: Lanes) -> None:
    lanes.stage.bring(FIRST, pipeline_file(soak="1h"))
    lanes.deploy("prod", FIRST)
    lanes.deploy("prod", SECOND, creator="mallory")
    lanes.deploy("prod", SECOND, creator="bob", is_of_a_workflow=True)

    lanes.clock.forward(7200)
    lanes.stage.tick()

    assert [one.head_sha for one in promoted(lanes)] == [FIRST]


def test_a_deployment_that_no_event_told_of_is_found_by_the_tick(lanes: Lanes) -> None:
    lanes.stage.bring(FIRST)
    lanes.github.deploy("prod", FIRST)

    lanes.stage.tick()

    assert len(promoted(lanes)) == 1


def test_what_the_next_lane_has_is_left_to_it(lanes: Lanes) -> None:
    lanes.stage.bring(FIRST)
    lanes.promote(FIRST)
    lanes.prod.sources.promotions.clear()

    again = lanes.deploy("prod", FIRST)
    lanes.stage.tick()

    assert lanes.stage.line(FIRST).handed == again.id
    assert promoted(lanes) == []
    assert told(lanes) == [(FIRST, "promoted")]


def test_a_canary_lies_beside_the_release_and_may_be_promoted_after_it(lanes: Lanes) -> None:
    lanes.stage.bring(FIRST)

    lanes.deploy("prod", FIRST, {"dagbranch": {"canary": True}})
    tried = [(one.is_canary, one.key.pull_number) for one in promoted(lanes)]
    lanes.deploy("prod", FIRST)

    assert tried == [(True, CANARY)]
    assert {one.is_canary for one in promoted(lanes)} == {True, False}
    assert [details for *_, details in _details(lanes)] == ["to prod, as a canary", "to prod"]


def _details(lanes: Lanes) -> list[tuple[str, str]]:
    return [(one.deed, one.details) for one in lanes.stage.audit.told if one.deed == "promoted"]


def test_a_source_archive_that_was_changed_is_not_promoted(lanes: Lanes) -> None:
    lanes.stage.bring(FIRST)
    lanes.stage.bring(SECOND, pipeline_file(soak="0"))
    first, second = sorted(lanes.stage.sources.objects)
    lanes.stage.sources.objects[first] = lanes.stage.sources.objects[second]

    lanes.deploy("prod", FIRST)

    assert (judged(lanes).verdict, promoted(lanes)) == ("refused", [])
    assert judged(lanes).message.startswith("the source archive in stage was changed")


def test_a_source_archive_that_is_gone_is_told(lanes: Lanes) -> None:
    lanes.stage.bring(FIRST)
    lanes.stage.sources.objects.clear()

    lanes.deploy("prod", FIRST)

    assert (judged(lanes).verdict, "is gone" in judged(lanes).message) == ("refused", True)


def test_without_a_bucket_of_the_next_lane_nothing_is_promoted(lanes: Lanes) -> None:
    lanes.stage.bring(FIRST)
    lanes.stage.around = lambda name, port: None if name == "next bucket" else port

    lanes.deploy("prod", FIRST)

    assert judged(lanes).message == "there is no bucket of prod yet: NextLaneSourceBucketName is empty"
    assert judged(lanes).verdict == "refused"
    assert lanes.stage.line(FIRST).handed is None


def test_while_github_does_not_answer_nothing_is_decided(lanes: Lanes) -> None:
    lanes.stage.bring(FIRST)
    asked = lanes.github.deploy("prod", FIRST)
    lanes.github.down = True

    with pytest.raises(TransientUpstreamError):
        lanes.stage.hear(asked)

    assert lanes.stage.line(FIRST).judged is None


def test_what_goes_on_by_itself_is_wanted_as_soon_as_its_gates_pass(lanes: Lanes) -> None:
    lanes.stage.bring(FIRST, pipeline_file(auto="true", soak="1h"))
    waited = judged(lanes)

    lanes.clock.forward(3600)
    lanes.stage.tick()
    wanted = judged(lanes)
    lanes.deploy("prod", FIRST, creator="dagbranch[bot]", made_by_app=lanes.github.our_app)

    assert (waited.deployment_id, waited.verdict, waited.wants_deployment) == (WANTED, "waiting", False)
    assert wanted.wants_deployment
    assert [one.by for one in promoted(lanes)] == ["dagbranch[bot]"]
    assert told(lanes)[-2:] == [(FIRST, "waiting"), (FIRST, "promoted")]


def test_what_goes_on_by_itself_does_so_at_the_first_tick_after_its_soak(lanes: Lanes) -> None:
    lanes.stage.bring(FIRST, pipeline_file(auto="true", soak="10m"))

    for _ in range(2):
        lanes.clock.forward(300)
        lanes.stage.tick()

    assert judged(lanes).wants_deployment


def test_the_data_of_what_goes_on_by_itself_is_asked_once_an_hour(lanes: Lanes) -> None:
    auto = WITH_DATA.replace(b"      data_checks", b"      auto: true\n      data_checks")
    with_rows(lanes, {"day": "2026-01-01", "rows": 0})
    lanes.stage.bring(FIRST, {**FILES, "dagbranch.yaml": auto})
    first = lanes.stage.warehouse.asked

    for _ in range(3):
        lanes.clock.forward(300)
        lanes.stage.tick()
    within_the_hour = lanes.stage.warehouse.asked
    with_rows(lanes, {"day": "2026-01-01", "rows": 7})
    lanes.clock.forward(3600)
    lanes.stage.tick()

    assert (first, within_the_hour) == (1, 1)
    assert judged(lanes).wants_deployment


def test_only_what_stands_goes_on_by_itself(lanes: Lanes) -> None:
    lanes.stage.bring(FIRST, pipeline_file(auto="true", soak="1h"))
    lanes.stage.bring(SECOND, pipeline_file(auto="true", soak="2h"))

    lanes.clock.forward(5400)
    lanes.stage.tick()

    assert not judged(lanes, FIRST).wants_deployment
    assert not judged(lanes, SECOND).wants_deployment


def test_without_auto_nothing_goes_on_by_itself(lanes: Lanes) -> None:
    lanes.stage.bring(FIRST)

    lanes.stage.tick()

    assert lanes.stage.line(FIRST).judged is None
    assert lanes.stage.line(FIRST).auto is False
    assert told(lanes) == []


def test_what_was_wanted_and_is_made_is_not_wanted_again(lanes: Lanes) -> None:
    lanes.stage.bring(FIRST, pipeline_file(auto="true"))
    lanes.promote(FIRST)
    before = len(told(lanes))

    for _ in range(3):
        lanes.clock.forward(3600)
        lanes.stage.tick()

    assert len(told(lanes)) == before


def test_a_hold_on_the_next_lane_keeps_out_until_a_deployment_releases_it(lanes: Lanes) -> None:
    lanes.stage.bring(FIRST)
    lanes.promote(FIRST, {"dagbranch": {"hold": True, "reason": "sale"}})
    lanes.stage.bring(SECOND)

    lanes.deploy("prod", SECOND)
    refused = judged(lanes, SECOND)
    lanes.deploy("prod", SECOND, {"dagbranch": {"hold": False, "reason": "over"}})

    (failed,) = [gate for gate in refused.gates if gate.outcome == "failed"]
    assert failed.name == "hold"
    assert (
        failed.detail == "alice holds prod since 2026-11-21 09:00 UTC: sale; a deployment with hold: false releases it"
    )
    assert judged(lanes, SECOND).verdict == "promoted"


def test_after_the_next_lane_went_back_nothing_goes_on_by_itself(lanes: Lanes) -> None:
    lanes.stage.bring(FIRST)
    lanes.promote(FIRST)
    lanes.stage.bring(SECOND)
    lanes.promote(SECOND)
    lanes.deploy("prod", FIRST)

    lanes.stage.bring(THIRD, pipeline_file(auto="true"))
    lanes.stage.tick()

    assert judged(lanes, THIRD).verdict == "refused"
    assert outcomes(lanes, THIRD)["hold"] == "failed"


def test_a_hold_on_stage_keeps_back_what_it_has_gone_away_from(lanes: Lanes) -> None:
    lanes.stage.bring(FIRST)
    lanes.clock.forward(60)
    lanes.stage.bring(SECOND)
    lanes.deploy("stage", FIRST)
    lanes.stage.work(lanes.stage.stand())

    lanes.deploy("prod", SECOND)
    lanes.deploy("prod", FIRST)

    assert outcomes(lanes, SECOND)["hold"] == "failed"
    assert judged(lanes, FIRST).verdict == "promoted"
