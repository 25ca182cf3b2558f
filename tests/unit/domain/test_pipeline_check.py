from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dagbranch.domain.pipeline_check import check_pipelines
from dagbranch.domain.source_archive import PIPELINE_FILE
from tests.fakes.examples import DAG, FILES, FILES_WITH_DATA


def test_a_repository_without_a_pipeline_file_is_checked_by_its_defaults() -> None:
    findings = check_pipelines(FILES)

    assert (findings.errors, findings.warnings) == ([], [])


def test_a_lane_that_would_write_into_its_own_source_is_an_error() -> None:
    pipeline_file = FILES_WITH_DATA[PIPELINE_FILE] + b"lanes:\n  stage: {source_suffix: _live, table_suffix: _live}\n"

    findings = check_pipelines({**FILES, PIPELINE_FILE: pipeline_file})

    assert [line.partition(": expected")[0] for line in findings.errors] == [
        "dagbranch.yaml:10: lanes.stage.table_suffix"
    ]


def test_a_dag_id_that_is_given_twice_is_a_warning() -> None:
    findings = check_pipelines({**FILES, "dags/other.py": DAG})

    (warning,) = findings.warnings
    assert "the DAG id 'qu.test_dag' is given in" in warning


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.binary(max_size=200), st.binary(max_size=200))
def test_whatever_the_files_hold_is_told_and_never_raised(pipeline_file: bytes, module: bytes) -> None:
    findings = check_pipelines({**FILES, PIPELINE_FILE: b"version: 1\n" + pipeline_file, "dags/x.py": module})

    assert all(isinstance(line, str) for line in [*findings.errors, *findings.warnings])
