"""Which module exports a DAG that several hold."""

from __future__ import annotations

from dataclasses import dataclass

from dagbranch.runtime.ownership import Found, share_out


@dataclass(eq=False)
class Dag:
    dag_id: str


def test_a_dag_imported_from_another_module_stays_with_the_one_that_made_it() -> None:
    dag, own = Dag("qu.a"), Dag("qu.b")
    found = Found(globals={"a.py": [dag], "b.py": [dag, own]}, registered={"b.py": [own]})

    exported, duplicates = share_out(found, {id(dag): "a.py", id(own): "b.py"})

    assert exported == {"a.py": [dag], "b.py": [own]}
    assert duplicates == {}


def test_a_dag_registered_while_its_importer_loaded_goes_to_its_maker() -> None:
    dag = Dag("qu.z")
    found = Found(globals={"a.py": [], "z.py": []}, registered={"a.py": [dag], "z.py": []})

    exported, _ = share_out(found, {id(dag): "z.py"})

    assert exported == {"a.py": [], "z.py": [dag]}


def test_a_dag_of_a_module_that_failed_stays_with_who_holds_it() -> None:
    dag = Dag("qu.a")
    found = Found(globals={"b.py": [dag]}, registered={"a.py": [], "b.py": []}, errors={"a.py": ImportError()})

    exported, _ = share_out(found, {id(dag): "a.py"})

    assert exported == {"b.py": [dag]}


def test_an_id_that_two_modules_give_is_an_error_of_the_second() -> None:
    first, second = Dag("qu.x"), Dag("qu.x")
    found = Found(globals={"b.py": [second], "a.py": [first]})

    exported, duplicates = share_out(found, {id(first): "a.py", id(second): "b.py"})

    assert exported == {"a.py": [first]}
    assert "'qu.x' is given in a.py and in b.py" in str(duplicates["b.py"])


def test_an_id_that_one_module_gives_twice_is_an_error() -> None:
    first, second = Dag("qu.x"), Dag("qu.x")

    exported, duplicates = share_out(Found(globals={"a.py": [first, second]}), {id(first): "a.py", id(second): "a.py"})

    assert exported == {}
    assert "a.py twice" in str(duplicates["a.py"])


def test_a_part_of_a_dag_that_code_keeps_beside_it_is_no_duplicate() -> None:
    dag, part = Dag("qu.x"), Dag("qu.x")

    exported, duplicates = share_out(Found(globals={"a.py": [dag, part]}), {id(dag): "a.py"})

    assert exported == {"a.py": [dag, part]}
    assert duplicates == {}
