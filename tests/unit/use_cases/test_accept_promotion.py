from __future__ import annotations

from typing import Any

import pytest

from dagbranch.domain.environments import Status
from dagbranch.domain.naming import CANARY, RELEASE, SourceArchiveKey, release_name_candidates
from dagbranch.domain.release_wishes import AskedDeployment
from dagbranch.domain.requests import ArchiveUploaded
from dagbranch.domain.source_archive import source_digest, write_canonical_zip
from dagbranch.errors import PromotionRefusedError, SupersededError, TransientUpstreamError
from tests.fakes.buckets import stored
from tests.fakes.examples import DATA_FILE, FILES, FIRST, REPOSITORY, SECOND, THIRD
from tests.fakes.promotions import InMemoryNextLane, InMemorySigner
from tests.fakes.release_examples import a_promotion
from tests.fakes.release_lanes import Lanes, two_lanes

CANARY_OF_IT = {"dagbranch": {"canary": True}}


@pytest.fixture
def lanes() -> Lanes:
    return two_lanes()


def put(lanes: Lanes, asked: AskedDeployment, signer: InMemorySigner | None = None, **different: Any) -> str:
    """An archive in prod's bucket, as somebody else than stage would put it."""
    archive = write_canonical_zip(FILES)
    promotion = a_promotion(
        head_sha=asked.head_sha, source_digest=source_digest(archive), deployment_id=asked.id, **different
    )
    signed = (signer or InMemorySigner()).sign(str(promotion))
    key = SourceArchiveKey(REPOSITORY, RELEASE, asked.head_sha, source_digest(archive))
    InMemoryNextLane(lanes.prod.sources).put(signed, key, archive)
    return str(key)


def refusals(lanes: Lanes) -> list[tuple[str, str]]:
    return [(one.by, one.details) for one in lanes.prod.audit.told if one.deed == "refused"]


def test_what_was_promoted_is_asked_for_in_the_same_bytes(lanes: Lanes) -> None:
    lanes.stage.bring(FIRST)
    asked = lanes.deploy("prod", FIRST)

    lanes.prod.arrive()

    record = lanes.prod.record
    assert (record.status, record.head_sha, record.name) == (Status.REQUESTED, FIRST, "prod_pipelines")
    assert record.asked_digest == lanes.stage.line(FIRST).source_digest
    assert record.promotion is not None
    assert record.promotion.zip_sha256 == lanes.stage.line(FIRST).zip_sha256
    assert (record.asked_by, record.branch, record.rolls_back) == (asked.id, "main", False)
    assert record.guard is not None
    assert lanes.prod.bus.kinds == ["Report Requested"]


def test_its_readiness_stands_in_the_ledger_and_on_the_audit(lanes: Lanes) -> None:
    lanes.stage.bring(FIRST)

    lanes.promote(FIRST)

    line = lanes.prod.line(FIRST)
    assert line.stands
    assert line.source_digest == lanes.stage.line(FIRST).source_digest
    assert lanes.prod.deeds == [("deployed", "alice", "1")]


def test_the_same_archive_told_of_again_asks_for_nothing(lanes: Lanes) -> None:
    lanes.stage.bring(FIRST)
    lanes.deploy("prod", FIRST)
    lanes.prod.arrive()
    asked = lanes.prod.record

    lanes.prod.arrive()
    again = lanes.prod.record
    lanes.prod.work(lanes.prod.stand())
    lanes.prod.arrive()

    assert again == asked
    assert lanes.prod.record.status == Status.READY
    assert lanes.prod.record.generation == asked.generation


@pytest.mark.parametrize(
    ("different", "why"),
    [
        ({"target": "stage"}, "promoted to stage"),
        ({"head_sha": SECOND}, "and lies at"),
        ({"source_digest": "0" * 64}, "and lies at"),
        ({"is_canary": True}, "and lies at"),
        ({"repository": "acme/other"}, "and lies at"),
        ({"repository_id": 1}, "is not the repository 1"),
        ({"deployment_id": 99}, "deployment 99 is not of 1111111 to prod"),
    ],
)
def test_a_good_signature_is_of_no_use_for_anything_else(lanes: Lanes, different: dict[str, Any], why: str) -> None:
    lanes.stage.bring(FIRST)
    asked = lanes.github.deploy("prod", FIRST)
    archive = write_canonical_zip(FILES)
    usual = {"head_sha": FIRST, "source_digest": source_digest(archive), "deployment_id": asked.id}
    signed = InMemorySigner().sign(str(a_promotion(**{**usual, **different})))
    key = SourceArchiveKey(REPOSITORY, RELEASE, FIRST, source_digest(archive))
    InMemoryNextLane(lanes.prod.sources).put(signed, key, archive)

    with pytest.raises(PromotionRefusedError, match=why):
        lanes.prod.arrive(str(key))

    assert [why in details for _, details in refusals(lanes)] == [True]
    assert lanes.prod.telemetry.counted == ["PromotionRefused"]
    assert list(lanes.prod.registry.all("prod")) == []


def test_what_another_key_has_signed_is_refused_once_on_the_audit(lanes: Lanes) -> None:
    lanes.stage.bring(FIRST)
    key = put(lanes, lanes.github.deploy("prod", FIRST), InMemorySigner(b"a stranger's"))

    for _ in range(2):
        with pytest.raises(PromotionRefusedError, match="has not signed"):
            lanes.prod.arrive(key)

    assert refusals(lanes) == [("unknown", "the lane before has not signed it")]


def test_an_archive_without_a_promotion_is_refused(lanes: Lanes) -> None:
    lanes.stage.bring(FIRST)
    archive = write_canonical_zip(FILES)
    key = SourceArchiveKey(REPOSITORY, RELEASE, FIRST, source_digest(archive))
    lanes.prod.sources.put(key, archive, {})

    with pytest.raises(PromotionRefusedError, match="no promotion came"):
        lanes.prod.arrive(str(key))


def test_an_archive_whose_bytes_were_changed_is_refused_though_its_promotion_is_good(lanes: Lanes) -> None:
    lanes.stage.bring(FIRST)
    lanes.deploy("prod", FIRST)
    (key,) = lanes.prod.sources.objects
    lanes.prod.sources.objects[key] = stored(write_canonical_zip({"dags/evil.py": b"airflow dag"}), {})

    lanes.prod.arrive(key)

    assert list(lanes.prod.registry.all("prod")) == []
    assert refusals(lanes)[0][1].startswith("to prod: the source archive in prod was changed")
    assert lanes.prod.bus.kinds == ["Release Judged"]


def test_what_left_the_default_branch_meanwhile_is_refused(lanes: Lanes) -> None:
    lanes.stage.bring(FIRST)
    lanes.deploy("prod", FIRST)
    lanes.github.history = [SECOND]

    with pytest.raises(PromotionRefusedError, match="not on the default branch"):
        lanes.prod.arrive()


def test_prod_has_its_own_list_of_releasers_and_repositories(lanes: Lanes) -> None:
    lanes.stage.bring(FIRST)
    lanes.deploy("prod", FIRST)
    lanes.prod.releasers = frozenset({"carol"})

    with pytest.raises(PromotionRefusedError, match="a deployment by alice does not count in prod"):
        lanes.prod.arrive()


def test_while_github_does_not_answer_nothing_is_refused(lanes: Lanes) -> None:
    lanes.stage.bring(FIRST)
    lanes.deploy("prod", FIRST)
    lanes.github.down = True

    with pytest.raises(TransientUpstreamError):
        lanes.prod.arrive()

    assert refusals(lanes) == []


def test_the_first_release_lane_takes_no_promotion(lanes: Lanes) -> None:
    lanes.stage.bring(FIRST)
    before = lanes.stage.record

    lanes.stage.arrive()

    assert lanes.stage.record == before
    assert lanes.stage.deeds == [("deployed", "dagbranch", "1")]


def test_an_archive_that_comes_after_a_newer_one_is_left(lanes: Lanes) -> None:
    lanes.stage.bring(FIRST)
    lanes.deploy("prod", FIRST)
    (late,) = lanes.prod.sources.objects
    lanes.stage.bring(SECOND)
    lanes.promote(SECOND)

    with pytest.raises(SupersededError):
        lanes.prod.arrive(late)

    assert lanes.prod.record.head_sha == SECOND
    assert refusals(lanes) == []


def test_a_newer_deployment_that_was_refused_keeps_nothing_out_that_comes_late(lanes: Lanes) -> None:
    lanes.stage.bring(FIRST)
    lanes.deploy("prod", FIRST)
    refused = lanes.deploy("prod", SECOND)
    lanes.github.tell(refused.id, "failure")

    lanes.prod.arrive()

    assert (lanes.prod.record.head_sha, lanes.prod.record.status) == (FIRST, Status.REQUESTED)


def test_what_was_overtaken_on_its_way_may_be_asked_for_again(lanes: Lanes) -> None:
    lanes.stage.bring(FIRST)
    lanes.deploy("prod", FIRST)
    (late,) = lanes.prod.sources.objects
    lanes.stage.bring(SECOND)
    lanes.promote(SECOND)
    with pytest.raises(SupersededError):
        lanes.prod.arrive(late)

    lanes.deploy("prod", FIRST)

    assert (lanes.prod.record.head_sha, lanes.prod.record.rolls_back) == (FIRST, False)
    assert lanes.prod.sources.announced == [late]
    assert lanes.prod.record.held is None


def test_prod_itself_keeps_out_what_is_held(lanes: Lanes) -> None:
    """Whatever stage believes: its own word of holds may be lost."""
    lanes.stage.bring(FIRST)
    lanes.promote(FIRST, {"dagbranch": {"hold": True, "reason": "sale"}})
    lanes.stage.bring(SECOND)
    asked = lanes.github.deploy("prod", SECOND)
    key = put(lanes, asked)

    lanes.prod.arrive(key)

    assert lanes.prod.record.head_sha == FIRST
    assert refusals(lanes)[0][1].startswith("to prod: alice holds prod since 2026-11-21 09:00 UTC: sale")
    assert lanes.prod.line(SECOND).judged is not None


def test_a_deployment_that_releases_the_hold_is_let_in_whichever_event_comes_first(lanes: Lanes) -> None:
    lanes.stage.bring(FIRST)
    lanes.promote(FIRST, {"dagbranch": {"hold": True, "reason": "sale"}})
    lanes.stage.bring(SECOND)
    asked = lanes.github.deploy("prod", SECOND, {"dagbranch": {"hold": False, "reason": "over"}})

    lanes.stage.hear(asked)
    lanes.prod.arrive()
    lanes.prod.hear(asked)

    assert lanes.prod.record.head_sha == SECOND
    assert lanes.prod.record.held is None
    assert ("released", "alice", "2") in lanes.prod.deeds


def test_a_deployment_that_puts_a_hold_is_not_kept_out_by_it(lanes: Lanes) -> None:
    lanes.stage.bring(FIRST)

    lanes.promote(FIRST, {"dagbranch": {"hold": True, "reason": "sale"}})

    assert lanes.prod.record.status == Status.READY
    assert lanes.prod.record.held is not None
    assert lanes.prod.record.held.reason == "sale"


def test_a_canary_stands_beside_the_release_under_its_own_name(lanes: Lanes) -> None:
    lanes.stage.bring(FIRST)
    lanes.promote(FIRST)
    lanes.stage.bring(SECOND)
    lanes.deploy("prod", SECOND, CANARY_OF_IT)

    lanes.prod.arrive()
    lanes.prod.work(lanes.prod.stand(CANARY))

    canary = lanes.prod.canary
    assert canary is not None
    assert (canary.name, canary.head_sha, canary.status) == ("prod_pipelines_next", SECOND, Status.READY)
    assert (lanes.prod.record.head_sha, lanes.prod.record.status) == (FIRST, Status.READY)
    assert lanes.prod.deeds == [("deployed", "alice", "1"), ("canary", "alice", "2")]
    assert lanes.prod.releases.get(canary.repository_id, SECOND) is None


def test_a_canarys_data_is_held_to_what_its_commit_says_of_the_lanes_own_tables(lanes: Lanes) -> None:
    file = DATA_FILE + b"  grants: {readers: [analysts]}\nlanes: {stage: {}, prod: {table_suffix: _live}}\n"
    lanes.stage.bring(FIRST, {**FILES, "dagbranch.yaml": file})

    lanes.deploy("prod", FIRST, CANARY_OF_IT)
    lanes.prod.arrive()

    canary = lanes.prod.canary
    assert canary is not None
    assert canary.guard is not None
    assert (canary.guard.suffix, canary.guard.readers) == ("_live", ("analysts",))


def test_a_hold_keeps_no_canary_out(lanes: Lanes) -> None:
    lanes.stage.bring(FIRST)
    lanes.promote(FIRST, {"dagbranch": {"hold": True, "reason": "sale"}})
    lanes.stage.bring(SECOND)

    lanes.deploy("prod", SECOND, CANARY_OF_IT)
    lanes.prod.arrive()

    assert lanes.prod.canary is not None
    assert lanes.prod.record.held is not None


def test_the_promotion_of_a_canarys_commit_has_it_removed_once_it_stands(lanes: Lanes) -> None:
    lanes.stage.bring(FIRST)
    lanes.deploy("prod", FIRST, CANARY_OF_IT)
    lanes.prod.arrive()
    lanes.prod.work(lanes.prod.stand(CANARY))

    lanes.promote(FIRST)

    requests = [detail for kind, detail in lanes.prod.bus.published if kind == "Removal Requested"]
    assert [(detail["pull_number"], detail["environment"]) for detail in requests] == [(CANARY, "prod_pipelines_next")]
    assert lanes.prod.record.head_sha == FIRST


def test_an_archive_that_waited_long_is_announced_again(lanes: Lanes) -> None:
    """What nobody has asked for within a quarter of an hour, packaging has dropped."""
    lanes.stage.bring(FIRST)
    lanes.deploy("prod", FIRST)
    (key,) = lanes.prod.sources.objects
    at = lanes.clock()

    lanes.clock.forward(3600)
    lanes.prod.work(ArchiveUploaded(key, at))

    assert lanes.prod.sources.announced == [key]
    assert lanes.prod.record.head_sha == FIRST


def test_where_no_name_is_free_that_is_on_record(lanes: Lanes) -> None:
    for name in release_name_candidates("prod", REPOSITORY, RELEASE):
        lanes.prod.dags.objects[f"{name}.zip"] = stored(b"theirs", {})
    lanes.stage.bring(FIRST)
    lanes.deploy("prod", FIRST)

    lanes.prod.arrive()

    assert lanes.prod.record.status == Status.REFUSED
    assert "no name is free" in lanes.prod.record.message


def test_three_promotions_in_a_row_leave_the_last_one_standing(lanes: Lanes) -> None:
    for head_sha in (FIRST, SECOND, THIRD):
        lanes.stage.bring(head_sha, {**FILES, "dags/more.py": head_sha.encode()})
        lanes.promote(head_sha)

    assert [lanes.prod.line(one).stands for one in (FIRST, SECOND, THIRD)] == [False, False, True]
    assert lanes.prod.line(FIRST).until == lanes.prod.line(SECOND).ready_at
