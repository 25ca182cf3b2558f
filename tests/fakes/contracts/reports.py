"""What is promised of the record of what stands at GitHub: the fake in memory and the DynamoDB table alike."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dagbranch.domain.reports import Answer, Posted, PostedCheck, PostedDeployment, Reported
from dagbranch.errors import TransientUpstreamError
from dagbranch.ports import Reports
from tests.fakes.examples import FIRST, NOW, PULL_NUMBER, REPOSITORY_ID, SECOND

KEY = REPOSITORY_ID, PULL_NUMBER
FULL = Reported(
    *KEY,
    comment=Posted(11, "a" * 64),
    checks=(PostedCheck(SECOND, "neutral", 12, "b" * 64), PostedCheck(FIRST, "in_progress", None, "c" * 64)),
    deployment=PostedDeployment(13, FIRST, "in_progress", "d" * 64),
    answers=(Answer(14, "änna", "schedules on", "taken: schedules are on", "eyes", NOW),),
)


class ReportsContract:
    def test_of_what_nothing_was_ever_told_it_is_empty(self, reports: Reports) -> None:
        assert reports.get(*KEY) == Reported(*KEY)

    def test_what_is_saved_is_read_back_in_order_and_with_its_times(self, reports: Reports) -> None:
        saved = reports.save(FULL)

        assert saved == replace(FULL, revision=1)
        assert reports.get(*KEY) == saved

    def test_each_pull_request_has_its_own(self, reports: Reports) -> None:
        reports.save(FULL)

        assert reports.get(REPOSITORY_ID, PULL_NUMBER + 1) == Reported(REPOSITORY_ID, PULL_NUMBER + 1)
        assert reports.get(REPOSITORY_ID + 1, PULL_NUMBER) == Reported(REPOSITORY_ID + 1, PULL_NUMBER)

    def test_one_write_follows_the_other(self, reports: Reports) -> None:
        saved = reports.save(reports.save(FULL))

        assert (saved.revision, reports.get(*KEY).revision) == (2, 2)

    def test_a_deployment_that_was_refused_has_no_id(self, reports: Reports) -> None:
        refused = replace(FULL, deployment=PostedDeployment(None, FIRST, "in_progress", "d" * 64))

        reports.save(refused)

        assert reports.get(*KEY).deployment == refused.deployment

    @pytest.mark.parametrize("stale", [0, 1, 5])
    def test_who_has_read_another_revision_writes_nothing(self, reports: Reports, stale: int) -> None:
        standing = reports.save(reports.save(FULL))

        with pytest.raises(TransientUpstreamError):
            reports.save(replace(FULL, revision=stale, comment=None))

        assert reports.get(*KEY) == standing
