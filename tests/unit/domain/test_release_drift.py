from __future__ import annotations

from dataclasses import replace

import pytest

from dagbranch.domain.deployment import CopiedFile
from dagbranch.domain.environments import Status
from dagbranch.domain.packaging import IGNORE_FILE
from dagbranch.domain.release_drift import StandingRelease, drift_of
from tests.fakes.release_examples import a_release_record
from tests.fakes.report_examples import a_half

READY = a_release_record(status=Status.READY, pipeline=a_half(12, zip_sha256="e" * 64))
AS_PUT = CopiedFile('"1"', "a" * 64)
WELL = StandingRelease("e" * 64, has_configuration=True, copied={IGNORE_FILE: AS_PUT, "qu/a.py": AS_PUT})


def test_what_stands_as_it_was_put_has_not_drifted() -> None:
    assert drift_of(READY, WELL) is None


@pytest.mark.parametrize(
    ("stands", "told"),
    [
        (replace(WELL, zip_sha256=None), "its zip has gone"),
        (replace(WELL, zip_sha256="f" * 64), "its zip is not the one that was deployed: its sha256 begins with ffffff"),
        (replace(WELL, has_configuration=False), "its configuration has gone"),
        (replace(WELL, copied={}), "what hides its unpacked copy from Airflow has gone"),
        (
            replace(WELL, copied={IGNORE_FILE: AS_PUT, "b.py": CopiedFile('"2"', ""), "a.py": CopiedFile('"3"', "")}),
            "its unpacked copy is not as it was put: a.py and 1 more",
        ),
    ],
)
def test_what_has_drifted_is_told(stands: StandingRelease, told: str) -> None:
    assert (drift_of(READY, stands) or "").startswith(told)


def test_a_record_that_does_not_know_its_zips_digest_says_nothing_of_it() -> None:
    assert drift_of(replace(READY, pipeline=a_half(12)), replace(WELL, zip_sha256="f" * 64)) is None
