from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dagbranch.adapters.dynamodb_items import item_of
from dagbranch.domain.airflow_listing import ListedDag
from dagbranch.domain.airflow_pages import AirflowPages
from dagbranch.domain.environments import Changes
from dagbranch.domain.facts import with_base_changes, with_listed, with_schemas
from dagbranch.domain.overview import BaseChanges, Overview, SchemaOverview
from dagbranch.domain.packaging import Manifest
from tests.fakes.examples import NOW, an_environment

MANIFEST = Manifest("0.1.0", "digest", {"dag__a.py": "qu/a.py", "dag__b.py": "qu/b.py"}, "dags/")
PAGES = AirflowPages("https://airflow.example.com", "3.0.6")


def listed(dag_id: str, stub: str) -> ListedDag:
    return ListedDag(dag_id, f"/dags/feature1.zip/{stub}", frozenset(), is_active=True, parsed_at=NOW)


def size_of(item: Mapping[str, Any]) -> int:
    """As DynamoDB counts: names and values, and some bytes for each of a list or a map."""
    total = 0
    for name, value in item.items():
        ((kind, content),) = value.items()
        total += len(name.encode())
        match kind:
            case "M":
                total += 3 + len(content) + size_of(content)
            case "L":
                total += 3 + sum(1 + size_of({"": one}) for one in content)
            case "S" | "N":
                total += len(content.encode())
            case _:
                total += 1
    return total


def test_each_listed_dag_is_noted_with_the_module_that_its_author_knows() -> None:
    dags = [listed("qu.one", "dag__a.py"), listed("qu.two", "dag__a.py"), listed("qu.strange", "elsewhere.py")]

    noted = with_listed(an_environment(), dags, MANIFEST, PAGES)

    assert noted.overview.modules == {"qu.one": "dags/qu/a.py", "qu.two": "dags/qu/a.py"}
    assert noted.pages == PAGES


def test_pages_that_nobody_tells_now_are_those_of_the_last_time() -> None:
    noted = with_listed(an_environment(pages=PAGES), [], MANIFEST, None)

    assert noted.pages == PAGES


def test_each_fact_leaves_the_others_as_they_are() -> None:
    changes, schema = BaseChanges(added=("dags/a.py",)), SchemaOverview("a_feature1", "a_test", 2, ("t",))
    environment = with_schemas(with_base_changes(an_environment(), changes), [schema])

    noted = with_listed(environment, [listed("qu.one", "dag__a.py")], MANIFEST, PAGES)

    assert noted.overview == Overview(changes, (schema,), {"qu.one": "dags/qu/a.py"})


def test_seeded_tables_that_are_not_kept_are_not_told_either() -> None:
    tables = tuple(f"t{number:03}" for number in range(300))
    schema = SchemaOverview("a_feature1", "a_test", 0, tables, seeded=("t000", "t299"))

    (noted,) = with_schemas(an_environment(), [schema]).overview.schemas

    assert noted.tables == tables[:200]
    assert noted.seeded == ("t000",)


def test_more_changes_than_a_record_holds_are_unknown() -> None:
    many = BaseChanges(changed=tuple(f"dags/{'x' * 90}{number}.py" for number in range(1_000)))

    assert with_base_changes(an_environment(), many).overview.changes is None
    assert with_base_changes(an_environment(), None).overview.changes is None


@given(st.integers(0, 1_000), st.integers(1, 250), st.integers(0, 80))
def test_whatever_is_learned_fits_into_an_item(dags: int, length: int, schemas: int) -> None:
    rows = [listed(f"{number:04}{'x' * length}"[:250], "dag__a.py") for number in range(dags)]
    tables = tuple(f"{number:03}{'t' * length}" for number in range(250))
    overviews = [SchemaOverview(f"s{one}", "base", 3, tables, seeded=tables, masked=tables) for one in range(schemas)]
    changes = BaseChanges(added=tuple(f"dags/{'x' * length}{number}.py" for number in range(dags)))

    paths = Changes("d" * 64, tuple("p" * 50 for _ in range(1_000)))
    environment = an_environment(dag_ids=tuple(row.dag_id for row in rows), changed_paths=paths)
    noted = with_base_changes(with_schemas(with_listed(environment, rows, MANIFEST, PAGES), overviews), changes)
    assert size_of(item_of(noted)) < 370_000
