"""Environments and the server's own DAGs in one process of each Airflow line, and what a task's process imports."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from local.toolchain import ROOT, python_of
from tests.integration.airflow_server import Server, files_below, write

DATA = ROOT / "tests" / "data" / "runtime" / "neighbours"
METADATA = "Metadata-Version: 2.1\nName: {}\nVersion: {}\n"
SHORT_TIMEOUT = {f"AIRFLOW__{section}__DAG_FILE_PROCESSOR_TIMEOUT": "0.001" for section in ("CORE", "DAG_PROCESSOR")}
IMPORT_EVERY = ["first", "fourth", "second", "third"]


@dataclass(frozen=True)
class Seen:
    """The answers of each process, by its name."""

    server: Server
    answers: Mapping[str, list[Any]]

    def __getitem__(self, process: str) -> list[Any]:
        return self.answers[process]


@pytest.fixture(scope="module", params=["airflow-2", "airflow-3"])
def seen(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    server = Server(python_of(request.param), tmp_path_factory.mktemp("server"), DATA / "run.py")
    (server.home / "tmp").mkdir()
    shutil.copytree(DATA / "server", server.dags)
    _install(server)
    _deploy(server)
    return Seen(server, server.answers(_processes(server)))


def _install(server: Server) -> None:
    """What is installed on the server: an old version, a package that uses it, and a part of a namespace package."""
    site = server.home / "airflow" / "site"
    write(site / "shared" / "__init__.py", b"VERSION = 1\n")
    write(site / "shared" / "note.txt", b"a note of 1\n")
    write(site / "shared-1.dist-info" / "METADATA", METADATA.format("shared", 1).encode())
    write(site / "uses_shared.py", b"import shared\n\n\ndef version():\n    return shared.VERSION\n")
    write(site / "shared_space" / "other.py", b"VERSION = 1\n")


def _deploy(server: Server) -> None:
    every = files_below(DATA / "repository")
    files = {path: content for path, content in every.items() if path != "dags/requires.py"}
    vendored = {
        "shared/__init__.py": b"from shared.deep import VERSION\n",
        "shared/deep.py": b"VERSION = 2\n",
        "shared/note.txt": b"a note of 2\n",
        "shared-2.dist-info/METADATA": METADATA.format("shared", 2).encode(),
        "shared_space/part.py": b"VERSION = 2\n",
    }
    server.deploy("blue", files)
    server.deploy("replaced", _painted(files, b"red"))
    server.zip_of("replaced").rename(server.home / "red.zip")
    server.deploy("replaced", files)
    server.deploy("green", _painted(files, b"green"))
    server.deploy("vendor", every, vendored=vendored)
    server.deploy("select", files, selected=["first.py", "fourth.py"])
    server.deploy("prod_x", files, lane="prod")
    # Beside the others, for no test reads its DAGs but those of its files' places.
    needed = ("dags/common.py", "dags/versions.py")
    server.deploy("placed", {**{path: files[path] for path in needed}, **files_below(DATA / "placed")})


def _painted(files: Mapping[str, bytes], colour: bytes) -> dict[str, bytes]:
    """Another commit of the repository."""
    return {path: content.replace(b'"blue"', b'"%s"' % colour) for path, content in files.items()}


def _processes(server: Server) -> dict[str, list[list[Any]]]:
    dags = server.dags
    names = ("blue", "green", "vendor", "select", "replaced", "placed")
    blue, green, vendor, select, replaced, placed = (str(server.zip_of(name)) for name in names)
    plain, other = str(dags / "plain.py"), str(dags / "other.py")

    def task(environment: str, name: str, task_id: str, module: str | None = None) -> list[Any]:
        file = dags / f"{environment}.zip" / f"dag__{module or name}.py"
        return ["load_for_task", str(file), f"team.{environment}.{name}", task_id]

    def calls(name: str, *tasks: str) -> list[list[Any]]:
        return [["call", f"{name}.zip", f"team.{name}.first", task_id] for task_id in tasks]

    both = [*calls("blue", "statement"), *calls("green", "statement")]
    return {
        "plain after": [["load", blue], ["load", plain], ["load", other]],
        "plain before": [["load", plain], ["load", blue], ["callback", "plain.py", "plain_server"]],
        "all": [["load", str(dags), "all"]],
        "alternate": [
            ["load", blue],
            ["load", green],
            *both,
            ["load", plain],
            *both,
            ["callback", "blue.zip", "team.blue.first"],
            ["callback", "green.zip", "team.green.first"],
            ["load", other],
            *both,
            ["callback", "plain.py", "plain_server"],
        ],
        "nothing left": [
            ["load", other],
            ["sight"],
            ["load", blue],
            ["load", vendor],
            *calls("blue", "statement"),
            ["sight"],
        ],
        "vendored": [
            ["load", vendor],
            ["call", "vendor.zip", "team.vendor.requires", "facts"],
            ["load", other],
            ["load", vendor],
            ["call", "vendor.zip", "team.vendor.requires", "facts"],
        ],
        "task": [
            task("blue", "first", "statement"),
            *[["call", "task", "team.blue.first", name] for name in ("statement", "by_name", "pickled", "registered")],
            ["imported"],
        ],
        "fork": [
            ["load", blue],
            ["in_child", [task("blue", "first", "statement"), ["call", "task", "team.blue.first", "by_name"]]],
            ["in_child", [task("blue", "fourth", "after_second")]],
            ["load", green],
            ["in_child", [task("blue", "first", "statement"), ["call", "task", "team.blue.first", "pickled"]]],
            *calls("blue", "statement"),
        ],
        "task beside": [
            task("blue", "first", "statement"),
            ["load", green],
            ["load", plain],
            ["call", "task", "team.blue.first", "pickled"],
        ],
        "own": [task("blue", "second", "own")],
        "literal": [task("blue", "second", "literal")],
        "computed": [task("blue", "second", "computed")],
        "foreign": [task("blue", "second", "foreign")],
        "empty": [task("blue", "second", "empty")],
        "extends": [task("blue", "fourth", "after_second")],
        "release": [["load_for_task", str(dags / "prod_x.zip" / "dag__second.py"), "team.second", "foreign"]],
        "folder": [["load_for_task", blue, "team.blue.second", "empty"]],
        "select": [["load", select], ["imported"]],
        "select task": [task("select", "first", "statement")],
        "placed": [
            ["in_child", [["serialized", placed]]],
            ["replace", str(dags / "placed" / "sql" / "rows.sql"), str(server.home / "rows.sql")],
            ["in_child", [["serialized", placed]]],
            ["replace", str(dags / "placed" / "placed.py"), str(server.home / "placed.py")],
            ["in_child", [["serialized", placed]]],
            ["in_child", [["variables", SHORT_TIMEOUT], ["warnings_of", placed]]],
            ["in_child", [["warnings_of", placed]]],
            task("placed", "files", "bash", "placed"),
            ["field", "task", "team.placed.files", "bash", "bash_command"],
        ],
        "replaced": [
            ["load", replaced, "first"],
            ["replace", str(server.home / "red.zip"), replaced],
            ["call", "first", "team.replaced.first", "statement"],
            ["load", replaced, "second"],
            ["call", "second", "team.replaced.first", "statement"],
            ["load", plain],
            ["call", "first", "team.replaced.first", "statement"],
        ],
    }


def test_the_servers_own_dag_gets_its_own_modules_after_an_environment_was_read(seen: Seen) -> None:
    _, plain, other = seen["plain after"]

    assert plain == {"dags": ["plain_server"], "errors": {}}
    assert other == {"dags": ["other_server_1"], "errors": {}}


def test_an_environment_gets_its_own_modules_after_the_servers_own_dag_was_read(seen: Seen) -> None:
    _, blue, late = seen["plain before"]

    assert blue["errors"] == {}
    assert "team.blue.first" in blue["dags"]
    assert late == "server server"


def test_a_whole_folder_read_in_one_process_has_every_dag_and_no_error(seen: Seen) -> None:
    (every,) = seen["all"]

    assert every["errors"] == {}
    assert {"plain_server", "other_server_1", "team.blue.first", "team.green.first", "team.vendor.requires"} <= {
        *every["dags"]
    }


def test_environments_and_the_server_import_late_what_is_their_own_in_any_order(seen: Seen) -> None:
    _, _, *both, _, blue, green, blue_failed, green_failed, other, blue_last, green_last, plain = seen["alternate"]

    assert both == ["blue deep blue", "green deep green"]
    assert [blue, green, blue_last, green_last] == 2 * both
    assert (blue_failed, green_failed) == ("blue", "green")
    assert other["dags"] == ["other_server_1"]
    assert plain == "server server"


def test_nothing_of_an_environment_stays_in_sight_of_the_server(seen: Seen) -> None:
    _, before, _, _, _, after = seen["nothing left"]

    assert after["path"] == before["path"]
    assert after["hooks"] == before["hooks"]
    assert not [entry for entry in after["finders"] if "/dags/" in entry]
    assert "_dagbranch.load" in after["modules"]
    assert not {"common", "team", "team.deep", "dagbranch_env", "versions", "shared.deep"} & {*after["modules"]}


def test_vendored_packages_hide_the_servers_for_their_environment_alone(seen: Seen) -> None:
    loaded, facts, other, again, facts_again = seen["vendored"]

    assert loaded["errors"] == again["errors"] == {}
    assert facts == facts_again == [2, "2", "a note of 2", 2, 2]
    assert other == {"dags": ["other_server_1"], "errors": {}}


def test_a_task_imports_what_it_likes_as_in_a_plain_folder(seen: Seen) -> None:
    loaded, statement, by_name, pickled, registered, _ = seen["task"]

    assert loaded["errors"] == {}
    assert statement == "blue deep blue"
    assert (by_name, pickled) == ("blue", "blue")
    assert registered == ["common", "first", "lazy"]


def test_a_task_imports_only_the_module_that_owns_its_dag(seen: Seen) -> None:
    loaded, *_, imported = seen["task"]

    assert loaded["dags"] == ["team.blue.first"]
    assert imported == ["first"]


def test_a_task_of_a_dag_that_extends_another_modules_exports_its_own_alone(seen: Seen) -> None:
    (loaded,) = seen["extends"]

    assert loaded["dags"] == ["team.blue.fourth"]
    assert loaded["imported"] == ["second", "fourth"]


def test_a_task_forked_from_a_process_that_parsed_is_like_any_other(seen: Seen) -> None:
    _, first, fourth, _, after_green, parent = seen["fork"]

    assert first[0]["dags"] == ["team.blue.first"]
    assert first[1] == "blue"
    assert fourth[0]["dags"] == ["team.blue.fourth"]
    assert after_green[1] == "blue"
    assert parent == "blue deep blue"


def test_a_tasks_environment_stays_when_its_process_reads_other_files(seen: Seen) -> None:
    _, green, plain, pickled = seen["task beside"]

    assert green["errors"] == plain["errors"] == {}
    assert pickled == "blue"


@pytest.mark.parametrize(
    ("task_id", "trigger_dag_id", "imported"),
    [
        ("empty", None, ["second"]),
        ("own", "team.blue.second", ["second"]),
        ("literal", "team.blue.first", ["second", "first"]),
        ("computed", "team.blue.computed", ["second", "first", "fourth", "third"]),
        ("foreign", "other_team.dag", ["second", "first", "fourth", "third"]),
    ],
)
def test_a_task_imports_other_modules_only_where_its_own_reference_may_mean_them(
    seen: Seen, task_id: str, trigger_dag_id: str | None, imported: list[str]
) -> None:
    (loaded,) = seen[task_id]

    assert loaded["trigger_dag_id"] == trigger_dag_id
    assert loaded["imported"] == imported


def test_a_release_has_no_references_to_follow(seen: Seen) -> None:
    (loaded,) = seen["release"]

    assert loaded["trigger_dag_id"] == "other_team.dag"
    assert loaded["imported"] == ["second"]


def test_all_modules_are_loaded_where_no_file_names_the_owner(seen: Seen) -> None:
    (loaded,) = seen["folder"]

    assert sorted(loaded["imported"]) == IMPORT_EVERY
    assert len(loaded["dags"]) == len(IMPORT_EVERY)


def test_modules_that_are_not_selected_are_imported_by_others_alone(seen: Seen) -> None:
    loaded, imported = seen["select"]

    assert loaded == {"dags": ["team.select.first", "team.select.fourth"], "errors": {}}
    assert imported == ["first", "second", "fourth"]
    assert seen["select task"][0]["dags"] == ["team.select.first"]


def test_late_imports_are_of_the_version_that_was_loaded_when_the_zip_is_replaced(seen: Seen) -> None:
    _, _, first, _, second, _, first_last = seen["replaced"]

    assert first == first_last == "blue deep blue"
    assert second == "red deep red"


def test_the_serialized_dag_is_the_same_with_the_copy_without_it_and_with_a_part_of_it(seen: Seen) -> None:
    (whole,), _, (part,), _, (less,), *_ = seen["placed"]

    assert whole == part == less
    assert str(seen.server.dags / "placed" / "sql") in json.dumps(whole)
    assert "INSERT INTO" in json.dumps(whole)


def test_a_task_gets_the_files_that_are_there(seen: Seen) -> None:
    command = seen["placed"][-1]

    assert command.startswith(f"cat {seen.server.home / 'tmp'}")


def test_a_load_that_takes_long_is_told_with_both_numbers_and_what_to_do(seen: Seen) -> None:
    *_, (_, slow), (fast,), _, _ = seen["placed"]

    (told,) = slow
    assert re.search(r"the environment placed took \d+\.\d s, .* after 0\.001 s \(dag_file_processor_timeout\)", told)
    assert "`select: changed`" in told
    assert fast == []
