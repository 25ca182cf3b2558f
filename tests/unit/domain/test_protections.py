from __future__ import annotations

import pytest

from dagbranch.domain.data_guard import DataGuard
from dagbranch.domain.data_specification import WrittenTable
from dagbranch.domain.masks import Masks
from dagbranch.domain.protections import unmet_protections
from dagbranch.domain.schema_pairs import SchemaPair
from dagbranch.domain.shown_columns import Knowledge
from dagbranch.domain.wanted_data import Judgement, WantedSchema
from dagbranch.domain.warehouse_state import TableDetails

PAIR = SchemaPair("db", "db_test", "db_feature1")
COLUMNS = {"id": "int", "Email": "string"}
MASKED = TableDetails(COLUMNS, masked_columns=("Email",))
FILTERED = TableDetails(COLUMNS, has_row_filter=True)


def unmet(
    details: TableDetails, masks: Masks | None = None, guard: DataGuard | None = None, seed: str | None = "all"
) -> list[str]:
    wanted = WantedSchema(PAIR, (), {"t": WrittenTable(seed=seed)}, {"t": masks} if masks else {})
    return list(unmet_protections([wanted], Knowledge({"db_test.t": details}), Judgement(guard or DataGuard())))


def test_a_protected_table_is_not_copied_past_its_protection_and_the_way_out_is_told() -> None:
    key = "dagbranch.yaml: data.schemas.db.write.t.seed: db_test.t has"

    assert unmet(MASKED) == [
        (
            f"{key} a mask of its own on Email: give the column a mask of yours, "
            "or name the table under unprotected on the default branch"
        )
    ]
    assert unmet(FILTERED) == [
        f"{key} a row filter of its own: mask the table, or name it under unprotected, on the default branch"
    ]


@pytest.mark.parametrize("masks", [{"email": None}, {"email": "hash"}, {"*": None}])
def test_a_mask_of_ones_own_stands_for_a_column_mask(masks: Masks) -> None:
    assert unmet(MASKED, masks) == []


@pytest.mark.parametrize("masks", [{"id": None}, {"email": "keep"}, {"*": None, "email": "keep"}, {"*": "keep"}])
def test_a_mask_that_shows_the_column_does_not(masks: Masks) -> None:
    assert len(unmet(MASKED, masks)) == 1


def test_only_the_default_branchs_masks_stand_for_a_row_filter() -> None:
    """A pull request could else mask any column, and have all rows."""
    guard = DataGuard("_test", {"db": {"t": {"email": "hash"}}})
    only_keeps = DataGuard("_test", {"db": {"t": {"email": "keep"}}})

    assert len(unmet(FILTERED, {"email": "hash"})) == 1
    assert unmet(FILTERED, {"email": "hash"}, guard) == []
    assert len(unmet(FILTERED, {"email": "keep"}, only_keeps)) == 1


def test_the_default_branch_can_let_a_table_be_copied_as_it_is() -> None:
    guard = DataGuard("_test", {"db": {}}, unprotected={"db_test": ("t",)})

    assert unmet(MASKED, guard=guard) == []
    assert unmet(FILTERED, guard=guard) == []
    assert len(unmet(FILTERED, guard=DataGuard("_test", {}, unprotected={"db_live": ("*",)}))) == 1


def test_what_is_not_seeded_or_not_protected_is_no_matter() -> None:
    assert unmet(MASKED, seed=None) == []
    assert unmet(TableDetails(COLUMNS)) == []
