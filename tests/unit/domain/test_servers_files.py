"""What reaches for the server's dags folder, told from the text alone."""

from __future__ import annotations

import io
import zipfile

import pytest

from dagbranch.domain.dag_modules import warnings_about
from dagbranch.domain.servers_files import warnings_about_servers_files


def told(path: str, source: str) -> list[str]:
    return list(warnings_about_servers_files({path: source.encode()}))


def zipped(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, b"")
    return buffer.getvalue()


@pytest.mark.parametrize(
    "code",
    [
        "path = '/usr/local/airflow/dags/sql/rows.sql'",
        "command = 'cat /opt/airflow/dags/rows.sql'",
        "path = f'{home}' + '/usr/local/airflow/dags'",
        "import os\nSQL = os.path.join(os.environ['AIRFLOW_HOME'], 'dags', 'sql')",
        "import os\nSQL = os.environ['AIRFLOW_HOME'] + '/dags/sql'",
    ],
)
def test_absolute_paths_into_a_dags_folder_are_told_with_file_and_line(code: str) -> None:
    (warning,) = told("team/x.py", code) if "AIRFLOW_HOME" not in code else told("team/x.py", code)[:1]

    assert warning.startswith("team/x.py:")
    assert "all environments share" in warning


@pytest.mark.parametrize(
    "code",
    [
        '"""Lies in /usr/local/airflow/dags/x.py."""',
        "# cp x /opt/airflow/dags/",
        "bucket = 's3://bucket/dags/x'",
        "url = 'https://github.com/team/dags/x'",
        "path = 'team/dags/x'",
        "path = '/opt/airflow/dagster/x'",
        "import os\nHOME = os.environ['AIRFLOW_HOME']",
    ],
)
def test_documentation_buckets_and_other_folders_are_not_told(code: str) -> None:
    assert told("x.py", code) == []


def test_files_that_factories_read_are_told_too() -> None:
    (warning,) = told("config/dags.yaml", "one: 1\nfile: /usr/local/airflow/dags/sql/x.sql\n")

    assert warning.startswith("config/dags.yaml:2: has the path '/usr/local/airflow/dags/sql/x.sql'")


def test_a_zip_with_modules_at_its_root_is_told_and_any_other_is_not() -> None:
    files = {"a.zip": zipped("dag.py"), "b.whl": zipped("package/__init__.py"), "c.zip": b"PK\x03\x04 and no more"}

    (warning,) = warnings_about_servers_files(files)

    assert warning.startswith("a.zip: a zip with modules at its root")


def test_more_modules_than_one_process_reads_in_time_are_told() -> None:
    modules = {f"dag_{number}.py": b"# airflow dag" for number in range(151)}

    (warning,) = warnings_about(tuple(modules), modules)

    assert warning.startswith("151 DAG modules")
    assert "`select`" in warning
