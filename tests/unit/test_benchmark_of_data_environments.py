"""What the benchmark counts, without a warehouse."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.data_environments import Comparison, Contender, rounds
from benchmarks.parts.provisioning import Phases, scripts


def names() -> Iterator[str]:
    return (f"feature{number}" for number in range(100))


def contender(name: str, turns: list[tuple[str, str]]) -> Contender:
    """One whose time is the number of its turn, of all turns."""

    def take(environment: str) -> float:
        turns.append((name, environment))
        return float(len(turns))

    return take


def comparison(seconds: dict[str, list[float]]) -> Comparison:
    return Comparison(200, 0, seconds, Phases(0, 0, 0, 0), 0)


def test_a_script_holds_a_hundred_statements_and_the_first_one_the_schema_too() -> None:
    found = scripts(["CREATE SCHEMA s", *(f"CREATE VIEW s.v{number}" for number in range(200))])

    assert [text.count("CREATE VIEW") for text in found] == [100, 100]
    assert ["CREATE SCHEMA" in text for text in found] == [True, False]
    assert all(text.startswith("BEGIN\n") and text.endswith(";\nEND") for text in found)


def test_each_round_begins_with_another_contender_and_every_environment_has_a_new_name() -> None:
    turns: list[tuple[str, str]] = []

    rounds({name: contender(name, turns) for name in "abc"}, 2, (), names())

    assert [name for name, _ in turns] == list("abcbcacab")
    assert len({environment for _, environment in turns}) == len(turns)


def test_the_first_round_is_not_counted() -> None:
    turns: list[tuple[str, str]] = []

    seconds = rounds({name: contender(name, turns) for name in "ab"}, 2, (), names())

    assert seconds == {"a": [4, 5], "b": [3, 6]}


def test_what_has_one_turn_only_is_counted_in_it() -> None:
    turns: list[tuple[str, str]] = []

    seconds = rounds({name: contender(name, turns) for name in "ab"}, 2, {"a"}, names())

    assert seconds == {"a": [1], "b": [3, 4]}


def test_a_ratio_is_that_of_medians_and_none_where_a_contender_took_no_part() -> None:
    found = comparison({"dagbranch": [1.0, 2.0, 9.0], "scripts": [1.0, 4.0, 5.0]})

    assert found.ratios["dagbranch / scripts"] == 0.5
    assert found.ratios["SQLMesh / dagbranch"] is None
