"""Which statements share a script, and what is known of a warehouse's forms."""

from __future__ import annotations

import pytest

from dagbranch.adapters.databricks_scripts import (
    MOST_IN_A_SCRIPT,
    Job,
    KnownForms,
    is_light,
    jobs_of,
    kind_of,
    known_forms,
    script_of,
)
from dagbranch.domain import statements as sql
from dagbranch.domain.schema_marker import SchemaMarker
from dagbranch.domain.statements import Statement

MARKER = SchemaMarker("feature1", "acme/pipelines", 1)
LIKE = sql.create_table_like("db_f.t", "db_test.t", "SHALLOW CLONE AS SELECT")


def view(number: int) -> Statement:
    return sql.create_view(f"db_f.v_{number}", f"db_test.v_{number}")


def clone() -> Statement:
    return sql.shallow_clone("db_f.t", "db_test.t", "done", lambda: LIKE)


@pytest.mark.parametrize(
    ("statement", "kind", "light"),
    [
        (view(1), "CREATE VIEW WITH SCHEMA EVOLUTION", True),
        (sql.create_view("db_f.v", "db_test.v", follows=False, replace=True), "CREATE OR REPLACE VIEW", True),
        (sql.drop_view("db_f.v"), "DROP VIEW", True),
        (sql.drop_table("db_f.t"), "DROP TABLE", True),
        (LIKE, "CREATE TABLE", True),
        (sql.set_seed_note("db_f.t", "done"), "ALTER TABLE", True),
        (sql.grant("db_f", "readers", ["USE SCHEMA", "SELECT"]), "GRANT USE SCHEMA, SELECT", True),
        (sql.revoke("db_f", "readers", ["SELECT"]), "REVOKE SELECT ON SCHEMA", True),
        (clone(), "CREATE TABLE SHALLOW CLONE", False),
        (sql.insert_overwrite("db_f.t", "db_test.t", None), "INSERT OVERWRITE TABLE", False),
        (sql.create_schema("db_f", MARKER), "CREATE SCHEMA", False),
        (sql.comment_on_schema("db_f", MARKER), "COMMENT ON SCHEMA", False),
        (sql.drop_schema("db_f"), "DROP SCHEMA", False),
        (Statement("CREATE TABLE `t` AS SELECT 1", ("t",)), "CREATE TABLE", False),
        (Statement("CREATE TABLE `t` USING delta AS SELECT 1", ("t",)), "CREATE TABLE", False),
    ],
)
def test_a_statement_is_told_by_its_first_words(statement: Statement, kind: str, *, light: bool) -> None:
    assert (kind_of(statement), is_light(statement)) == (kind, light)


@pytest.mark.parametrize(
    ("count", "sessions", "sizes"),
    [
        (1, 8, [1]),
        (25, 8, [25]),
        (26, 8, [13, 13]),
        (120, 8, [24] * 5),
        (200, 8, [25] * 8),
        (900, 8, [38] * 23 + [26]),
        (150, 1, [50] * 3),
    ],
)
def test_light_statements_are_spread_evenly_over_the_sessions(count: int, sessions: int, sizes: list[int]) -> None:
    jobs = jobs_of([view(number) for number in range(count)], KnownForms(), sessions)

    assert [len(job.statements) for job in jobs] == sizes
    assert max(sizes) <= MOST_IN_A_SCRIPT


def test_every_statement_is_in_one_job_and_the_heavy_ones_alone_and_first() -> None:
    heavy = [clone(), sql.insert_overwrite("db_f.t", "db_test.t", None)]
    light = [view(number) for number in range(3)]

    assert jobs_of([light[0], heavy[0], light[1], heavy[1], light[2]], KnownForms(), 8) == [
        Job((heavy[0],)),
        Job((heavy[1],)),
        Job(tuple(light)),
    ]


def test_without_scripts_each_statement_is_a_job() -> None:
    statements = [view(number) for number in range(3)]

    assert jobs_of(statements, KnownForms(scripts=False), 8) == [Job((each,)) for each in statements]


def test_nothing_is_no_job() -> None:
    assert jobs_of([], KnownForms(), 8) == []


def test_a_form_that_is_not_known_runs_as_the_other() -> None:
    forms = KnownForms(unknown={"CREATE TABLE SHALLOW CLONE"})

    assert forms.as_run(clone()) == (LIKE,)
    assert forms.as_run(view(1)) == (view(1),)


def test_what_may_not_be_known_is_doubtful_until_it_was_seen() -> None:
    plain = sql.create_view("db_f.v", "db_test.v", follows=False)

    assert KnownForms().first_doubtful([plain, view(1)]) == view(1)
    assert KnownForms(proven={kind_of(view(1))}).first_doubtful([plain, view(1)]) is None


def test_what_is_seen_of_a_warehouse_is_kept_for_the_process() -> None:
    assert known_forms("a.example", "/one") is known_forms("a.example", "/one")
    assert known_forms("a.example", "/one") is not known_forms("a.example", "/two")


def test_a_script_holds_each_statement_once() -> None:
    statements = [sql.drop_view("a.x"), sql.drop_table("a.y")]

    assert script_of(statements) == "BEGIN\nDROP VIEW `a`.`x`;\nDROP TABLE `a`.`y`;\nEND"
