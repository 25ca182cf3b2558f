"""The smallest repository whose deploy takes every step: a DAG, job code, a view, and a table that is filled."""

from __future__ import annotations

from typing import Final

from local.github import LocalGitHub, Pull, Repository
from local.warehouse.process import LocalWarehouse

REPOSITORY: Final = "zalando/faults"
SCHEMA: Final = "faults"
ROWS: Final = [(2, "2026-01-02")]  # of m_written in an environment: what its seed takes
_BASE: Final = (
    f"DROP SCHEMA IF EXISTS {SCHEMA}_test CASCADE",
    f"CREATE SCHEMA {SCHEMA}_test",
    f"CREATE TABLE {SCHEMA}_test.m_read (id BIGINT) USING parquet",
    f"CREATE TABLE {SCHEMA}_test.m_written (id BIGINT, day DATE) USING parquet PARTITIONED BY (day)",
    f'INSERT INTO {SCHEMA}_test.m_written VALUES (1, DATE"2025-12-31"), (2, DATE"2026-01-02")',
)
_DECLARED: Final = f"""\
version: 1
dags: dags
artifacts: {{jobs: jobs}}
data:
  source_suffix: _test
  schemas:
    {SCHEMA}:
      read: [m_read]
      write:
        m_written: {{seed: 'day >= "2026-01-01"'}}
"""
_DAG: Final = """\
from airflow import DAG
from airflow.operators.empty import EmptyOperator

with DAG("qu.faults", schedule=None):
    EmptyOperator(task_id="nothing")
"""


def make_base(warehouse: LocalWarehouse) -> None:
    for statement in _BASE:
        warehouse.query(statement)


def make_repository(github: LocalGitHub) -> Repository:
    files = {"dagbranch.yaml": _DECLARED, "dags/qu/faults.py": _DAG, "jobs/job.py": "print('job')\n"}
    return github.create_repository(REPOSITORY, {path: text.encode() for path, text in files.items()})


def open_unheard(repository: Repository, branch: str) -> Pull:
    """A pull request whose webhook is still to be sent; each has content of its own, in each of its parts."""
    changes = {"dags/qu/faults.py": f"{_DAG}# {branch}\n".encode(), "jobs/job.py": f"print('{branch}')\n".encode()}
    repository.commit(branch, changes, f"Begin {branch}", start_from="main")
    return repository.open_pull(branch, branch, deliver=False)
