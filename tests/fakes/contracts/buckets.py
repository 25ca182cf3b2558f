"""What the two buckets promise: the fakes in memory and S3 alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dagbranch.domain.deployment import plan_copy
from dagbranch.domain.ownership import carries, marker_of
from dagbranch.errors import SupersededError, TransientUpstreamError, UnsafeArchiveError
from dagbranch.ports import DagsBucket, SourceBucket
from tests.fakes.examples import FILES, SECOND, an_archive, an_environment

OURS = marker_of(an_environment())
THEIRS = marker_of(an_environment(pull_number=2))

type PutByHand = Callable[[str, bytes], Any]
"""Somebody else's object, at a key below the dags folder."""


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
