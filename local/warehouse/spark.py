"""The Spark behind the warehouse: one JVM of modest size, its catalog in memory and its files in one folder."""

from __future__ import annotations

from pathlib import Path

from pyspark import SparkContext
from pyspark.sql import SparkSession

DRIVER_MEMORY = "1g"


def start_spark(folder: Path) -> SparkSession:
    """A session that writes under ``folder`` only.

    What the settings leave alone is Spark's default, and Databricks' too: ANSI mode, static partition overwrite.
    """
    builder = SparkSession.builder.master("local[2]").appName("dagbranch local warehouse")
    for name, value in _settings(folder).items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def stop_spark() -> None:
    """Ends the JVM and waits for it; nothing is saved, because the catalog goes with it."""
    gateway = SparkContext._gateway  # noqa: SLF001 -- pyspark has no public way to end the JVM that it started
    if gateway:
        gateway.proc.stdin.close()  # the JVM ends itself when its standard input does
        gateway.proc.wait()


def _settings(folder: Path) -> dict[str, str]:
    return {
        "spark.driver.memory": DRIVER_MEMORY,
        "spark.driver.extraJavaOptions": " ".join(_java_options(folder)),
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.local.dir": str(folder / "local"),
        "spark.sql.warehouse.dir": str(folder / "tables"),
        "spark.sql.catalogImplementation": "in-memory",
        "spark.sql.session.timeZone": "UTC",
        # A Delta table shows every session what stands now. Spark's files are listed once per session and cached.
        "spark.sql.filesourceTableRelationCacheSize": "0",
        "spark.sql.shuffle.partitions": "2",
        "spark.default.parallelism": "2",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "ERROR",
    }


def _java_options(folder: Path) -> list[str]:
    return [
        "-XX:TieredStopAtLevel=1",  # statements are short: compiling less starts a third faster
        "-XX:+UseSerialGC",
        "-XX:-UsePerfData",  # no files in the machine's temporary folder
        f"-Djava.io.tmpdir={folder / 'temporary'}",
        "-Duser.timezone=UTC",
    ]
