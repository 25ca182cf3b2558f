"""``dagbranch plan`` and ``dagbranch detect``: what would run in the warehouse, and what the pipelines use there."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dagbranch.adapters.source_folders import read_source
from dagbranch.cli.arguments import Ended, add_source, checked_environment, command
from dagbranch.cli.sources import LOCAL
from dagbranch.domain.data_plan import DataPlan, plan_data_environment
from dagbranch.domain.declared_base import implied_base, parse_base
from dagbranch.domain.declared_uses import uses_in
from dagbranch.domain.detection import Detected, detect, pipeline_sources
from dagbranch.domain.naming import PREVIEW
from dagbranch.domain.pipeline_file import parse_pipeline_file, told_with_lines, with_lines
from dagbranch.domain.schema_pairs import schema_pairs
from dagbranch.domain.shown_columns import Knowledge
from dagbranch.domain.source_archive import PIPELINE_FILE
from dagbranch.domain.wanted_data import Judgement, wanted_data


def add_to(commands: Any) -> None:
    plan = command(commands, "plan", _plan, "print the DDL that would run, in order")
    add_source(plan)
    plan.add_argument("--environment", required=True, metavar="NAME")
    plan.add_argument(
        "--base",
        type=Path,
        metavar="FILE",
        help='JSON: {"schema": {"table": "table" or "view"}}, '
        'or in its place {"kind": "table", "columns": {"email": "string"}, "partition_columns": []}',
    )

    add_source(command(commands, "detect", _detect, "print which tables the pipelines read and which they write"))


def _plan(options: argparse.Namespace) -> Ended:
    environment = checked_environment(options.environment)
    files = read_source(options.source)
    with with_lines(files.get(PIPELINE_FILE)):
        plan = _data_plan(files, environment, options.base)
    statements, warnings = (plan.everything(), plan.warnings) if plan else ((), ())
    listed = [{"sql": one.sql, "writes": list(one.writes), "reads": list(one.reads)} for one in statements]
    told = [told_with_lines(one, files.get(PIPELINE_FILE)) for one in warnings]
    comments = [f"-- {line}" for one in told for line in one.splitlines()]
    return Ended(
        {"environment": environment, "statements": listed},
        "\n".join([*comments, *(f"{one.sql};" for one in statements)]),
    )


def _data_plan(files: Mapping[str, bytes], environment: str, base_file: Path | None) -> DataPlan | None:
    """What would run where nothing of the environment stands yet; None where no data is declared."""
    pipeline_file = parse_pipeline_file(files.get(PIPELINE_FILE))
    specification = pipeline_file.data_of(PREVIEW)
    if specification is None:
        return None
    suffix = pipeline_file.table_suffix(PREVIEW)
    pairs = schema_pairs(specification, environment, suffix)
    base = implied_base(specification, pairs) if base_file is None else parse_base(base_file.read_bytes())
    judgement = Judgement(uses=uses_in(files, pipeline_file))
    base.check_columns(wanted_data(specification, pairs, base.schemas, judgement)[0])
    return plan_data_environment(
        specification,
        environment=environment,
        repository=LOCAL,
        pull_number=0,
        table_suffix=suffix,
        found=base.schemas,
        judgement=judgement,
        knowledge=Knowledge(base.details),
    )


def _detect(options: argparse.Namespace) -> Ended:
    files = read_source(options.source)
    pipeline_file = parse_pipeline_file(files.get(PIPELINE_FILE))
    detected = detect(pipeline_sources(files, [pipeline_file.dags, *pipeline_file.artifacts.values()]))
    return Ended(asdict(detected), _as_table(detected))


def _as_table(detected: Detected) -> str:
    """One line for each place, under the table that is used there."""
    tables = {
        **{f"read     {table}": places for table, places in detected.read.items()},
        **{f"written  {table}": places for table, places in detected.written.items()},
        "unknown": detected.unknown,
    }
    found = {title: places for title, places in tables.items() if places}
    lines = [line for title, places in found.items() for line in (title, *(f"    {one}" for one in places))]
    return "\n".join(lines) or "no table is read or written"
