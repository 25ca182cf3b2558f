"""The warehouse, through the Databricks SQL connector: tells what exists, and runs statements that pass the fence.

The connector is imported with the first connection, because it costs half a second and only some functions have it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Final, Self

from dagbranch.adapters.databricks_answers import Rows, comment_of, direct_grants, found_schema, table_details
from dagbranch.adapters.databricks_credentials import parse_credentials
from dagbranch.adapters.databricks_errors import ABSENT, UNKNOWN_FORM, condition_of, raise_together
from dagbranch.adapters.databricks_run import Runner
from dagbranch.adapters.databricks_scripts import KnownForms, known_forms
from dagbranch.adapters.databricks_session import Address, Patience, Session
from dagbranch.adapters.databricks_sessions import Sessions
from dagbranch.domain import questions
from dagbranch.domain.fence import Fence
from dagbranch.domain.questions import Question
from dagbranch.domain.schema_marker import SchemaMarker
from dagbranch.domain.statements import Statement, is_name
from dagbranch.domain.warehouse_state import FoundSchema, Grant, TableDetails
from dagbranch.errors import TransientUpstreamError, UpstreamError

SESSIONS: Final = 8

type Answer = Rows | UpstreamError | None


class DatabricksWarehouse:
    """One SQL warehouse. Connects when first asked, and trusts the authorities of ``SSL_CERT_FILE``."""

    def __init__(
        self,
        *,
        host: str,
        http_path: str,
        credentials: str,
        seconds: float | None = None,
        patience: Patience | None = None,
        sessions: int = SESSIONS,
        forms: KnownForms | None = None,
    ) -> None:
        """``host`` may carry a port: ``localhost:8443``. ``credentials``: a token, or a service principal's JSON.

        ``seconds``: what there is in all, for a caller that is killed then; without it, ``patience`` says how long to
        wait. ``forms``: what the warehouse knows; without it, what this process has seen of it.
        """
        host = host.removeprefix("https://").rstrip("/")
        address = Address(host, http_path, parse_credentials(credentials, host))
        self._forms = forms or known_forms(host, http_path)
        patience = patience or (Patience() if seconds is None else Patience.within(seconds))
        self._sessions = Sessions(address, patience, sessions)

    def schemas(self, names: Collection[str]) -> dict[str, FoundSchema]:
        ask = (questions.show_tables, questions.show_views, questions.describe_schema)
        wanted = sorted(set(names))
        answers = self._answers([question(name) for name in wanted for question in ask])
        each = zip(wanted, zip(*[iter(answers)] * len(ask), strict=True), strict=True)
        return {name: found_schema(*found) for name, found in each if _complete(found)}

    def details(self, tables: Collection[str]) -> dict[str, TableDetails]:
        return self._by_name(tables, questions.describe_table, table_details)

    def marked_schemas(self, catalogs: Collection[str | None]) -> dict[str, SchemaMarker]:
        """One question a catalog; where it has no information_schema, as a Hive metastore, one a schema beside that."""
        wanted = sorted(set(catalogs), key=str)
        answers = self._answers([questions.marked_schemata(one) for one in wanted])
        comments = {
            _full_name(catalog, row[0]): row[1]
            for catalog, rows in zip(wanted, answers, strict=True)
            for row in rows or ()
        }
        comments |= self._comments([one for one, rows in zip(wanted, answers, strict=True) if rows is None])
        found = {name: SchemaMarker.parse(comment) for name, comment in comments.items()}
        return {name: marker for name, marker in found.items() if marker is not None}

    def grants(self, schemas: Collection[str]) -> dict[str, frozenset[Grant]]:
        """A warehouse without grants answers nothing."""
        return self._by_name(schemas, questions.show_grants, direct_grants, absent=ABSENT | UNKNOWN_FORM)

    def partitions(self, question: Question) -> list[tuple[object, ...]]:
        (rows,) = self._answers([question], absent=frozenset())
        return [tuple(row) for row in rows or ()]

    def has_rows(self, question: Question) -> bool:
        """A table that is not there does not come by itself: who asks has named it."""
        try:
            return bool(self.partitions(question))
        except TransientUpstreamError as error:
            if condition_of(error.__cause__ or error) in ABSENT:
                raise UpstreamError(str(error)) from error
            raise

    def run(self, phases: Sequence[Sequence[Statement]], fence: Fence) -> None:
        Runner(self._sessions, self._forms, fence).run(phases)

    def close(self) -> None:
        self._sessions.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _comments(self, catalogs: Sequence[str | None]) -> dict[str, str | None]:
        """Of every schema; what has a name that dagbranch gives none is none of its own."""
        answers = self._answers([questions.show_schemas(one) for one in catalogs])
        names = [
            _full_name(catalog, row[0])
            for catalog, rows in zip(catalogs, answers, strict=True)
            for row in rows or ()
            if is_name(row[0])
        ]
        return self._by_name(names, questions.describe_schema, comment_of)

    def _by_name[T](
        self,
        names: Collection[str],
        question: Callable[[str], Question],
        read: Callable[[Rows], T],
        *,
        absent: frozenset[str] = ABSENT,
    ) -> dict[str, T]:
        wanted = sorted(set(names))
        answers = self._answers([question(name) for name in wanted], absent=absent)
        return {name: read(rows) for name, rows in zip(wanted, answers, strict=True) if rows is not None}

    def _answers(self, asked: Sequence[Question], *, absent: frozenset[str] = ABSENT) -> list[Rows | None]:
        """The rows of each question, None for what does not exist."""

        def ask(session: Session, question: Question) -> Answer:
            try:
                return session.run(question.sql)
            except UpstreamError as error:
                return None if condition_of(error) in absent else error

        answers = self._sessions.each(ask, asked)
        raise_together([answer for answer in answers if isinstance(answer, UpstreamError)])
        return [answer for answer in answers if not isinstance(answer, UpstreamError)]


def _full_name(catalog: str | None, schema: str) -> str:
    """As the registry has it."""
    return f"{catalog}.{schema}".lower() if catalog else schema.lower()


def _complete(found: tuple[Rows | None, ...]) -> bool:
    return None not in found
