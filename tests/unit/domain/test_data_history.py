from __future__ import annotations

from dagbranch.domain import statements
from dagbranch.domain.data_history import Followed, broken_off, shortened
from dagbranch.domain.schema_marker import SchemaMarker
from dagbranch.domain.warehouse_state import FoundSchema
from dagbranch.errors import UpstreamError

BEFORE = {"s": FoundSchema(None, {"old": "view", "kept": "view", "turned": "view"})}
MARKER = SchemaMarker("feature1", "acme/pipelines", 1)


def test_what_was_followed_is_told_by_what_stood_before() -> None:
    followed = Followed.of(
        [
            statements.comment_on_schema("s", MARKER),
            statements.drop_view("s.old"),
            statements.drop_view("s.turned"),
            statements.create_view("s.new", "b.new"),
            statements.create_view("s.kept", "b.kept", replace=True),
            statements.create_table_like("s.turned", "b.turned", "none"),
            statements.grant("s", "analysts", ["SELECT"]),
        ],
        BEFORE,
    )

    assert followed == Followed(added=("s.new",), removed=("s.old",), changed=("s.kept", "s.turned"))
    assert str(followed) == "followed the base: + new, - old, 2 changed"


def test_where_only_access_differed_the_line_says_so() -> None:
    assert (
        str(Followed.of([statements.grant("s", "a", ["SELECT"])], BEFORE)) == "followed the base: comments and access"
    )


def test_of_many_changes_the_first_are_named() -> None:
    line = str(Followed(added=tuple(f"s.t{number}" for number in range(500)), removed=(), changed=()))

    assert line.endswith("+ t19, and 480 more")


def test_a_run_that_broke_off_tells_how_many_statements_ran_and_the_first_of_them() -> None:
    error = UpstreamError("[REFUSED] no")
    error.ran = tuple(statements.drop_view(f"s.v{number}") for number in range(30))

    told = broken_off(error)

    assert told.startswith("broken off: [REFUSED] no\n30 statements ran: DROP VIEW `s`.`v0`; DROP VIEW `s`.`v1`; ")
    assert told.endswith("; and 10 more")


def test_where_nothing_ran_that_is_said() -> None:
    assert broken_off(UpstreamError("down")) == "broken off: down\n0 statements ran"


def test_no_line_is_longer_than_a_person_reads() -> None:
    error = UpstreamError("x" * 10_000)
    error.ran = (statements.drop_view("s.v"),)

    assert len(broken_off(error)) == len(shortened("y" * 9_999)) == 2_000
