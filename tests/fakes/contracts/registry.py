"""What every registry promises: the fake in memory and the DynamoDB table alike."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from dagbranch.domain.data_guard import DataGuard
from dagbranch.domain.ending import removed
from dagbranch.domain.environments import Changes, Environment, Half, Removal, Status, Suspects
from dagbranch.domain.leases import with_lease
from dagbranch.errors import NotOursError, SupersededError, TransientUpstreamError, UpstreamError
from dagbranch.ports import Registry
from tests.fakes.examples import FIRST, NOW, PULL_NUMBER, REPOSITORY, REPOSITORY_ID, SECOND, an_environment


def unclaimed(**different: Any) -> Environment:
    return an_environment(**{"name": None, "revision": 0, **different})


class RegistryContract:
    def test_what_was_written_is_read_back_whole(self, registry: Registry) -> None:
        full = with_lease(
            unclaimed(
                source_digest="d",
                pipeline=Half("d", FIRST, 1, NOW),
                data=Half("d", FIRST, 1, NOW + timedelta(microseconds=5), message="a message", has_dags=False),
                changed_paths=Changes("d", ("dags/ünï.py", "dags/a.sql")),
                guard=DataGuard(
                    "_test",
                    {"db": {"m_customers": {"e-mail": "hash", "name": None, "age": 7, "rate": 1.5, "is_vip": False}}},
                    {"marketing.db_test": ("m_*",)},
                    ("Analysts ü",),
                    ("pipelines",),
                ),
                seeding=("marketing.s1.m_roi", "s2.m_model"),
                compared_at=NOW,
                reset_at=NOW,
                schemas=("marketing.s1", "s2"),
                message="Ünïcode: a message",
                delivery="d-1",
                dag_ids=("qu.feature1.a",),
                suspects=Suspects(3, NOW, ("qu.feature1.b",)),
                removal=Removal(
                    NOW,
                    "it was closed",
                    dag_ids=("qu.feature1.a",),
                    paused_at=NOW + timedelta(seconds=1),
                    ended_runs=("qu.feature1.a/run 1",),
                    still_running=("qu.feature1.a",),
                    zip_removed_at=NOW,
                    let_go_at=NOW,
                    deleted_at=NOW,
                    deleted_dag_ids=("qu.feature1.a",),
                    objects=3,
                    schemas=("s2",),
                ),
                place=2,
                dismissed=SECOND,
                receipt={"dag_ids": ["a"], "objects": 3, "nested": {"x": None, "y": 1.5}},
            ),
            "data",
            "worker",
            NOW,
            60,
        )

        written = registry.claim(full, ["feature1"], event="requested")

        assert written == replace(full, name="feature1", revision=1)
        assert registry.get(REPOSITORY_ID, PULL_NUMBER) == written

    def test_what_was_never_written_is_not_there(self, registry: Registry) -> None:
        assert registry.get(REPOSITORY_ID, PULL_NUMBER) is None
        assert registry.find("preview", REPOSITORY, PULL_NUMBER) is None
        assert list(registry.all("preview")) == []

    def test_the_first_free_name_is_claimed(self, registry: Registry) -> None:
        registry.claim(unclaimed(), ["feature1"], event="")

        second = registry.claim(unclaimed(pull_number=2), ["feature1", "feature1_2"], event="")

        assert second.name == "feature1_2"
        assert registry.get(REPOSITORY_ID, 2) == second

    def test_where_no_name_is_free_nothing_is_written(self, registry: Registry) -> None:
        registry.claim(unclaimed(), ["feature1"], event="")

        for names in (["feature1"], []):
            with pytest.raises(NotOursError):
                registry.claim(unclaimed(pull_number=2), names, event="")
        assert registry.get(REPOSITORY_ID, 2) is None

    def test_its_owner_may_claim_a_name_again(self, registry: Registry) -> None:
        written = registry.claim(unclaimed(), ["feature1"], event="")

        assert registry.claim(written, ["feature1"], event="").revision == 2

    def test_of_two_writers_the_second_has_to_look_again(self, registry: Registry) -> None:
        read = registry.claim(unclaimed(), ["feature1"], event="")
        registry.save(replace(read, message="first"), event="")

        with pytest.raises(TransientUpstreamError):
            registry.save(replace(read, message="second"), event="")
        with pytest.raises(TransientUpstreamError):
            registry.save(unclaimed(), event="")
        with pytest.raises(TransientUpstreamError):
            registry.claim(unclaimed(), ["another"], event="")

        found = registry.get(REPOSITORY_ID, PULL_NUMBER)
        assert found is not None
        assert (found.message, found.name) == ("first", "feature1")

    def test_a_claim_that_lost_to_another_writer_holds_no_name(self, registry: Registry) -> None:
        registry.claim(unclaimed(), ["feature1"], event="")
        with pytest.raises(TransientUpstreamError):
            registry.claim(unclaimed(), ["wanted"], event="")

        assert registry.claim(unclaimed(pull_number=2), ["wanted"], event="").name == "wanted"

    def test_an_update_changes_the_newest_record(self, registry: Registry) -> None:
        read = registry.claim(unclaimed(), ["feature1"], event="")
        registry.save(replace(read, message="meanwhile"), event="")

        updated = registry.update(read, lambda newest: replace(newest, head_sha=SECOND), event="changed")

        assert (updated.message, updated.head_sha, updated.revision) == ("meanwhile", SECOND, 3)

    def test_an_update_that_is_overtaken_loses_no_change(self, registry: Registry) -> None:
        read = registry.claim(unclaimed(), ["feature1"], event="")
        others = iter(["b", "c"])

        def note_a(newest: Environment) -> Environment:
            for other in others:
                registry.save(replace(newest, schemas=(*newest.schemas, other)), event="")
                break
            return replace(newest, schemas=(*newest.schemas, "a"))

        assert registry.update(read, note_a, event="").schemas == ("b", "c", "a")

    def test_an_update_that_finds_itself_superseded_changes_nothing(self, registry: Registry) -> None:
        read = registry.claim(unclaimed(), ["feature1"], event="")

        def superseded(_: Environment) -> Environment:
            raise SupersededError("newer")

        with pytest.raises(SupersededError):
            registry.update(read, superseded, event="")
        assert registry.get(REPOSITORY_ID, PULL_NUMBER) == read

    def test_an_update_of_what_is_not_there_passes_or_fails_later(self, registry: Registry) -> None:
        with pytest.raises(TransientUpstreamError):
            registry.update(unclaimed(), lambda newest: newest, event="")

    def test_a_released_name_is_free_and_the_receipt_stays(self, registry: Registry) -> None:
        written = registry.claim(unclaimed(status=Status.REMOVING), ["feature1"], event="")

        registry.release(removed(written, {"dag_ids": ["a"]}, NOW), event="removed")

        kept = registry.get(REPOSITORY_ID, PULL_NUMBER)
        assert kept is not None
        assert (kept.status, kept.receipt) == (Status.REMOVED, {"dag_ids": ["a"]})
        assert registry.claim(unclaimed(pull_number=2), ["feature1"], event="").name == "feature1"

    def test_a_release_never_frees_the_name_of_another(self, registry: Registry) -> None:
        registry.claim(unclaimed(), ["feature1"], event="")
        registry.save(unclaimed(pull_number=2), event="")
        second = registry.get(REPOSITORY_ID, 2)
        assert second is not None

        with pytest.raises(UpstreamError, match="claimed by another"):
            registry.release(replace(second, name="feature1"), event="removed")

        assert registry.claim(unclaimed(pull_number=3), ["feature1", "free"], event="").name == "free"

    def test_a_refusal_has_no_name_to_release(self, registry: Registry) -> None:
        written = registry.save(unclaimed(status=Status.REFUSED), event="refused")

        assert registry.release(written, event="").revision == 2

    def test_an_environment_is_found_by_its_repositorys_name_in_any_case(self, registry: Registry) -> None:
        written = registry.claim(unclaimed(), ["feature1"], event="")
        registry.claim(unclaimed(pull_number=12), ["feature2"], event="")

        assert registry.find("preview", REPOSITORY.upper(), PULL_NUMBER) == written
        assert registry.find("stage", REPOSITORY, PULL_NUMBER) is None
        assert registry.find("preview", "acme/other", PULL_NUMBER) is None

    def test_of_two_repositories_of_one_name_the_newest_record_counts(self, registry: Registry) -> None:
        registry.claim(unclaimed(repository_id=1), ["feature1"], event="")
        later = registry.claim(
            unclaimed(repository_id=2, updated_at=NOW + timedelta(minutes=1)), ["feature1_1"], event=""
        )

        assert registry.find("preview", REPOSITORY, PULL_NUMBER) == later

    def test_all_of_a_lane_are_listed_whatever_their_state(self, registry: Registry) -> None:
        for number, status in enumerate(Status, start=1):
            registry.save(unclaimed(pull_number=number, status=status), event=f"event {number}")
        registry.save(unclaimed(pull_number=99, lane="stage"), event="")

        found = sorted(registry.all("preview"), key=lambda one: one.pull_number)

        assert [one.status for one in found] == list(Status)

    def test_when_something_was_last_done_is_noted_for_each_lane(self, registry: Registry) -> None:
        assert registry.noted_at("preview", "looked") is None

        registry.note("preview", "looked", NOW)
        registry.note("preview", "looked", NOW + timedelta(days=1))

        assert registry.noted_at("preview", "looked") == NOW + timedelta(days=1)
        assert registry.noted_at("preview", "done otherwise") is None
        assert registry.noted_at("stage", "looked") is None
        assert list(registry.all("preview")) == []

    def test_the_columns_that_were_seen_first_stay(self, registry: Registry) -> None:
        registry.remember_columns(1, {"s.m_customers": frozenset({"id", "e mail"}), "s.m_empty": frozenset()})

        registry.remember_columns(1, {"s.m_customers": frozenset({"id", "added"}), "s.m_late": frozenset({"id"})})

        known = registry.known_columns(1, ["s.m_customers", "s.m_empty", "s.m_late", "s.m_other"])
        assert known == {
            "s.m_customers": {"id", "e mail"},
            "s.m_empty": frozenset(),
            "s.m_late": {"id"},
        }
        assert registry.known_columns(1, ["s.m_late"]) == {"s.m_late": {"id"}}

    def test_columns_are_known_to_their_own_repository_and_are_no_environment(self, registry: Registry) -> None:
        registry.remember_columns(REPOSITORY_ID, {"s.m_customers": frozenset({"id"})})

        assert registry.known_columns(1, ["s.m_customers"]) == {}
        assert list(registry.all("preview")) == []
        assert registry.get(REPOSITORY_ID, PULL_NUMBER) is None
