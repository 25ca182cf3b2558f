from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from dagbranch.domain.gates import (
    CHECKS,
    DATA,
    FOUND_ROWS,
    HOLD,
    READY,
    RUNS,
    SOAK,
    Gate,
    GateFacts,
    judge,
    verdict_on,
    wants_data_checks,
)
from dagbranch.domain.specification import Promotion
from tests.fakes.examples import NOW

STANDS = GateFacts("stage", ready_at=NOW - timedelta(minutes=12))


def settings(**wanted: Any) -> Promotion:
    return Promotion.model_validate(wanted)


def gates(facts: GateFacts, wanted: Promotion | None = None, **skip: str) -> dict[str, Gate]:
    return {gate.name: gate for gate in judge(facts, wanted or settings(), skip, NOW)}


def told(facts: GateFacts, name: str, wanted: Promotion | None = None) -> tuple[str, str]:
    gate = gates(facts, wanted)[name]
    return gate.outcome, gate.detail


def test_every_gate_is_named_in_one_line_whatever_was_gathered() -> None:
    found = judge(STANDS, settings(), {}, NOW)

    assert [gate.name for gate in found] == [READY, SOAK, CHECKS, RUNS, DATA, HOLD]
    assert {gate.outcome for gate in found} == {"passed"}
    assert verdict_on(found) == "promoted"
    assert all(gate.detail and "\n" not in gate.detail for gate in found)


def test_what_is_not_ready_may_still_come_or_never_does() -> None:
    coming = GateFacts("stage", is_coming=True, obstacle="stage is deploying it")
    lost = GateFacts("stage", obstacle="it was never ready in stage")

    assert told(coming, READY) == ("later", "stage is deploying it")
    assert told(lost, READY) == ("failed", "it was never ready in stage")
    assert verdict_on(gates(coming).values()) == "waiting"
    assert verdict_on(gates(lost).values()) == "refused"
    for name in (SOAK, CHECKS, RUNS, DATA):
        assert told(coming, name) == ("later", "asked once it is ready in stage")


def test_the_soak_says_when_it_passes() -> None:
    assert told(STANDS, SOAK, settings(soak="2h")) == ("later", "ready here for 12 min of 2 h: passes at 10:48 UTC")
    assert told(STANDS, SOAK, settings(soak="1d")) == (
        "later",
        "ready here for 12 min of 1 d: passes at 2026-11-22 08:48 UTC",
    )
    assert told(STANDS, SOAK, settings(soak="12m")) == ("passed", "ready here for 12 min of 12 min")
    assert told(STANDS, SOAK) == ("passed", "no time is asked for")


def test_what_another_commit_has_taken_the_place_of_soaks_no_more() -> None:
    replaced = replace(STANDS, ready_at=NOW - timedelta(hours=5), until=NOW - timedelta(hours=4))

    outcome, detail = told(replaced, SOAK, settings(soak="2h"))

    assert outcome == "failed"
    assert detail.startswith("ready here for 1 h of 2 h, then another commit took its place")
    assert told(replaced, SOAK, settings(soak="1h"))[0] == "passed"


@pytest.mark.parametrize(
    ("wanted", "checks", "expected"),
    [
        (["*"], {}, ("passed", "it has no checks")),
        (["*"], {"dagbranch/stage": "failed", "dagbranch/prod gates": "pending"}, ("passed", "it has no checks")),
        (["*"], {"unit": "passed", "dagbranch/stage": "pending"}, ("passed", "green: unit")),
        (["*"], {"unit": "failed", "e2e": "pending"}, ("failed", "not green: unit: run again what should pass")),
        (["*"], {"unit": "passed", "e2e": "pending"}, ("later", "still running: e2e")),
        (["unit"], {"unit": "passed", "e2e": "failed"}, ("passed", "green: unit")),
        (["unit"], {"e2e": "failed"}, ("later", "not there yet: unit")),
        (["ci/*"], {"unit": "failed"}, ("later", "not there yet: ci/*")),
        (["ci/*", "unit"], {"ci/a": "pending"}, ("later", "still running: ci/a, unit")),
        ([], {"unit": "failed"}, ("passed", "none is asked for")),
        (["dagbranch/stage"], {"dagbranch/stage": "passed"}, ("later", "not there yet: dagbranch/stage")),
    ],
)
def test_checks_are_those_that_are_named_and_never_our_own(
    wanted: list[str], checks: dict[str, Any], expected: tuple[str, str]
) -> None:
    assert told(replace(STANDS, checks=checks), CHECKS, settings(checks=wanted)) == expected


def test_named_dags_have_to_have_run() -> None:
    wanted = settings(runs=["qu.first", "qu.second"])
    ran = {"qu.first": NOW - timedelta(minutes=2), "qu.second": NOW - timedelta(minutes=1)}

    assert told(replace(STANDS, succeeded=ran), RUNS, wanted) == (
        "passed",
        "qu.first at 08:58 UTC, qu.second at 08:59 UTC",
    )
    outcome, detail = told(replace(STANDS, succeeded={"qu.first": NOW}), RUNS, wanted)
    assert (outcome, detail) == ("later", "no successful run since 08:48 UTC of qu.second: passes once it has run")
    assert told(replace(STANDS, until=NOW), RUNS, wanted)[0] == "failed"


def test_data_checks_are_told_with_what_they_found() -> None:
    wanted = settings(data_checks={"complete": "SELECT 1", "fresh": "SELECT 2"})

    assert told(STANDS, DATA, wanted) == ("later", "asked once the other gates have passed: complete, fresh")
    assert told(replace(STANDS, found={"complete": None, "fresh": None}), DATA, wanted) == (
        "passed",
        "no rows: complete, fresh",
    )
    assert told(replace(STANDS, found={"complete": None, "fresh": FOUND_ROWS}), DATA, wanted) == (
        "failed",
        "fresh found rows: mend the data, then deploy again",
    )


def test_the_warehouse_is_asked_only_where_nothing_else_waits() -> None:
    wanted = settings(data_checks={"complete": "SELECT 1"}, soak="1h")
    soaked = replace(STANDS, ready_at=NOW - timedelta(hours=2))

    def asks(facts: GateFacts, **skip: str) -> bool:
        return wants_data_checks(judge(facts, wanted, skip, NOW))

    assert not asks(STANDS)
    assert asks(STANDS, soak="a hot-fix")
    assert asks(soaked)
    assert not asks(replace(soaked, held="alice holds it"))
    assert not asks(soaked, data="a hot-fix")
    assert not asks(replace(soaked, found={"complete": None}))
    assert not asks(GateFacts("stage", obstacle="never ready"))


def test_a_hold_keeps_out_and_cannot_be_skipped() -> None:
    held = replace(STANDS, held="alice holds prod since 08:00 UTC: sale")

    found = gates(held, None, hold="no", ready="no")

    assert (found[HOLD].outcome, found[HOLD].detail) == ("failed", "alice holds prod since 08:00 UTC: sale")
    assert found[READY].outcome == "passed"


def test_skipped_gates_say_who_wanted_that_and_why() -> None:
    found = gates(STANDS, settings(soak="2h"), soak="by alice: a hot-fix")

    assert found[SOAK] == Gate(SOAK, "skipped", "by alice: a hot-fix")
    assert verdict_on(found.values()) == "promoted"


def test_one_gate_that_has_failed_refuses_whatever_else_waits() -> None:
    held = replace(STANDS, held="alice holds it")

    assert verdict_on(gates(held, settings(soak="2h")).values()) == "refused"
