"""``dagbranch history``: who deployed, promoted, refused, rolled back, held or skipped what in a lane, and when."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from dagbranch.cli.arguments import Ended, command, repository_name
from dagbranch.domain.audit import AuditEntry
from dagbranch.domain.naming import RELEASE_LANES
from dagbranch.errors import ConfigurationError

if TYPE_CHECKING:
    from dagbranch.ports import Audit

_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days"}
_COLUMNS: Final = ("at (UTC)", "what", "repository", "commit", "digest", "by", "details")


def add_to(commands: Any) -> None:
    history = command(commands, "history", _history, "tell who promoted, rolled back, held or skipped what in a lane")
    history.add_argument("--lane", choices=RELEASE_LANES, required=True)
    history.add_argument("--table", metavar="NAME", required=True, help="the stack's output RegistryTableName")
    history.add_argument("--repository", type=repository_name, metavar="OWNER/NAME", help="of this one alone")
    history.add_argument("--since", type=_time, metavar="WHEN", default="30d", help="30d, 12h, or a date: 2026-11-21")
    history.add_argument("--region", metavar="NAME", help="without it, the region of the AWS profile")


def _history(options: argparse.Namespace) -> Ended:
    entries = told(_audit(options.table, options.region), options.lane, options.since, options.repository)
    result = {"lane": options.lane, "entries": [asdict(one) | {"at": one.at.isoformat()} for one in entries]}
    return Ended(result, as_table(entries))


def _audit(table: str, region: str | None) -> Audit:
    """With the credentials of whoever runs the command; loaded only here, because no other command needs AWS."""
    try:
        import boto3
    except ImportError as error:
        raise ConfigurationError("`dagbranch history` asks DynamoDB: install dagbranch[aws], or boto3") from error
    from dagbranch.adapters.aws_errors import translated
    from dagbranch.adapters.dynamodb_audit import DynamoDbAudit

    with translated("reaching DynamoDB"):
        return DynamoDbAudit(boto3.client("dynamodb", region_name=region), table)


def told(audit: Audit, lane: str, since: datetime, repository: str | None) -> list[AuditEntry]:
    """The newest first."""
    wanted = repository.lower() if repository else None
    return [one for one in audit.entries(lane, since) if wanted in {None, one.repository.lower()}]


def as_table(entries: Sequence[AuditEntry]) -> str:
    if not entries:
        return "nothing was done in that time"
    rows = [_COLUMNS, *map(_cells, entries)]
    widths = [max(len(row[index]) for row in rows) for index in range(len(_COLUMNS))]
    return "\n".join(_line(row, widths) for row in rows)


def _cells(entry: AuditEntry) -> tuple[str, ...]:
    at, digest = f"{entry.at.astimezone(UTC):%Y-%m-%d %H:%M:%S}", (entry.source_digest or "")[:12]
    told = (at, entry.deed, entry.repository, entry.head_sha[:7], digest, entry.by, entry.details)
    return tuple("".join(one if one.isprintable() else " " for one in text) for text in told)


def _line(row: Iterable[str], widths: Iterable[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _time(text: str) -> datetime:
    number, unit = text[:-1], text[-1:]
    if unit in _UNITS and number.isascii() and number.isdecimal() and len(number) <= 5:
        return datetime.now(UTC) - timedelta(**{_UNITS[unit]: int(number)})
    try:
        since = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no time: expected 30d, 12h or 2026-11-21") from error
    return since if since.tzinfo else since.replace(tzinfo=UTC)
