"""A commit that may go on to the next lane → its gates, judged by the facts that its own archive asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from dagbranch.domain.data_checks import data_check
from dagbranch.domain.environments import Environment, Status
from dagbranch.domain.gates import FOUND_ROWS, Gate, GateFacts, fault_in_words, judge, wants_data_checks
from dagbranch.domain.naming import RELEASE, SourceArchiveKey
from dagbranch.domain.pipeline_file import parse_pipeline_file
from dagbranch.domain.release_jobs import hold_in_words, is_of_a_canary, keeps_out
from dagbranch.domain.release_wishes import AskedDeployment
from dagbranch.domain.releases import Release, hold_of
from dagbranch.domain.source_archive import PIPELINE_FILE, read_source_archive, source_digest
from dagbranch.domain.specification import PipelineFile, Promotion, ReleaseSettings
from dagbranch.errors import UnsafeArchiveError, UnsafeStatementError, UpstreamError, is_for_good
from dagbranch.ports import Warehouse
from dagbranch.use_cases.promotion_work import Promoter

_COMES: Final = frozenset({Status.REQUESTED, Status.DEPLOYING, Status.READY})


@dataclass(frozen=True)
class Candidate:
    """A commit at the gates to ``target``; ``asked`` is None of what goes on by itself, ``ledger`` is the lane's."""

    release: Release
    ledger: tuple[Release, ...]
    record: Environment | None
    target: str
    asked: AskedDeployment | None = None

    @property
    def skip(self) -> Mapping[str, str]:
        """The gates that are not asked, with who wants that and why."""
        if self.asked is None:
            return {}
        return dict.fromkeys(self.asked.wish.skip, f"by {self.asked.creator}: {self.asked.wish.reason}")


@dataclass(frozen=True)
class Archive:
    """A source archive as it lies in this lane's bucket, checked against its digest."""

    content: bytes
    pipeline_file: PipelineFile

    def promotion(self, target: str) -> Promotion:
        settings = self.pipeline_file.settings(target)
        assert isinstance(settings, ReleaseSettings), f"nothing is promoted to {target}"
        return settings.promotion


def key_of(release: Release) -> SourceArchiveKey:
    """Where the archive of a commit that stood here, or was promoted to, lies."""
    assert release.known_digest is not None, "it never came here"
    return SourceArchiveKey(release.repository, RELEASE, release.head_sha, release.known_digest)


def read_archive(key: SourceArchiveKey, by: Promoter) -> Archive:
    """Raises SupersededError where it is gone, SourceError where it is not what it was."""
    content = by.sources.get(key, most_bytes=2 * by.limits.size_bytes)
    if (found := source_digest(content)) != key.source_digest:
        raise UnsafeArchiveError(
            f"the source archive in {by.lane} was changed: its content has the digest {found[:12]}…, its key says "
            f"{key.source_digest[:12]}…"
        )
    files = read_source_archive(content, by.limits)
    return Archive(content, parse_pipeline_file(files.get(PIPELINE_FILE)))


def gates_of(candidate: Candidate, archive: Archive | None, by: Promoter) -> tuple[Gate, ...]:
    """``archive`` is None of what was never ready here. Raises UpstreamError where somebody does not answer."""
    facts = _facts(candidate, by)
    if archive is None:
        return judge(facts, Promotion(), candidate.skip, by.now)
    settings = archive.promotion(candidate.target)
    facts = _with_what_others_say(facts, candidate.release, settings, by)
    gates = judge(facts, settings, candidate.skip, by.now)
    if not wants_data_checks(gates):
        return gates
    found = _found(settings, _schemas(archive.pipeline_file, candidate.record, by.lane), by)
    return judge(replace(facts, found=found), settings, candidate.skip, by.now)


def _facts(candidate: Candidate, by: Promoter) -> GateFacts:
    """What this lane itself knows."""
    release = candidate.release
    is_coming, obstacle = (False, "") if release.was_ready else _prospect(candidate, by)
    return GateFacts(
        lane=by.lane,
        ready_at=release.ready_at,
        until=release.until,
        is_coming=is_coming,
        obstacle=obstacle,
        held=_held(candidate, by),
        is_canary=candidate.asked is not None and is_of_a_canary(candidate.asked),
    )


def _prospect(candidate: Candidate, by: Promoter) -> tuple[bool, str]:
    """Whether the commit may still become ready here, and what is in its way."""
    record, head_sha, lane = candidate.record, candidate.release.head_sha, by.lane
    if record is not None and record.head_sha == head_sha:
        if record.status in _COMES:
            return True, f"{lane} is deploying it"
        first = next(iter(record.message.splitlines()), "")
        return False, f"{lane} has not deployed it: {first or record.status}"
    branch = by.github.default_branch(candidate.release.repository)
    if branch is None or branch.head_sha != head_sha:
        return False, f"it was never ready in {lane}: only what stood there goes on"
    if record is not None and record.held is not None:
        return False, hold_in_words(record.held, lane)
    return True, f"{lane} has not taken it in yet"


def _held(candidate: Candidate, by: Promoter) -> str:
    """Who keeps it out: whoever holds the next lane, or holds this one at another commit."""
    hold = hold_of(one.hold_next for one in candidate.ledger)
    if hold is not None and (candidate.asked is None or keeps_out(hold, candidate.asked)):
        return hold_in_words(hold, candidate.target)
    record = candidate.record
    if record is not None and record.held is not None and record.head_sha != candidate.release.head_sha:
        return hold_in_words(record.held, by.lane)
    return ""


def _with_what_others_say(facts: GateFacts, release: Release, settings: Promotion, by: Promoter) -> GateFacts:
    checks = by.github.commit_checks(release.repository, release.head_sha) if settings.checks else {}
    succeeded = {}
    if settings.runs and release.ready_at is not None:
        succeeded = dict(by.airflow().succeeded(settings.runs, release.ready_at, release.until))
    return replace(facts, checks=checks, succeeded=succeeded)


def _found(settings: Promotion, schemas: Mapping[str, str], by: Promoter) -> dict[str, str | None]:
    warehouse = by.warehouse()
    return {name: _offence(sql, schemas, warehouse) for name, sql in settings.data_checks.items()}


def _offence(sql: str, schemas: Mapping[str, str], warehouse: Warehouse) -> str | None:
    try:
        return FOUND_ROWS if warehouse.has_rows(data_check(sql, schemas)) else None
    except UnsafeStatementError as error:
        return fault_in_words(error)
    except UpstreamError as error:
        if not is_for_good(error):
            raise
        return fault_in_words(error)


def _schemas(pipeline_file: PipelineFile, record: Environment | None, lane: str) -> dict[str, str]:
    """The full name of this lane's own schema for each that is declared."""
    if pipeline_file.data is None or record is None:
        return {}
    names, declared = pipeline_file.schema_names(lane, record.claimed_name), pipeline_file.data.schemas
    return {one: _full(declared[one].catalog, names[one]) for one in names}


def _full(catalog: str | None, schema: str) -> str:
    return f"{catalog}.{schema}" if catalog else schema
