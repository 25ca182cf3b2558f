"""Runs a plan's statements over the sessions: in scripts where the warehouse knows them, and finds the one that fails.

A statement is told to have run only when the warehouse has said so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from dagbranch.adapters.databricks_errors import UNKNOWN_FORM, condition_of, raise_together
from dagbranch.adapters.databricks_scripts import (
    ASK_FOR_SCRIPTS,
    Job,
    KnownForms,
    is_clone,
    jobs_of,
    kind_of,
    script_of,
    singly,
)
from dagbranch.adapters.databricks_session import Session
from dagbranch.adapters.databricks_sessions import Sessions
from dagbranch.domain.fence import Fence
from dagbranch.domain.statements import Statement
from dagbranch.errors import TransientUpstreamError, UpstreamError

# What a statement meets that ran before in a script that failed later.
_DONE_BEFORE: Final = {"CREATE": "TABLE_OR_VIEW_ALREADY_EXISTS", "DROP": "TABLE_OR_VIEW_NOT_FOUND"}


@dataclass(frozen=True)
class Outcome:
    """``left``: what is still to be run."""

    ran: tuple[Statement, ...] = ()
    errors: tuple[UpstreamError, ...] = ()
    left: tuple[Job, ...] = ()


@dataclass(frozen=True)
class Runner:
    sessions: Sessions
    forms: KnownForms
    fence: Fence

    def run(self, phases: Sequence[Sequence[Statement]]) -> None:
        """None before all have passed the fence. Raises UpstreamError with all failures of a phase, and what ran."""
        for statement in (statement for phase in phases for statement in phase):
            self.fence.check(statement)
        ran: list[Statement] = []
        for phase in phases:
            errors = self._run_phase(phase, ran)
            raise_together(errors, ran)

    def _run_phase(self, phase: Sequence[Statement], ran: list[Statement]) -> list[UpstreamError]:
        errors: list[UpstreamError] = []
        jobs: Sequence[Job] = jobs_of(phase, self.forms, self.sessions.most)
        while jobs:
            outcomes = self.sessions.each(self._run_job, jobs)
            ran += [statement for outcome in outcomes for statement in outcome.ran]
            errors += [error for outcome in outcomes for error in outcome.errors]
            jobs = [job for outcome in outcomes for job in outcome.left]
        return errors

    def _run_job(self, session: Session, job: Job) -> Outcome:
        return self._run_script(session, job) if job.is_script else self._run_single(session, job)

    def _run_script(self, session: Session, job: Job) -> Outcome:
        script = script_of([each for statement in job.statements for each in self._as_run(statement)])
        try:
            session.run(script, about=f"a script of {len(job.statements)} statements: {job.statements[0].sql}; …")
        except UpstreamError as error:
            condition = condition_of(error)
            if condition is None:
                return Outcome(errors=(error,))
            if condition in UNKNOWN_FORM:
                return self._learn(session, job)
            return Outcome(left=tuple(singly(job.statements, again=True)))
        return Outcome(ran=job.statements)

    def _learn(self, session: Session, job: Job) -> Outcome:
        """Nothing of the script ran, because the warehouse does not know something in it, or scripts at all."""
        ran: list[Statement] = []
        errors: list[UpstreamError] = []
        left = job.statements
        while doubtful := self.forms.first_doubtful(left):
            tried = self._run_single(session, Job((doubtful,)))
            ran += tried.ran
            errors += tried.errors
            left = tuple(each for each in left if each is not doubtful)
            if tried.errors or kind_of(doubtful) in self.forms.unknown:
                return Outcome(tuple(ran), tuple(errors), (Job(left),) if left else ())
        try:
            session.run(ASK_FOR_SCRIPTS)
        except UpstreamError as error:
            if condition_of(error) is None:
                return Outcome(tuple(ran), (error,))
            self.forms.scripts = False
        return Outcome(tuple(ran), left=tuple(singly(left)))

    def _run_single(self, session: Session, job: Job) -> Outcome:
        (statement,) = job.statements
        try:
            for each in self._as_run(statement):
                self._run_statement(session, each, again=job.again)
        except UpstreamError as error:
            return Outcome(errors=(error,))
        return Outcome(ran=job.statements)

    def _run_statement(self, session: Session, statement: Statement, *, again: bool) -> None:
        try:
            session.run(statement.sql)
        except UpstreamError as error:
            condition = condition_of(error)
            if again and condition == _DONE_BEFORE.get(statement.sql.partition(" ")[0]):
                return
            if not statement.otherwise or not _is_refused_form(statement, condition, error):
                raise
            if condition in UNKNOWN_FORM:
                self.forms.unknown.add(kind_of(statement))
            for other in self._checked(statement.otherwise):
                self._run_statement(session, other, again=again)
        else:
            self.forms.proven.add(kind_of(statement))

    def _as_run(self, statement: Statement) -> tuple[Statement, ...]:
        instead = self.forms.as_run(statement)
        return instead if instead == (statement,) else tuple(self._checked(instead))

    def _checked(self, statements: Iterable[Statement]) -> Iterable[Statement]:
        for statement in statements:
            self.fence.check(statement)
            yield statement


def _is_refused_form(statement: Statement, condition: str | None, error: UpstreamError) -> bool:
    """Whether another form may do: the warehouse does not know this one, or cannot clone this table."""
    if condition in UNKNOWN_FORM:
        return True
    return is_clone(statement) and condition is not None and not isinstance(error, TransientUpstreamError)
