"""A dags folder of any number of DAG modules with a package that they share, plain and as an environment."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

from dagbranch.adapters.runtime_modules import runtime_modules
from dagbranch.domain.packaging import configuration, package_dags
from dagbranch.domain.specification import PreviewSettings
from dagbranch.domain.stubs import stub_names

ENVIRONMENT: Final = "feature1"
_DIGEST: Final = 64 * "0"
_TEAMS: Final = 8
_SHARED_MODULES: Final = 12

_OPERATORS: Final = '''\
"""What the teams' pipelines are made of."""

from airflow.operators.bash import BashOperator
from airflow.operators.python import PythonOperator

from common.callbacks import tell_the_team
from common.part_000 import scaled_0_0
from common.settings import CONNECTION, POOL_SLOTS


class LoadTable(BashOperator):
    """Loads one table from a query beside the DAG's file."""

    template_fields = (*BashOperator.template_fields, "table")

    def __init__(self, *, table: str, connection: str = CONNECTION, **kwargs: object) -> None:
        super().__init__(
            bash_command=f"echo loading {table} with {connection} for {{{{ ds }}}}",
            env={"TABLE": table, "CONNECTION": connection},
            pool_slots=POOL_SLOTS,
            on_failure_callback=tell_the_team,
            **kwargs,
        )
        self.table = table


def check(table: str, minimum: int = 1) -> float:
    rows = minimum + len(table)
    if rows < minimum:
        raise ValueError(f"{table} has {rows} rows, expected {minimum}")
    return scaled_0_0(rows)


def check_of(table: str, minimum: int) -> PythonOperator:
    return PythonOperator(
        task_id=f"check_{table}", python_callable=check, op_kwargs={"table": table, "minimum": minimum}
    )
'''
_SETTINGS: Final = '''\
"""What is the same in every pipeline."""

from datetime import datetime, timedelta

CONNECTION = "warehouse"
POOL_SLOTS = 1
START = datetime(2024, 1, 1)
DEFAULT_ARGS = {"owner": "pipelines", "retries": 2, "retry_delay": timedelta(minutes=5)}
'''
_CALLBACKS: Final = '''\
"""What happens when a task fails."""

import logging


def tell_the_team(context: object) -> None:
    logging.getLogger(__name__).error("failed: %s", context)
'''
_HEAD: Final = '''\
"""Loads the tables of {name} every day and checks what it loaded."""

from airflow import DAG
from airflow.operators.bash import BashOperator

from common.operators import LoadTable, check_of
from common.part_{part:03} import scaled_{part}_0
from common.settings import DEFAULT_ARGS, START

LIMITS = {limits}


def limit_of(table: str) -> int:
    """How many rows are expected at least."""
    return round(scaled_{part}_0(LIMITS[table]))


with DAG(
    dag_id="{dag_id}",
    start_date=START,
    schedule="{minute} {hour} * * *",
    catchup=False,
    default_args=DEFAULT_ARGS,
    tags=["team{team}"],
) as dag:
    start = BashOperator(task_id="start", bash_command="sql/{name}.sql")
    done = BashOperator(task_id="done", bash_command="echo {{{{ dag.dag_id }}}} is done")
'''
_TASK: Final = """
    load_{table} = LoadTable(task_id="load_{table}", table="{table}")
    check_{table} = check_of("{table}", limit_of("{table}"))
    start >> load_{table} >> check_{table} >> done
"""


@dataclass(frozen=True)
class Pipelines:
    """Two dags folders with the same ``modules`` (DAG modules, by their path): as it is, and as an environment."""

    plain: Path
    packaged: Path
    modules: tuple[str, ...]

    @property
    def zip_path(self) -> Path:
        return self.packaged / f"{ENVIRONMENT}.zip"

    def file_of(self, module: str) -> tuple[str, str]:
        """Where Airflow says that a DAG is, within the dags folder: plain, and in the environment."""
        return module, f"{ENVIRONMENT}.zip/{stub_names(self.modules)[module]}"

    def forget_bytecode(self) -> None:
        """The plain folder as a deploy leaves it."""
        for folder in self.plain.rglob("__pycache__"):
            shutil.rmtree(folder)


def make_pipelines(folder: Path, modules: int, seed: int = 1) -> Pipelines:
    """The same files every time: DAG modules of 8 to 18 tasks with a query each, and a package of 15 modules."""
    files = {path: text.encode() for path, text in _texts(Random(seed), modules)}
    plain, packaged = folder / "plain", folder / "packaged"
    _write(plain, files)
    _deploy(files, packaged)
    return Pipelines(
        plain, packaged, tuple(sorted(path for path in files if path.startswith("team") and path.endswith(".py")))
    )


def dag_id_of(module: str, environment: str = "") -> str:
    """The id of the one DAG in a DAG module, in a plain folder or in an environment."""
    team, _, name = module.removesuffix(".py").partition("/")
    return ".".join(filter(None, (team, environment, name)))


def _deploy(files: Mapping[str, bytes], dags: Path) -> None:
    """What a deploy to the lane ``preview`` leaves in the dags folder."""
    packaged = package_dags(
        {f"dags/{path}": content for path, content in files.items()},
        dags_folder="dags",
        source_digest=_DIGEST,
        runtime=runtime_modules(),
        version="0",
    )
    beside = configuration(
        environment=ENVIRONMENT,
        lane="preview",
        repository="benchmarks/pipelines",
        pull_number=1,
        head_sha=40 * "0",
        source_digest=_DIGEST,
        settings=PreviewSettings().model_dump(mode="json", exclude_none=True),
        schemas={},
    )
    _write(dags / ENVIRONMENT, {**packaged.copy, f".dagbranch/{_DIGEST}.json": beside})
    (dags / f"{ENVIRONMENT}.zip").write_bytes(packaged.archive)


def _texts(random: Random, modules: int) -> Iterator[tuple[str, str]]:
    yield "common/__init__.py", ""
    yield "common/operators.py", _OPERATORS
    yield "common/settings.py", _SETTINGS
    yield "common/callbacks.py", _CALLBACKS
    for number in range(_SHARED_MODULES):
        yield f"common/part_{number:03}.py", _part(random, number)
    for number in range(modules):
        team, name = number % _TEAMS, f"pipeline_{number:03}"
        yield f"team{team}/{name}.py", _dag_module(random, number, name)
        yield f"team{team}/sql/{name}.sql", f"SELECT {number} AS pipeline, '{{{{ ds }}}}' AS day\n"


def _part(random: Random, number: int) -> str:
    return "".join(
        f"def scaled_{number}_{index}(value: float) -> float:\n"
        f'    """One of the company\'s formulas."""\n'
        f"    return value * {random.random():.6f}\n\n\n"
        for index in range(random.randrange(10, 40))
    )


def _dag_module(random: Random, number: int, name: str) -> str:
    limits = {f"t{number}_{index}": random.randrange(1000) for index in range(random.randrange(3, 9))}
    head = _HEAD.format(
        name=name,
        part=number % _SHARED_MODULES,
        limits=limits,
        dag_id=dag_id_of(f"team{number % _TEAMS}/{name}.py"),
        minute=number % 60,
        hour=number % 24,
        team=number % _TEAMS,
    )
    return head + "".join(_TASK.format(table=table) for table in limits)


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    for path, content in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
