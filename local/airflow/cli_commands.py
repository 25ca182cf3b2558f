"""The ``airflow`` commands that MWAA runs, from the table in AWS's user guide ("Apache Airflow CLI command reference").

The table as it stood with versions 2.11 and 3.0.6: any other command is refused.
"""

from __future__ import annotations

_BOTH_LINES = """
cheat-sheet
connections add
connections delete
dags delete
dags list
dags list-import-errors
dags list-jobs
dags list-runs
dags next-execution
dags pause
dags report
dags reserialize
dags show
dags state
dags test
dags trigger
dags unpause
db clean
providers behaviours
providers get
providers hooks
providers links
providers list
providers notifications
providers secrets
providers triggerer
providers widgets
roles add-perms
roles create
roles del-perms
roles list
tasks clear
tasks failed-deps
tasks list
tasks render
tasks state
tasks states-for-dag-run
tasks test
variables delete
variables get
variables list
variables set
version
"""

_LINE_2 = """
dags backfill
tasks run
"""

_LINE_3 = """
assets details
assets list
assets materialize
backfill create
"""

SUPPORTED = {
    "2": frozenset((_BOTH_LINES + _LINE_2).split("\n")) - {""},
    "3": frozenset((_BOTH_LINES + _LINE_3).split("\n")) - {""},
}
