"""A pipelines repository made up from a seed: the same files, byte for byte, wherever it is made."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

DAGS_FOLDER: Final = "dags"
_DESCRIPTION: Final = b"version: 1\ndags: dags\n"
_SHARE_OF_DAG_MODULES: Final = 0.20
_SHARE_OF_OTHER_MODULES: Final = 0.10
_SHARE_OF_SQL: Final = 0.40
_SHARE_OF_JSON: Final = 0.20
_COLUMNS: Final = ("visits", "orders", "revenue", "costs", "returns", "margin", "clicks", "sessions")

_HEAD: Final = '''\
"""Loads {name} every day and checks what it loaded."""

from datetime import datetime

from airflow import DAG
from airflow.operators.bash import BashOperator
from airflow.operators.python import PythonOperator

TABLES = {tables}


def check(table: str, minimum: int = 1) -> int:
    rows = minimum + len(table)
    if rows < minimum:
        raise ValueError(f"{{table}} has {{rows}} rows, expected {{minimum}}")
    return rows


with DAG(
    dag_id="team{team}.{name}",
    start_date=datetime(2024, 1, 1),
    schedule="0 {hour} * * *",
    catchup=False,
    tags=["team{team}"],
) as dag:
    start = BashOperator(task_id="start", bash_command="sql/{name}.sql")
'''
_TASK: Final = """\
    load_{table} = BashOperator(
        task_id="load_{table}",
        bash_command="echo loading {table} of {{{{ ds }}}}",
        env={{"TABLE": "{table}", "LIMIT": "{limit}"}},
        retries={retries},
    )
    check_{table} = PythonOperator(
        task_id="check_{table}",
        python_callable=check,
        op_kwargs={{"table": "{table}", "minimum": {limit}}},
    )
    start >> load_{table} >> check_{table}
"""


@dataclass(frozen=True)
class Repository:
    """``dag_module`` and ``sql_file`` are the two that a small change is made to."""

    folder: Path
    dag_module: Path
    sql_file: Path

    @property
    def dags(self) -> Path:
        return self.folder / DAGS_FOLDER


def make_repository(folder: Path, files: int, size_bytes: int, seed: int = 1) -> Repository:
    """A fifth are DAG modules, a tenth other modules, two fifths SQL, a fifth JSON; data files bring it to the size."""
    random = Random(seed)
    counts = [
        round(files * share)
        for share in (_SHARE_OF_DAG_MODULES, _SHARE_OF_OTHER_MODULES, _SHARE_OF_SQL, _SHARE_OF_JSON)
    ]
    contents = dict(_texts(random, *counts))
    rest = files - len(contents)
    each = max(1, (size_bytes - sum(map(len, contents.values()))) // rest)
    contents |= {f"team{number % 8}/data/{number:03}.bin": random.randbytes(each) for number in range(rest)}
    for path, content in contents.items():
        _put(folder / DAGS_FOLDER / path, content)
    _put(folder / "dagbranch.yaml", _DESCRIPTION)
    dags = folder / DAGS_FOLDER
    return Repository(folder, dags / "team0" / "pipeline_000.py", dags / "team0" / "sql" / "query_000.sql")


def _texts(random: Random, dag_modules: int, modules: int, sql: int, documents: int) -> Iterator[tuple[str, bytes]]:
    for number in range(dag_modules):
        yield f"team{number % 8}/pipeline_{number:03}.py", _dag_module(random, number).encode()
    for number in range(modules):
        yield f"team{number % 8}/common/part_{number:03}.py", _module(random, number).encode()
    for number in range(sql):
        yield f"team{number % 8}/sql/query_{number:03}.sql", _query(random, number).encode()
    for number in range(documents):
        rows = [{column: random.randrange(10**6) for column in _COLUMNS} for _ in range(random.randrange(20, 100))]
        yield f"team{number % 8}/config/{number:03}.json", json.dumps(rows, indent=1).encode()


def _dag_module(random: Random, number: int) -> str:
    tables = [f"t{number}_{index}" for index in range(random.randrange(4, 16))]
    head = _HEAD.format(name=f"pipeline_{number:03}", team=number % 8, hour=number % 24, tables=tables)
    tasks = (_TASK.format(table=table, limit=random.randrange(1000), retries=random.randrange(4)) for table in tables)
    return head + "".join(tasks)


def _module(random: Random, number: int) -> str:
    functions = (
        f"def scaled_{number}_{index}(value: float) -> float:\n    return value * {random.random():.6f}\n\n\n"
        for index in range(random.randrange(5, 40))
    )
    return "".join(functions)


def _query(random: Random, number: int) -> str:
    sums = ",\n".join(
        f"  SUM(CASE WHEN channel = {random.randrange(99)} THEN {column} ELSE 0 END) AS {column}_{index}"
        for index in range(random.randrange(2, 12))
        for column in random.sample(_COLUMNS, 3)
    )
    source = f"db_attribution_test.m_events_{number}"
    return f"SELECT\n  day,\n{sums}\nFROM {source}\nWHERE day = '{{{{ ds }}}}'\nGROUP BY day\n"


def _put(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
