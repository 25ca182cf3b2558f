"""Run by SQLMesh's own Python: a project of N models, planned in `prod`, of which environments are made on demand.

``sqlmesh_process.py N`` writes the project to the current folder, starts a Spark in this process, with the settings of
the local warehouse's, loads the project and plans `prod`. Then each line of standard input asks for an environment:
``new NAME`` by a context loaded anew and in a new session of Spark, as each run of SQLMesh's command has its own,
``warm NAME`` by the context and the session of the one before. The answer is a line of JSON,
``{"seconds": …, "views": …}``: what ``Context.plan`` took, without the loading, and the views that are there then.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession
from sqlmesh import Context
from sqlmesh.core.config import Config, DuckDBConnectionConfig, GatewayConfig, ModelDefaultsConfig
from sqlmesh.core.config import SparkConnectionConfig as SparkConfig
from sqlmesh.core.console import NoopConsole, set_console

from local.warehouse.spark import start_spark, stop_spark

MODEL = """MODEL (name db_attribution.m_{number:04}, kind FULL, start '2026-01-01');
SELECT
  CAST({number} AS BIGINT) AS id,
  CAST('a' AS STRING) AS channel,
  CAST(1 AS DOUBLE) AS amount,
  CAST('2026-01-01' AS DATE) AS date
"""


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # nothing but answers on standard output, whatever Spark and SQLMesh print
    folder = Path.cwd()
    write_project(folder / "project", int(sys.argv[1]))
    spark = start_spark(folder)
    context = load_project(folder)
    if spark.conf.get("spark.sql.catalogImplementation") != "in-memory":
        raise RuntimeError("SQLMesh's Spark keeps its catalog elsewhere than the local warehouse does")
    plan(context, "prod", empty_backfill=True)
    for line in sys.stdin:
        how, environment = line.split()
        if how == "new":
            context.close()
            use_session(spark.newSession())
            context = load_project(folder)
        print(json.dumps(make_environment(context, spark, environment)), file=answers, flush=True)
    context.close()
    stop_spark()


def use_session(session: SparkSession) -> None:
    """SQLMesh takes what `SparkSession.builder.getOrCreate()` gives, and that is this variable."""
    SparkSession._instantiatedSession = session  # noqa: SLF001 -- pyspark has no public way to another one


def write_project(project: Path, models: int) -> None:
    (project / "models").mkdir(parents=True)
    for number in range(models):
        (project / "models" / f"m_{number:04}.sql").write_text(MODEL.format(number=number))


def load_project(folder: Path) -> Context:
    """Its state is in a DuckDB file, the quickest that SQLMesh has; its Spark is the one that runs already."""
    set_console(NoopConsole())
    gateway = GatewayConfig(
        connection=SparkConfig(), state_connection=DuckDBConnectionConfig(database=str(folder / "state.db"))
    )
    config = Config(
        gateways={"spark": gateway}, default_gateway="spark", model_defaults=ModelDefaultsConfig(dialect="spark")
    )
    return Context(paths=[str(folder / "project")], config=config)


def make_environment(context: Context, spark: SparkSession, environment: str) -> dict[str, Any]:
    started = time.perf_counter()
    plan(context, environment, include_unmodified=True)
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "views": spark.sql(f"SHOW VIEWS IN db_attribution__{environment}").count()}


def plan(context: Context, environment: str, **options: bool) -> None:
    """Planned and applied at once; ``include_unmodified``: else only what was changed gets a view."""
    context.plan(environment, no_prompts=True, auto_apply=True, skip_tests=True, no_diff=True, **options)


if __name__ == "__main__":
    main()
