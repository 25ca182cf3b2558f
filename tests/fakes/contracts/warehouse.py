"""What every warehouse promises: the fake in memory and Databricks' connector on Spark alike."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dagbranch.domain import statements
from dagbranch.domain.data_checks import data_check
from dagbranch.domain.fence import Fence
from dagbranch.domain.masks import Projected
from dagbranch.domain.predicates import parse_predicate
from dagbranch.domain.questions import distinct_partitions
from dagbranch.domain.schema_marker import SchemaMarker
from dagbranch.domain.statements import SEED_PROPERTY, Statement
from dagbranch.errors import TransientUpstreamError, UnsafeStatementError, UpstreamError
from dagbranch.ports import Warehouse

MARKER = SchemaMarker("feature1", "acme/pipelines", 1)
COLUMNS = {"id": "int", "email": "string", "date": "string"}
DAYS = ("2026-01-01", "2026-01-31", "2026-02-01")


class Made:
    """An environment's schema beside the base; ``base`` has ``m_events``, a row for each of ``DAYS``, and ``v_events``.

    ``m_events`` is partitioned by date.
    """

    def __init__(self, warehouse: Warehouse, base: str, own: str) -> None:
        self.warehouse, self.base, self.own = warehouse, base, own
        self.source, self.view, self.table = f"{base}.m_events", f"{own}.m_events", f"{own}.m_roi"

    @property
    def fence(self) -> Fence:
        return Fence(MARKER, frozenset({self.own}), frozenset({self.base}))

    @property
    def create(self) -> Statement:
        return statements.create_schema(self.own, MARKER)

    @property
    def like(self) -> Statement:
        return statements.create_table_like(self.table, self.source, "pending 1")

    def run(self, *phases: list[Statement]) -> None:
        self.warehouse.run(phases, self.fence)

    def values(self, table: str, *columns: str) -> list[tuple[object, ...]]:
        return self.warehouse.partitions(distinct_partitions(table, columns, None))


class WarehouseContract:
    def test_schemas_tell_their_comment_and_what_is_in_them(self, made: Made) -> None:
        made.run([made.create], [statements.create_view(made.view, made.source), made.like])

        found = made.warehouse.schemas([made.base, made.own, f"{made.own}_absent"])

        assert found.keys() == {made.base, made.own}
        assert found[made.base].tables == {"m_events": "table", "v_events": "view"}
        assert SchemaMarker.parse(found[made.base].comment) is None
        assert found[made.own].tables == {"m_events": "view", "m_roi": "table"}
        assert SchemaMarker.parse(found[made.own].comment) == MARKER

    def test_schemas_with_a_marker_are_found_whosever_they_are(self, made: Made) -> None:
        theirs, lane = f"{made.own}_theirs", f"{made.own}_lane"
        others = {theirs: replace(MARKER, pull_number=2, columns={"m": "1"}), lane: replace(MARKER, lane="stage")}
        made.run([made.create])
        for name, marker in others.items():
            made.warehouse.run(
                [[statements.create_schema(name, marker)]], Fence(marker, frozenset({name}), frozenset())
            )

        found = made.warehouse.marked_schemas([None])

        assert {name: found.get(name) for name in (made.own, *others)} == {made.own: MARKER, **others}
        assert made.base not in found
        for name, marker in others.items():
            made.warehouse.run([[statements.drop_schema(name)]], Fence(marker, frozenset({name}), frozenset()))

    def test_details_tell_columns_partitions_notes_and_what_follows(self, made: Made) -> None:
        masked = statements.create_masked_view(
            f"{made.own}.masked", made.source, [Projected("id"), Projected("email", "string", None)]
        )
        made.run([made.create], [statements.create_view(made.view, made.source), made.like, masked])

        names = [made.source, made.table, made.view, f"{made.own}.masked", f"{made.own}.absent"]
        found = made.warehouse.details(names)

        assert found.keys() == set(names[:-1])
        assert (found[made.source].columns, found[made.source].partition_columns) == (COLUMNS, ("date",))
        assert (found[made.table].columns, found[made.table].partition_columns) == (COLUMNS, ("date",))
        assert found[made.table].properties[SEED_PROPERTY] == "pending 1"
        assert (found[made.view].columns, found[made.view].follows) == (COLUMNS, True)
        assert found[f"{made.own}.masked"].columns == {"id": "int", "email": "string"}
        assert not found[f"{made.own}.masked"].follows
        assert found[made.view].properties[statements.VIEW_PROPERTY] == statements.VIEW_NOTE

    def test_masked_columns_are_shown_as_their_masks(self, made: Made) -> None:
        shown = [Projected("id"), Projected("email", "string", None), Projected("date", "string", "never")]
        made.run([made.create], [statements.create_masked_view(made.view, made.source, shown)])

        rows = made.values(made.view, "id", "email", "date")
        assert rows == [(1, None, "never"), (2, None, "never"), (3, None, "never")]

    def test_a_seed_is_the_rows_of_its_condition_and_the_same_when_it_runs_again(self, made: Made) -> None:
        january = parse_predicate("date BETWEEN '2026-01-01' AND '2026-01-31'")
        seed = statements.insert_overwrite(made.table, made.source, january)
        made.run([made.create], [made.like], [seed], [statements.set_seed_note(made.table, "done 1")])

        made.run([seed])

        assert made.values(made.table, "id", "date") == [(1, "2026-01-01"), (2, "2026-01-31")]
        assert made.warehouse.details([made.table])[made.table].properties[SEED_PROPERTY] == "done 1"

    def test_one_partition_is_overwritten_and_no_other(self, made: Made) -> None:
        others = [Projected("id"), Projected("email")]
        fill = [
            statements.insert_overwrite(made.table, made.source, None, columns=others, partition={"date": day})
            for day in DAYS[:2]
        ]
        made.run([made.create], [made.like], *([one] for one in fill))

        made.run(fill[1:])

        assert made.values(made.table, "date") == [("2026-01-01",), ("2026-01-31",)]
        assert made.values(made.table, "id", "email") == [(1, "1@acme.org"), (2, "2@acme.org")]

    def test_a_table_that_is_cloned_or_made_like_its_source_carries_the_note_of_what_was_done(self, made: Made) -> None:
        clone = statements.shallow_clone(made.table, made.source, "done 1", lambda: made.like)

        made.run([made.create], [clone])

        note = made.warehouse.details([made.table])[made.table].properties[SEED_PROPERTY]
        days = made.values(made.table, "date")
        assert (note, days) in [("done 1", [(day,) for day in DAYS]), ("pending 1", [])]

    def test_a_statement_that_fails_keeps_no_other_of_its_phase_and_every_later_phase(self, made: Made) -> None:
        broken = statements.create_view(f"{made.own}.broken", f"{made.base}.absent")
        good = statements.create_view(made.view, made.source)

        with pytest.raises(UpstreamError, match=r"(?s)absent") as error:
            made.run([made.create], [broken, good], [made.like])

        assert set(error.value.ran) == {made.create, good}
        assert made.warehouse.schemas([made.own])[made.own].tables == {"m_events": "view"}

    def test_what_somebody_else_made_meanwhile_passes(self, made: Made) -> None:
        made.run([made.create])

        with pytest.raises(TransientUpstreamError) as error:
            made.run([made.create])
        assert error.value.ran == ()

    def test_nothing_runs_where_one_statement_does_not_pass_the_fence(self, made: Made) -> None:
        with pytest.raises(UnsafeStatementError):
            made.run([made.create], [statements.drop_table(made.source)])

        assert made.warehouse.schemas([made.own]) == {}

    def test_a_view_never_replaces_a_table_and_what_is_dropped_is_gone(self, made: Made) -> None:
        made.run([made.create], [made.like], [statements.create_view(made.view, made.source)])
        with pytest.raises(UpstreamError):
            made.run([statements.create_view(made.table, made.source, replace=True)])

        made.run([statements.drop_table(made.table), statements.drop_view(made.view)])

        assert made.warehouse.schemas([made.own])[made.own].tables == {}
        made.run([statements.drop_schema(made.own)])
        assert made.warehouse.schemas([made.own]) == {}

    @pytest.mark.parametrize(
        ("check", "expected"),
        [
            ("SELECT * FROM db.m_events WHERE date < '2026-01-01'", False),
            ("SELECT id, date FROM db.m_events WHERE date > '2026-01-31';", True),
            ("SELECT count(*) AS n FROM db.m_events HAVING count(*) < 3", False),
            ("SELECT count(*) AS n FROM db.m_events HAVING count(*) >= 3", True),
            (
                "WITH d AS (SELECT date, count(*) AS n FROM db.m_events GROUP BY date) SELECT * FROM d WHERE n > 1",
                False,
            ),
            ("SELECT e.id FROM db.m_events AS e LEFT JOIN db.m_events AS o ON o.id = e.id + 2 WHERE o.id = 3", True),
            ("SELECT id FROM db.m_events EXCEPT SELECT id FROM db.m_events", False),
            ("SELECT id FROM db.m_events WHERE id > 2 UNION ALL SELECT id FROM db.m_events WHERE id > 2", True),
        ],
    )
    def test_a_data_check_is_answered_by_whether_it_has_rows(self, made: Made, check: str, *, expected: bool) -> None:
        assert made.warehouse.has_rows(data_check(check, {"db": made.base})) == expected

    def test_a_data_check_on_what_is_not_there_is_no_passed_one(self, made: Made) -> None:
        with pytest.raises(UpstreamError, match="absent") as error:
            made.warehouse.has_rows(data_check("SELECT * FROM db.absent", {"db": made.base}))
        assert not isinstance(error.value, TransientUpstreamError)
