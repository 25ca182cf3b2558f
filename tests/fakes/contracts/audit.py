"""What the audit promises: the fake in memory and the DynamoDB table alike."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from dagbranch.domain.audit import AuditEntry
from dagbranch.ports import Audit
from tests.fakes.examples import FIRST, NOW, REPOSITORY, REPOSITORY_ID

FULL = AuditEntry(
    "prod", NOW, "promoted", "änna", REPOSITORY_ID, REPOSITORY, FIRST, "d" * 64, "without soak: a hot-fix | \n ü"
)
LATER = replace(FULL, at=NOW + timedelta(microseconds=1), deed="rolled back", source_digest=None, details="")


class AuditContract:
    def test_nothing_was_done_yet(self, audit: Audit) -> None:
        assert list(audit.entries("prod", NOW)) == []

    def test_what_was_done_is_told_with_the_newest_first(self, audit: Audit) -> None:
        for entry in (FULL, LATER):
            audit.append(entry)

        assert list(audit.entries("prod", NOW)) == [LATER, FULL]

    def test_the_same_entry_twice_is_there_once(self, audit: Audit) -> None:
        for _ in range(2):
            audit.append(FULL)

        assert list(audit.entries("prod", NOW)) == [FULL]

    def test_two_deeds_of_the_same_moment_are_both_there(self, audit: Audit) -> None:
        both = [FULL, replace(FULL, deed="held"), replace(FULL, repository_id=REPOSITORY_ID + 1)]

        for entry in both:
            audit.append(entry)

        assert set(audit.entries("prod", NOW)) == set(both)

    def test_what_is_older_or_of_another_lane_is_not_told(self, audit: Audit) -> None:
        for entry in (FULL, LATER, replace(LATER, lane="stage")):
            audit.append(entry)

        assert list(audit.entries("prod", LATER.at)) == [LATER]

    def test_what_is_months_old_is_told_with_the_rest(self, audit: Audit) -> None:
        entries = [replace(FULL, at=NOW - timedelta(days=40 * month)) for month in range(6)]

        for entry in entries:
            audit.append(entry)

        assert list(audit.entries("prod", NOW - timedelta(days=170))) == entries[:5]
