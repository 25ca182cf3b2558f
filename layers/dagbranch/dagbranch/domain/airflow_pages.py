"""Where a person looks at an environment's DAGs in Airflow's own user interface."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote


@dataclass(frozen=True)
class AirflowPages:
    """``url`` is the web server's, ``https://…`` without a slash at its end; ``version`` is Airflow's, ``3.0.6``."""

    url: str
    version: str

    def of_environment(self, name: str) -> str:
        """The list of DAGs, filtered by the environment's tag."""
        return f"{self.url}/{'home' if self._is_2 else 'dags'}?tags={quote(name, safe='')}"

    def of_dag(self, dag_id: str) -> str:
        return f"{self.url}/dags/{quote(dag_id, safe='')}{'/grid' if self._is_2 else ''}"

    @property
    def _is_2(self) -> bool:
        return self.version.startswith("2.")
