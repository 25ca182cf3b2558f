"""Runs of DAGs through Airflow's API: begun, followed to their end, and asked what their tasks returned."""

from __future__ import annotations

from dataclasses import dataclass

from local.processes import wait_until
from local.stack import LocalStack

RUN_DEADLINE_SECONDS = 240


@dataclass(frozen=True)
class DagRun:
    """One run on one stack's Airflow."""

    stack: LocalStack
    dag_id: str
    run_id: str

    @property
    def state(self) -> str:
        return str(self.stack.airflow.api("GET", self._path)[1]["state"])

    def wait(self) -> str:
        """The state that it ends in."""
        wait_until(
            lambda: self.state in {"success", "failed"},
            what=f"the run of {self.dag_id}",
            deadline_seconds=RUN_DEADLINE_SECONDS,
            every_seconds=1,
        )
        return self.state

    def returned(self, task_id: str) -> str | None:
        """What the task pushed as its result; None where there is nothing."""
        status, answer = self.stack.airflow.api("GET", f"{self._path}/taskInstances/{task_id}/xcomEntries/return_value")
        return str(answer["value"]) if status == 200 else None

    @property
    def _path(self) -> str:
        return f"/dags/{self.dag_id}/dagRuns/{self.run_id}"


def trigger(stack: LocalStack, dag_id: str) -> DagRun:
    """A manual run. Raises AssertionError with Airflow's answer where it is refused."""
    body = {"logical_date": None} if stack.airflow.line == "3" else {}
    status, triggered = stack.airflow.api("POST", f"/dags/{dag_id}/dagRuns", body=body)
    assert status == 200, f"{dag_id} cannot be triggered: {triggered}"
    return DagRun(stack, dag_id, triggered["dag_run_id"])
