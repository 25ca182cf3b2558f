from __future__ import annotations

import datetime as dt

import pytest

from dagbranch.domain.masks import Masks, Projected
from dagbranch.domain.seeds import Seed, columns_in, is_outdated, is_pending, note_of, remaining, seed_of
from dagbranch.domain.warehouse_state import TableDetails

COLUMNS = (Projected("id", "int"), Projected("email", "string", "hash"), Projected("day", "date"))
DETAILS = TableDetails({"id": "int", "email": "string", "day": "date"}, ("day",))
HASHED: Masks = {"email": "hash"}
SEED = seed_of("f.t", "b.t", "all", COLUMNS, DETAILS, HASHED)
OPEN = seed_of("f.t", "b.t", "all", [Projected("id"), Projected("day")], DETAILS, {})


def test_a_table_goes_in_one_statement_with_the_note_that_it_is_done() -> None:
    insert, done = SEED.statements

    assert insert.sql == (
        "INSERT OVERWRITE TABLE `f`.`t` SELECT `id`, SHA2(`email`, 256) AS `email`, `day` FROM `b`.`t`"
    )
    assert done.sql == f"ALTER TABLE `f`.`t` SET TBLPROPERTIES ('dagbranch.seed'='{SEED.done_note}')"


def test_what_is_not_masked_is_copied_with_a_star() -> None:
    assert OPEN.statements[0].sql == "INSERT OVERWRITE TABLE `f`.`t` SELECT * FROM `b`.`t`"


def test_one_partition_is_filled_from_the_rows_that_the_condition_lets_in() -> None:
    seed = seed_of("f.t", "b.t", "id > 1", COLUMNS, DETAILS, HASHED)

    assert seed.partitions.sql == "SELECT DISTINCT `day` FROM `b`.`t` WHERE `id` > 1 ORDER BY `day`"
    assert seed.filled.sql == "SELECT DISTINCT `day` FROM `f`.`t` ORDER BY `day`"
    assert seed.fill((dt.date(2026, 1, 2),)).sql == (
        "INSERT OVERWRITE TABLE `f`.`t` PARTITION(`day` = '2026-01-02') "
        "SELECT `id`, SHA2(`email`, 256) AS `email` FROM `b`.`t` WHERE (`id` > 1) AND `day` = '2026-01-02'"
    )


def test_a_table_is_not_filled_by_partitions_that_are_masked_or_not_known() -> None:
    hidden = [Projected("id", "int"), Projected("day", "date", None)]

    assert seed_of("f.t", "b.t", "all", hidden, DETAILS, {"day": None}).partition_columns == ()
    assert seed_of("f.t", "b.t", "all", (), None, {}).partition_columns == ()
    assert SEED.partition_columns == ("day",)


DAYS = [(dt.date(2026, 1, 1) + dt.timedelta(days=day),) for day in range(32)]


def test_up_to_a_month_of_days_goes_at_once_and_more_goes_on_where_it_was_cut_off() -> None:
    assert remaining(DAYS[:31], []) is None
    assert remaining(DAYS, []) == DAYS
    assert remaining(DAYS, DAYS[:30]) == DAYS[30:]
    assert remaining(DAYS, DAYS) == []


def test_partitions_of_which_one_has_no_value_go_at_once() -> None:
    assert remaining([*DAYS, (None,)], []) is None


def test_a_note_is_what_a_table_carries() -> None:
    assert note_of(None) is None
    assert note_of(TableDetails()) is None
    assert note_of(TableDetails(properties={"dagbranch.seed": "none"})) == "none"
    assert [is_pending(note) for note in (None, "none", "done 1", SEED.pending_note)] == [False, False, False, True]


@pytest.mark.parametrize(
    "other",
    [
        seed_of("f.t", "live.t", "all", COLUMNS, DETAILS, HASHED),
        seed_of("f.t", "b.t", "id > 1", COLUMNS, DETAILS, HASHED),
        seed_of("f.t", "b.t", "all", COLUMNS[:2], DETAILS, HASHED),
        seed_of("f.t", "b.t", "all", [*COLUMNS[:2], Projected("day", "date", None)], DETAILS, HASHED),
        None,
    ],
    ids=["source", "condition", "columns", "masks", "none"],
)
def test_a_table_that_is_half_filled_is_not_gone_on_with_otherwise(other: Seed | None) -> None:
    assert not is_outdated(SEED.pending_note, SEED, HASHED)
    assert is_outdated(SEED.pending_note, other, HASHED)


@pytest.mark.parametrize(
    ("note", "masks", "outdated"),
    [
        (SEED.done_note, HASHED, False),
        (SEED.done_note, {"EMAIL": "hash", "id": "keep"}, False),
        (SEED.done_note, {"email": None}, True),
        (SEED.done_note, {"email": "hash", "id": "hash"}, True),
        (SEED.done_note, {}, False),
        (OPEN.done_note, {}, False),
        (OPEN.done_note, HASHED, True),
        ("none", HASHED, False),
        (None, HASHED, False),
    ],
)
def test_a_table_that_was_seeded_is_made_anew_only_where_it_would_show_what_is_hidden_now(
    note: str | None, masks: Masks, *, outdated: bool
) -> None:
    assert is_outdated(note, SEED, masks) is outdated
    assert is_outdated(note, None, masks) is outdated


def test_a_condition_names_its_columns() -> None:
    assert columns_in("all") == frozenset()
    assert columns_in("Day > current_date() - 7 AND (email = 'x' OR `odd name` IS NULL)") == {
        "day",
        "email",
        "odd name",
    }
