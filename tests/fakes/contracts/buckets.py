"""What the buckets promise: the fakes in memory and S3 alike."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dagbranch.domain.artifacts import Artifact
from dagbranch.domain.deployment import plan_copy
from dagbranch.domain.ownership import Owner, carries, marker_of
from dagbranch.errors import SupersededError, TransientUpstreamError, UnsafeArchiveError
from dagbranch.ports import ArtifactsBucket, DagsBucket, SourceBucket
from tests.fakes.examples import FILES, SECOND, an_archive, an_environment

OURS = marker_of(an_environment())
THEIRS = marker_of(an_environment(pull_number=2))

type PutByHand = Callable[[str, bytes], Any]
"""Somebody else's object, at a key below the dags folder, or below that of the artifacts."""


class SourceBucketContract:
    def test_an_archive_is_read_back(self, sources: SourceBucket) -> None:
        key, archive = an_archive(FILES)

        sources.put(key, archive, OURS)

        assert sources.get(key, most_bytes=len(archive)) == archive

    def test_an_archive_above_the_limit_is_refused(self, sources: SourceBucket) -> None:
        key, archive = an_archive(FILES)
        sources.put(key, archive, OURS)

        with pytest.raises(UnsafeArchiveError):
            sources.get(key, most_bytes=len(archive) - 1)

    def test_an_archive_that_is_gone_is_superseded(self, sources: SourceBucket) -> None:
        with pytest.raises(SupersededError):
            sources.get(an_archive(FILES)[0], most_bytes=10)

    def test_archives_that_come_later_stay(self, sources: SourceBucket) -> None:
        key, archive = an_archive(FILES)
        sources.put(key, archive, OURS)
        an_hour = timedelta(hours=1)

        assert sources.remove(key.repository, key.pull_number, before=datetime.now(UTC) - an_hour) == 0
        assert sources.get(key, most_bytes=len(archive)) == archive
        assert sources.remove(key.repository, key.pull_number, before=datetime.now(UTC) + an_hour) == 1

    def test_all_archives_of_one_pull_request_are_removed_and_no_other(self, sources: SourceBucket) -> None:
        key, archive = an_archive(FILES)
        second, _ = an_archive(FILES, SECOND)
        sibling = type(key)(key.repository, 12, key.head_sha, key.source_digest)
        for one in (key, second, sibling):
            sources.put(one, archive, OURS)

        assert sources.remove(key.repository, key.pull_number) == 2
        assert sources.remove(key.repository, key.pull_number) == 0

        for gone in (key, second):
            with pytest.raises(SupersededError):
                sources.get(gone, most_bytes=10_000)
        assert sources.get(sibling, most_bytes=10_000) == archive


class DagsBucketContract:
    def test_a_zip_is_read_back_with_what_it_says(self, dags: DagsBucket) -> None:
        assert dags.zip("feature1") is None
        with pytest.raises(SupersededError):
            dags.zip_content("feature1")

        dags.put_zip("feature1", b"zip", OURS, replaces=None)

        standing = dags.zip("feature1")
        assert standing is not None
        assert standing.marker == OURS
        assert dags.zip_content("feature1") == b"zip"

    def test_a_zip_is_put_only_in_the_place_of_the_one_that_was_read(self, dags: DagsBucket) -> None:
        dags.put_zip("feature1", b"1", OURS, replaces=None)
        first = dags.zip("feature1")
        with pytest.raises(TransientUpstreamError):
            dags.put_zip("feature1", b"2", OURS, replaces=None)
        dags.put_zip("feature1", b"3", OURS, replaces=first)

        with pytest.raises(TransientUpstreamError):
            dags.put_zip("feature1", b"4", OURS, replaces=first)

        assert dags.zip_content("feature1") == b"3"

    def test_a_zip_that_was_removed_meanwhile_is_not_put_back(self, dags: DagsBucket) -> None:
        dags.put_zip("feature1", b"1", OURS, replaces=None)
        first = dags.zip("feature1")
        dags.remove_zip("feature1", OURS)

        with pytest.raises(TransientUpstreamError):
            dags.put_zip("feature1", b"2", OURS, replaces=first)
        assert dags.zip("feature1") is None

    def test_a_copy_that_was_put_needs_no_second_put(self, dags: DagsBucket) -> None:
        wanted = {"qu/a.py": b"a", "b.sql": b"", "ü.txt": b"c"}

        dags.put_copy("feature1", wanted, {}, OURS)

        plan = plan_copy(wanted, dags.copied("feature1"))
        assert (plan.put, set(plan.keep), plan.drop) == ({}, set(wanted), ())

    def test_a_change_is_put_and_the_rest_is_still_known(self, dags: DagsBucket) -> None:
        dags.put_copy("feature1", {"a": b"1", "b": b"2"}, {}, OURS)
        plan = plan_copy({"a": b"1", "b": b"3"}, dags.copied("feature1"))

        dags.put_copy("feature1", plan.put, plan.keep, OURS)

        assert plan.put == {"b": b"3"}
        assert plan_copy({"a": b"1", "b": b"3"}, dags.copied("feature1")).put == {}

    def test_a_file_that_somebody_changed_or_added_is_seen(self, dags: DagsBucket, put_by_hand: PutByHand) -> None:
        dags.put_copy("feature1", {"a": b"1", "b": b"2"}, {}, OURS)
        put_by_hand("feature1/a", b"changed")
        put_by_hand("feature1/added", b"x")

        plan = plan_copy({"a": b"1", "b": b"2"}, dags.copied("feature1"))

        assert (set(plan.put), plan.drop) == ({"a"}, ("added",))

    def test_a_configuration_is_read_back_by_its_digest(self, dags: DagsBucket) -> None:
        dags.put_configuration("feature1", "d1", b"{}", OURS)

        assert dags.configuration("feature1", "d1") == b"{}"
        assert dags.configuration("feature1", "d2") is None

    def test_what_is_dropped_leaves_and_the_named_configurations_stay(self, dags: DagsBucket) -> None:
        dags.put_copy("feature1", {"a": b"1", "b": b"2"}, {}, OURS)
        for digest in ("d1", "d2", "d3"):
            dags.put_configuration("feature1", digest, b"{}", OURS)

        dags.drop_copied("feature1", ["b"], OURS, keep_configurations=["d3", "d2"])

        assert set(dags.copied("feature1")) == {"a"}
        configurations = {key.rpartition("/")[2] for key in dags.left("feature1") if "/.dagbranch/d" in key}
        assert configurations == {"d2.json", "d3.json"}
        dags.drop_copied("feature1", [], OURS, keep_configurations=["d3", "d2"])
        assert set(dags.copied("feature1")) == {"a"}

    def test_a_file_that_is_not_ours_is_never_dropped(self, dags: DagsBucket, put_by_hand: PutByHand) -> None:
        dags.put_copy("feature1", {"a": b"1"}, {}, OURS)
        put_by_hand("feature1/notes.txt", b"by hand")
        put_by_hand("feature1/.dagbranch/notes.json", b"by hand")

        plan = plan_copy({}, dags.copied("feature1"))
        dags.drop_copied("feature1", plan.drop, OURS, keep_configurations=[])

        left = {key.rpartition("/")[2] for key in dags.left("feature1")}
        assert left - {"copy.json"} == {"notes.txt", "notes.json"}

    @pytest.mark.parametrize("key", ["feature1.zip", "feature1/somebody.py"])
    def test_a_name_with_files_of_somebody_elses_is_not_free(
        self, dags: DagsBucket, put_by_hand: PutByHand, key: str
    ) -> None:
        assert dags.is_free("feature1", OURS)

        put_by_hand(key, b"x")

        assert not dags.is_free("feature1", OURS)
        assert dags.is_free("feature", OURS)
        assert dags.is_free("feature11", OURS)

    def test_a_name_with_our_own_files_is_free_for_us_alone(self, dags: DagsBucket) -> None:
        dags.put_copy("feature1", {"a": b"1"}, {}, OURS)
        dags.put_zip("feature1", b"zip", OURS, replaces=None)

        assert dags.is_free("feature1", OURS)
        assert not dags.is_free("feature1", THEIRS)

    def test_only_what_carries_the_marker_is_removed(self, dags: DagsBucket, put_by_hand: PutByHand) -> None:
        dags.put_copy("feature1", {"a": b"1", "b": b"2"}, {}, OURS)
        dags.put_configuration("feature1", "d1", b"{}", OURS)
        dags.put_zip("feature1", b"zip", OURS, replaces=None)
        dags.put_copy("feature11", {"a": b"1"}, {}, OURS)
        put_by_hand("feature1/theirs.py", b"x")

        dags.remove_zip("feature1", OURS)
        dags.remove_copy("feature1", OURS)

        assert [key.rpartition("dags/")[2] for key in dags.left("feature1")] == ["feature1/theirs.py"]
        assert set(dags.copied("feature11")) == {"a"}

    def test_another_pull_requests_files_are_left_alone(self, dags: DagsBucket) -> None:
        dags.put_copy("feature1", {"a": b"1"}, {}, THEIRS)
        dags.put_zip("feature1", b"zip", THEIRS, replaces=None)

        assert dags.remove_zip("feature1", OURS) == 0
        assert dags.remove_copy("feature1", OURS) == 0

        standing = dags.zip("feature1")
        assert standing is not None
        assert carries(standing.marker, THEIRS)
        assert set(dags.copied("feature1")) == {"a"}

    def test_a_second_removal_finds_nothing(self, dags: DagsBucket) -> None:
        dags.put_copy("feature1", {"a": b"1"}, {}, OURS)
        dags.put_zip("feature1", b"zip", OURS, replaces=None)

        assert dags.remove_zip("feature1", OURS) == 1
        assert dags.remove_copy("feature1", OURS) >= 1

        assert (dags.remove_zip("feature1", OURS), dags.remove_copy("feature1", OURS)) == (0, 0)
        assert list(dags.left("feature1")) == []

    def test_of_what_is_known_only_whether_its_zip_stands_is_told(self, dags: DagsBucket) -> None:
        for name in ("feature1", "feature2", "feature3"):
            dags.put_copy(name, {"a": b"1"}, {}, OURS)
        for name in ("feature1", "feature2"):
            dags.put_zip(name, b"zip", OURS, replaces=None)

        assert dags.standing({"feature1", "feature3", "feature9"}) == {"feature1": None, "feature2": Owner.of(OURS)}

    def test_what_stands_unknown_is_told_with_its_owner(self, dags: DagsBucket) -> None:
        dags.put_zip("only_zip", b"zip", THEIRS, replaces=None)
        dags.put_copy("only_copy", {"a": b"1"}, {}, OURS)
        dags.put_configuration("only_configuration", "d1", b"{}", OURS)

        assert dags.standing(()) == {
            "only_zip": Owner("preview", 4711, 2),
            "only_copy": Owner("preview", 4711, 1),
            "only_configuration": Owner("preview", 4711, 1),
        }

    def test_a_copy_that_somebody_put_a_file_into_is_still_its_owners(
        self, dags: DagsBucket, put_by_hand: PutByHand
    ) -> None:
        dags.put_copy("feature1", {"b": b"1"}, {}, OURS)
        dags.put_configuration("feature1", "d1", b"{}", OURS)
        put_by_hand("feature1.zip", b"theirs")
        put_by_hand("feature1/A", b"x")
        put_by_hand("feature1/#first", b"x")

        assert dags.standing(()) == {"feature1": Owner.of(OURS)}

    def test_what_looks_like_a_copy_and_carries_no_marker_is_told_without_an_owner(
        self, dags: DagsBucket, put_by_hand: PutByHand
    ) -> None:
        put_by_hand("feature1/.dagbranch/d1.json", b"{}")

        assert dags.standing(()) == {"feature1": None}

    def test_what_is_the_servers_own_is_not_told(self, dags: DagsBucket, put_by_hand: PutByHand) -> None:
        for key in ("team_a/main.py", "packaged.zip", "main.py", ".airflowignore", "Old Copy/.dagbranch/d1.json"):
            put_by_hand(key, b"x")

        assert dags.standing(()) == {}


JOBS = Artifact("jobs", "d1", {"main.py": b"1", "lib/ü.py": b"", "sql/a b.sql": b"SELECT 1"})
CHANGED_JOBS = Artifact("jobs", "d2", {"main.py": b"2"})
DBT = Artifact("dbt", "d1", {"dbt_project.yml": b"name: acme"})


def _paths(artifacts: ArtifactsBucket, environment: str = "feature1") -> set[str]:
    return {key.rpartition(f"artifacts/{environment}/")[2] for key in artifacts.left(environment)}


class ArtifactsBucketContract:
    def test_a_folder_lies_at_the_uri_that_is_returned(self, artifacts: ArtifactsBucket) -> None:
        uri = artifacts.put("feature1", JOBS, OURS)

        assert uri.startswith("s3://")
        keys = {f"{uri.partition('/artifacts/')[0]}/artifacts/feature1/{path}" for path in _paths(artifacts)}
        assert keys == {f"{uri}/{path}" for path in JOBS.files}

    def test_a_put_that_was_cut_off_is_made_whole(self, artifacts: ArtifactsBucket) -> None:
        part = Artifact(JOBS.name, JOBS.digest, {"main.py": b"1"})

        assert artifacts.put("feature1", part, OURS) == artifacts.put("feature1", JOBS, OURS)

        assert _paths(artifacts) == {f"d1/jobs/{path}" for path in JOBS.files}

    def test_versions_of_a_folder_lie_beside_each_other_until_one_is_dropped(self, artifacts: ArtifactsBucket) -> None:
        artifacts.put("feature1", JOBS, OURS)
        changed, dbt = artifacts.put("feature1", CHANGED_JOBS, OURS), artifacts.put("feature1", DBT, OURS)

        assert artifacts.drop("feature1", OURS, keep=[changed, dbt]) == len(JOBS.files)

        assert _paths(artifacts) == {"d2/jobs/main.py", "d1/dbt/dbt_project.yml"}

    def test_a_kept_folder_keeps_none_whose_name_begins_like_its_own(self, artifacts: ArtifactsBucket) -> None:
        jobs = artifacts.put("feature1", JOBS, OURS)
        artifacts.put("feature1", Artifact("jobs_old", "d1", {"a": b""}), OURS)

        artifacts.drop("feature1", OURS, keep=[jobs])

        assert _paths(artifacts) == {f"d1/jobs/{path}" for path in JOBS.files}

    def test_all_of_an_environment_is_dropped_and_nothing_of_another(self, artifacts: ArtifactsBucket) -> None:
        for environment in ("feature1", "feature11"):
            artifacts.put(environment, JOBS, OURS)

        assert artifacts.drop("feature1", OURS) == len(JOBS.files)
        assert artifacts.drop("feature1", OURS) == 0

        assert _paths(artifacts) == set()
        assert len(_paths(artifacts, "feature11")) == len(JOBS.files)

    def test_what_does_not_carry_the_marker_is_left_alone(
        self, artifacts: ArtifactsBucket, put_by_hand: PutByHand
    ) -> None:
        artifacts.put("feature1", JOBS, OURS)
        artifacts.put("feature1", DBT, THEIRS)
        put_by_hand("feature1/d1/jobs/_SUCCESS", b"")

        artifacts.drop("feature1", OURS)

        assert _paths(artifacts) == {"d1/dbt/dbt_project.yml", "d1/jobs/_SUCCESS"}

    def test_a_name_is_free_where_nothing_lies_or_our_own(
        self, artifacts: ArtifactsBucket, put_by_hand: PutByHand
    ) -> None:
        artifacts.put("feature1", JOBS, OURS)
        put_by_hand("feature2/old.py", b"")

        assert artifacts.is_free("feature1", OURS)
        assert not artifacts.is_free("feature1", THEIRS)
        assert not artifacts.is_free("feature2", OURS)
        assert artifacts.is_free("feature", OURS)
