"""The demo's input: the pipelines repository with its three branches, and the shared base that they read."""

from __future__ import annotations

from pathlib import Path

from local.github import LocalGitHub, Pull, Repository
from local.warehouse.process import LocalWarehouse

REPOSITORY = "zalando/pipelines"
PIPELINES = Path(__file__).with_name("pipelines")
BRANCHES = ("feature1", "feature2", "feature3")
STRANGER = "sam-stranger"
RUN_DATE = "2026-02-01"

_SQL = "dags/qu/attribution/sql/m_roi.sql"
_CHANNELS = "dags/qu/attribution/channels.json"
_JOB = "jobs/budget.py"
_DAG = "dags/qu/attribution/test_dag.py"
_REPORT = "dags/qu/reporting/daily/test_dag_2.py"


def make_repository(github: LocalGitHub) -> Repository:
    """The repository with a branch per feature; each differs from the others, feature1 in job code too."""
    repository = github.create_repository(REPOSITORY, PIPELINES)
    for branch, changes in _changes().items():
        repository.commit(branch, changes, f"What {branch} is about", start_from="main")
    return repository


def one_more_commit(pull: Pull) -> str:
    """A new commit on a pull request: another file, and a DAG that reads it; returns its sha."""
    return pull.push({_CHANNELS: b'{"search": 1.0, "social": 1.0, "affiliate": 1.0}\n'}, "Affiliates instead of e-mail")


def offer_a_change(fork: Repository) -> None:
    """What a stranger offers: a branch ``offer`` of a fork."""
    fork.commit("offer", {_CHANNELS: b'{"search": 9.0}\n'}, "Search alone", start_from="main")


def make_base(warehouse: LocalWarehouse) -> None:
    """``db_attribution_test``: three months of events, and the return on investment that was computed of two."""
    for statement in _BASE:
        warehouse.query(statement)


def _changes() -> dict[str, dict[str, bytes]]:
    sql, dag, report, job = (PIPELINES.joinpath(path).read_text() for path in (_SQL, _DAG, _REPORT, _JOB))
    return {
        "feature1": {
            _SQL: sql.replace("SUM(revenue) / SUM(cost)", "ROUND(SUM(revenue) / SUM(cost), 2)").encode(),
            _CHANNELS: b'{"search": 1.0, "social": 1.0}\n',
            _JOB: job.replace("BUDGET = 1000", "BUDGET = 1200").encode(),
        },
        "feature2": {
            _SQL: sql.replace("SUM(revenue) / SUM(cost)", "SUM(revenue - cost) / SUM(cost)").encode(),
            _DAG: dag.replace('tags=["attribution"]', 'tags=["attribution", "profit"]').encode(),
        },
        "feature3": {
            _SQL: sql.replace("WHERE date", "WHERE cost > 0 AND date").encode(),
            _REPORT: report.replace("COUNT(*)", "COUNT(DISTINCT channel)").encode(),
        },
    }


_BASE = (
    "CREATE SCHEMA db_attribution_test",
    """CREATE TABLE db_attribution_test.m_events (channel STRING, revenue DOUBLE, cost DOUBLE, date DATE)
       USING parquet PARTITIONED BY (date)""",
    """INSERT INTO db_attribution_test.m_events
       SELECT channel, revenue, 50.0, day FROM (VALUES ("search", 100.0), ("social", 75.0), ("email", 60.0))
         AS channels (channel, revenue),
       LATERAL (SELECT EXPLODE(ARRAY(DATE"2025-12-31", DATE"2026-01-15", DATE"2026-02-01")) AS day)""",
    """CREATE TABLE db_attribution_test.m_roi (channel STRING, roi DOUBLE, date DATE)
       USING parquet PARTITIONED BY (date)""",
    """INSERT INTO db_attribution_test.m_roi
       SELECT channel, revenue / cost, date FROM db_attribution_test.m_events WHERE date < "2026-02-01" """,
)
