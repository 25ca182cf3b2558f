from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dagbranch.domain.data_specification import WrittenTable
from dagbranch.domain.masks import Masks
from dagbranch.domain.schema_marker import SchemaMarker
from dagbranch.domain.schema_pairs import SchemaPair
from dagbranch.domain.schema_plan import SchemaPlan, plan_schema
from dagbranch.domain.seeds import Seed
from dagbranch.domain.shown_columns import Knowledge
from dagbranch.domain.statements import Statement
from dagbranch.domain.wanted_data import WantedSchema
from dagbranch.domain.warehouse_state import FoundSchema, Kind, TableDetails

PAIR = SchemaPair("db", "db_test", "db_feature1")
OWNER = SchemaMarker("feature1", "acme/pipelines", 1)
COLUMNS = TableDetails({"id": "int", "email": "string"})
BEFORE = {"db_test.t": frozenset({"id", "email"})}


def planned(
    *,
    views: tuple[str, ...] = (),
    tables: Mapping[str, WrittenTable] | None = None,
    masks: Masks | None = None,
    found: FoundSchema | None = None,
    details: Mapping[str, TableDetails] | None = None,
    seen: Mapping[str, frozenset[str]] | None = None,
    **how: Any,
) -> SchemaPlan:
    wanted = WantedSchema(PAIR, views, tables or {}, {"t": masks} if masks else {}, {"t": set(masks or ())}, **how)
    knowledge = Knowledge({"db_test.t": COLUMNS} | dict(details or {}), seen or {})
    return plan_schema(wanted, OWNER, found, knowledge, clones=True, reset=False)


def marker_of(statement: Statement) -> SchemaMarker:
    found = SchemaMarker.parse(statement.sql.split("'", 1)[1].rstrip("'"))
    assert found is not None
    return found


def stands(plan: SchemaPlan, **tables: Kind) -> FoundSchema:
    """The schema as the plan's statements leave it."""
    last = [*plan.schemas, *plan.comments][-1]
    return FoundSchema(str(marker_of(last)), tables)


def sql(*statements: Statement) -> str:
    return "\n".join(statement.sql for statement in statements)


def test_a_masked_view_stands_until_its_masks_or_its_columns_change() -> None:
    hashed = planned(views=("t",), masks={"email": "hash"})
    there = stands(hashed, t="view")

    assert planned(views=("t",), masks={"email": "hash"}, found=there).views == ()
    assert "IF(FALSE" in sql(*planned(views=("t",), masks={"email": None}, found=there).views)
    wider = {"db_test.t": TableDetails({"id": "bigint", "email": "string"})}
    assert len(planned(views=("t",), masks={"email": "hash"}, found=there, details=wider).views) == 1


def test_a_view_that_is_no_longer_masked_shows_all_and_follows() -> None:
    there = stands(planned(views=("t",), masks={"email": "hash"}), t="view")

    plan = planned(views=("t",), found=there)

    assert "CREATE OR REPLACE VIEW `db_feature1`.`t` WITH SCHEMA EVOLUTION" in sql(*plan.views)
    assert marker_of(plan.schemas[0]).columns == {"t": "?"}
    assert marker_of(plan.comments[0]).columns == {}


def test_what_broke_off_between_two_masks_is_made_again_even_back_to_the_first() -> None:
    """Without the note before, the marker would still tell of the first, and the view show the second."""
    first = stands(planned(views=("t",), masks={"email": "hash"}), t="view")
    (unsure,) = planned(views=("t",), masks={"email": "keep"}, found=first).schemas
    broken = FoundSchema(str(marker_of(unsure)), {"t": "view"})

    plan = planned(views=("t",), masks={"email": "hash"}, found=broken)

    assert "SHA2(`email`, 256)" in sql(*plan.views)
    assert plan.schemas == ()
    assert marker_of(plan.comments[0]) == marker_of(planned(views=("t",), masks={"email": "hash"}).schemas[0])


def test_a_new_column_of_a_masked_table_is_held_back_and_told() -> None:
    wider = {"db_test.t": TableDetails({"id": "int", "email": "string", "phone": "string"})}

    plan = planned(
        views=("t",), tables={"t": WrittenTable(seed="all")}, masks={"email": "hash"}, details=wider, seen=BEFORE
    )

    assert "phone" not in sql(*plan.views)
    assert "IF(FALSE, `phone`, NULL) AS `phone`" in sql(*plan.seeds[0].statements)
    (warning,) = plan.warnings
    assert warning.startswith(
        "db_test.t has new columns, held back because the table has masks: phone: name each under "
    )
    assert "data.schemas.db.mask.t (keep shows it), on the default branch" in warning


def test_a_new_column_is_shown_when_a_file_that_counts_names_it() -> None:
    wider = {"db_test.t": TableDetails({"id": "int", "email": "string", "phone": "string"})}
    masks: Masks = {"email": "hash", "phone": "keep"}

    own = planned(views=("t",), masks=masks, details=wider, seen=BEFORE)
    held = planned(views=("t",), masks=masks, details=wider, seen=BEFORE, decided={"t": {"email"}})

    assert "`phone`" in sql(*own.views)
    assert "`phone`" not in sql(*held.views)


def test_a_table_of_which_nothing_may_be_seen_has_no_view() -> None:
    other = {"db_test.t": TableDetails({"new": "string"})}

    plan = planned(views=("t",), masks={"email": "hash"}, details=other, seen=BEFORE)

    assert plan.views == ()
    assert plan.drift == (
        "dagbranch.yaml: data.schemas.db.mask.t.email: db_test.t: there is no column email: expected one of new",
    )


def test_a_mask_of_the_default_branch_alone_that_does_not_fit_is_told_and_hides_all() -> None:
    wanted = WantedSchema(PAIR, ("t",), {}, {"t": {"id": "redacted", "gone": "hash"}}, own_masks={})

    plan = plan_schema(wanted, OWNER, None, Knowledge({"db_test.t": COLUMNS}), clones=True, reset=False)

    assert plan.drift == ()
    assert len(plan.warnings) == 2
    assert "IF(FALSE, `id`, NULL) AS `id`" in sql(*plan.views)


def test_a_view_that_cannot_follow_is_made_anew_when_its_table_has_other_columns() -> None:
    there = stands(planned(views=("t",)), t="view")

    def made(columns: dict[str, str], *, follows: bool) -> tuple[Statement, ...]:
        details = {"db_feature1.t": TableDetails(columns, follows=follows)}
        return planned(views=("t",), found=there, details=details).views

    assert made({"id": "int", "email": "string"}, follows=False) == ()
    assert made({"id": "int"}, follows=True) == ()
    assert len(made({"id": "int"}, follows=False)) == 1


def seeded(note: str) -> dict[str, TableDetails]:
    return {"db_feature1.t": TableDetails(properties={"dagbranch.seed": note})}


def seed_of(masks: Masks) -> Seed:
    (seed,) = planned(tables={"t": WrittenTable(seed="id > 0")}, masks=masks).seeds
    return seed


def test_an_output_is_made_anew_when_something_of_its_seed_is_to_be_hidden_now() -> None:
    tables = {"t": WrittenTable(seed="id > 0")}
    there = stands(planned(tables=tables), t="table")

    plan = planned(tables=tables, masks={"email": "hash"}, found=there, details=seeded(seed_of({}).done_note))

    assert sql(*plan.drops) == "DROP TABLE `db_feature1`.`t`"
    assert plan.seeds == (seed_of({"email": "hash"}),)
    assert plan.warnings == ("db_feature1.t is made anew: its seed was not done yet, or its masks are others now",)


def test_an_output_keeps_its_rows_when_less_is_to_be_hidden() -> None:
    tables = {"t": WrittenTable(seed="id > 0")}
    there = stands(planned(tables=tables), t="table")

    plan = planned(tables=tables, found=there, details=seeded(seed_of({"email": "hash"}).done_note))

    assert (plan.drops, plan.tables, plan.seeds) == ((), (), ())


def test_a_protected_table_is_not_cloned() -> None:
    protected = {"db_test.t": TableDetails({"id": "int"}, has_row_filter=True)}

    plan = planned(tables={"t": WrittenTable(seed="all")}, details=protected)

    assert " LIKE " in sql(*plan.tables)
    assert not plan.seeds[0].is_cloned
