"""The ids of an environment's DAGs: from the id that the code gives to the id that Airflow sees, and back."""

from __future__ import annotations

import re

LONGEST_DAG_ID = 250


class InvalidDagIdError(ValueError):
    pass


class Identity:
    """``team.rest`` becomes ``team.part.rest``, an id without a dot ``part.id``; or all stay as they are.

    ``part`` is the environment's name, or ``next`` in a canary.

    It remembers what it rewrote, so that an id made from a rewritten one (``f"{dag.dag_id}_child"``) is not
    rewritten again, and a reference is followed only to a DAG of this environment.
    """

    def __init__(self, part: str, *, rewrites: bool) -> None:
        self._part = part
        self._rewrites = rewrites
        self._by_written: dict[str, str] = {}

    def assign(self, written: str) -> str:
        """The id of a DAG that the code calls ``written``. Raises InvalidDagIdError for one that Airflow refuses."""
        assigned = self._rewritten(written) if self._rewrites else written
        if len(assigned) > LONGEST_DAG_ID:
            raise InvalidDagIdError(
                f"dagbranch: the DAG id {assigned!r} has {len(assigned)} characters with {self._part!r} in it, "
                f"Airflow allows {LONGEST_DAG_ID}: shorten {written!r} or the branch's name"
            )
        if written.endswith("\n"):  # Airflow's own check lets it pass, and no command line can name it
            raise InvalidDagIdError(f"dagbranch: the DAG id {written!r} ends in a line break: take it away")
        self._by_written[self._as_written(written)] = assigned
        return assigned

    def follow(self, reference: str) -> str:
        """What a reference in the code means here: the environment's own DAG where it has one of that id."""
        if self._is_assigned(reference):
            return reference
        return self._by_written.get(reference, reference)

    def has(self, reference: str) -> bool:
        """Whether a DAG of this environment is meant, be it by its id in the code or by the one that Airflow sees."""
        return reference in self._by_written or self._is_assigned(reference)

    def written(self, assigned: str) -> str:
        """The id as the code writes it, for code that compares it with the one that Airflow asks for."""
        first, *rest = assigned.split(".")
        if not self._rewrites or not rest:
            return assigned
        if first == self._part and len(rest) == 1:
            return rest[0]
        if rest[0] == self._part and len(rest) > 1:
            return ".".join([first, *rest[1:]])
        return ".".join(rest) if first == self._part else assigned

    def _rewritten(self, written: str) -> str:
        if self._as_written(written) != written:
            return written
        team, dot, rest = written.partition(".")
        return f"{team}.{self._part}.{rest}" if dot else f"{self._part}.{written}"

    def _as_written(self, made: str) -> str:
        """What an id that the code made of a rewritten one would be in a plain dags folder.

        A literal reference names it so, while the text that the code made stays what it is, wherever it is used.
        """
        if self._part not in made or not self._rewrites:
            return made
        for written, assigned in self._by_written.items():
            if assigned in made:
                made = re.sub(rf"(?<![A-Za-z0-9]){re.escape(assigned)}(?![A-Za-z0-9])", written, made)
        return made

    def _is_assigned(self, dag_id: str) -> bool:
        return dag_id in self._by_written.values()
