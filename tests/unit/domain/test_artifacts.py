from __future__ import annotations

import pytest

from dagbranch.domain import packaging
from dagbranch.domain.artifacts import artifacts_of, uris_in
from dagbranch.domain.pipeline_file import parse_pipeline_file
from dagbranch.errors import InvalidPipelineFileError

PIPELINE_FILE = b"""\
version: 1
artifacts:
  jobs: spark/jobs
  dbt: dbt
"""
FILES = {
    "dagbranch.yaml": PIPELINE_FILE,
    "dags/a.py": b"",
    "spark/jobs/main.py": b"1",
    "spark/jobs/lib/clean.py": b"2",
    "spark/jobs_old/main.py": b"not named",
    "dbt/dbt_project.yml": b"name: acme",
}


def folders(files: dict[str, bytes], pipeline_file: bytes = PIPELINE_FILE) -> dict[str, dict[str, bytes]]:
    found = artifacts_of({"dagbranch.yaml": pipeline_file, **files}, parse_pipeline_file(pipeline_file))
    return {one.name: dict(one.files) for one in found}


def digest_of(name: str, files: dict[str, bytes]) -> str:
    (digest,) = [one.digest for one in artifacts_of(files, parse_pipeline_file(PIPELINE_FILE)) if one.name == name]
    return digest


def test_each_named_folder_is_uploaded_by_paths_in_it() -> None:
    assert folders(FILES) == {
        "jobs": {"main.py": b"1", "lib/clean.py": b"2"},
        "dbt": {"dbt_project.yml": b"name: acme"},
    }


def test_a_folder_may_lie_in_the_dags_folder_and_the_whole_repository_may_be_one() -> None:
    whole = b"version: 1\ndags: .\nartifacts: {all: ., dags: dags}\n"

    found = folders({"dags/a.py": b"", ".dagbranch/wheels/x.whl": b"", "lib/__pycache__/a.pyc": b""}, whole)

    assert found == {"all": {"dagbranch.yaml": whole, "dags/a.py": b""}, "dags": {"a.py": b""}}


def test_the_digest_is_of_the_folders_own_files_alone() -> None:
    changed = {**FILES, "dags/a.py": b"changed", "dbt/dbt_project.yml": b"changed"}

    assert digest_of("jobs", changed) == digest_of("jobs", FILES)
    assert digest_of("dbt", changed) != digest_of("dbt", FILES)


def test_folders_without_files_are_told_together_with_their_keys_and_lines() -> None:
    with pytest.raises(InvalidPipelineFileError) as error:
        folders({"dags/a.py": b"", "dbt/__pycache__/a.pyc": b""})

    assert str(error.value).splitlines() == [
        "dagbranch.yaml:3: artifacts.jobs: the folder 'spark/jobs' has no files at this commit",
        "dagbranch.yaml:4: artifacts.dbt: the folder 'dbt' has no files at this commit",
    ]


def test_a_repository_without_artifacts_has_none() -> None:
    assert artifacts_of({"dags/a.py": b""}, parse_pipeline_file(None)) == ()


def test_a_configuration_tells_which_job_code_its_tasks_read() -> None:
    written = packaging.configuration(
        environment="feature1",
        lane="preview",
        repository="acme/pipelines",
        pull_number=1,
        head_sha="1" * 40,
        source_digest="d1",
        settings={},
        schemas={},
        artifacts={"jobs": "s3://acme/artifacts/feature1/d1/jobs"},
    )

    assert uris_in(written) == {"s3://acme/artifacts/feature1/d1/jobs"}
    assert uris_in(b"{}") == set()
