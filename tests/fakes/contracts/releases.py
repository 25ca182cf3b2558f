"""What the ledger of a release lane promises: the fake in memory and the DynamoDB table alike."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from dagbranch.domain.gates import Gate
from dagbranch.domain.releases import Judged, Release
from dagbranch.errors import TransientUpstreamError
from dagbranch.ports import Releases
from tests.fakes.examples import FIRST, NOW, REPOSITORY, REPOSITORY_ID, SECOND
from tests.fakes.release_examples import a_promotion

FULL = Release(
    REPOSITORY_ID,
    REPOSITORY,
    FIRST,
    source_digest="d" * 64,
    zip_sha256="e" * 64,
    version="0.1.0",
    ready_at=NOW,
    until=NOW + timedelta(hours=1, microseconds=5),
    promotion=a_promotion(skipped=("soak", "data")),
    judged=Judged(
        17,
        "prod",
        "änna",
        NOW,
        "waiting",
        gates=(Gate("ready", "passed", "since 09:00 UTC"), Gate("soak", "later", "passes at 11:00 UTC — ü")),
        message="waits for its soak time",
        is_canary=True,
    ),
)


class ReleasesContract:
    def test_a_commit_that_nothing_was_noted_of_is_none(self, releases: Releases) -> None:
        assert releases.get(REPOSITORY_ID, FIRST) is None
        assert list(releases.of(REPOSITORY_ID)) == []

    @pytest.mark.parametrize("release", [FULL, Release(REPOSITORY_ID, REPOSITORY, FIRST)], ids=["full", "bare"])
    def test_what_is_saved_is_read_back_whole(self, releases: Releases, release: Release) -> None:
        saved = releases.save(release)

        assert saved == replace(release, revision=1)
        assert releases.get(REPOSITORY_ID, FIRST) == saved
        assert list(releases.of(REPOSITORY_ID)) == [saved]

    def test_every_commit_of_every_repository_has_its_own(self, releases: Releases) -> None:
        first, second = releases.save(FULL), releases.save(replace(FULL, head_sha=SECOND))
        other = releases.save(replace(FULL, repository_id=REPOSITORY_ID * 10))

        assert sorted(releases.of(REPOSITORY_ID), key=lambda one: one.head_sha) == [first, second]
        assert list(releases.of(REPOSITORY_ID * 10)) == [other]
        assert releases.get(REPOSITORY_ID, SECOND) == second

    def test_a_later_write_takes_the_place_of_the_one_before(self, releases: Releases) -> None:
        saved = releases.save(FULL)

        later = releases.save(replace(saved, until=None, judged=None))

        assert (later.revision, releases.get(REPOSITORY_ID, FIRST)) == (2, later)

    @pytest.mark.parametrize("stale", [0, 1, 5])
    def test_who_has_read_another_revision_writes_nothing(self, releases: Releases, stale: int) -> None:
        standing = releases.save(releases.save(FULL))

        with pytest.raises(TransientUpstreamError):
            releases.save(replace(FULL, revision=stale, until=None))

        assert releases.get(REPOSITORY_ID, FIRST) == standing
