"""Environments in and out of a process's sight."""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from dagbranch.runtime.importer import Importer
from dagbranch.runtime.isolation import Presence

Environment = Callable[..., Presence]


@pytest.fixture
def dags(tmp_path: Path) -> Iterator[Path]:
    """A dags folder on ``sys.path``, and nothing of it in the process afterwards."""
    path, modules = list(sys.path), set(sys.modules)
    sys.path.append(str(tmp_path))
    yield tmp_path
    process: Any = sys.modules["_dagbranch_process_1"]
    if process.standing is not None:
        process.standing.leave()
        process.standing = process.present = None
    sys.path[:] = path
    for name in set(sys.modules) - modules - {"_dagbranch_process_1"}:
        del sys.modules[name]


@pytest.fixture
def environment(dags: Path) -> Environment:
    def make(name: str, sources: Mapping[str, str], served: Mapping[str, ModuleType] | None = None) -> Presence:
        for path, text in sources.items():
            _write(dags / name / path, text)
        code = {path: text.encode() for path, text in sources.items() if path.endswith(".py")}
        importer = Importer(str(dags / name), code, list(sources), lambda _: nullcontext())
        return Presence(importer, str(dags / f"{name}.zip"), served or {})

    return make


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def _loaded(presence: Presence, name: str) -> ModuleType:
    with presence.in_sight():
        return importlib.import_module(name)


def test_nothing_of_an_environment_out_of_sight_is_left(environment: Environment) -> None:
    presence = environment("blue", {"iso_a/__init__.py": "", "iso_a/x.py": "", "iso_b/y.py": ""})
    before = (list(sys.path), list(sys.path_hooks), set(sys.modules))

    _loaded(presence, "iso_a.x")
    _loaded(presence, "iso_b.y")

    assert (sys.path, sys.path_hooks, set(sys.modules)) == before
    assert not any(entry.startswith(presence.importer.root) for entry in sys.path_importer_cache)
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("iso_a")


def test_import_statements_in_its_code_find_its_modules_for_ever(environment: Environment) -> None:
    late = "def late():\n    import iso_c\n    from iso_d.deep import NAME\n    return iso_c.NAME + NAME\n"
    sources = {"iso_code.py": late, "iso_c.py": "NAME = '{}'\n", "iso_d/deep.py": "NAME = '!'\n"}
    blue, green = (
        environment(name, {path: text.format(name) if path == "iso_c.py" else text for path, text in sources.items()})
        for name in ("blue", "green")
    )
    blue_code, green_code = _loaded(blue, "iso_code"), _loaded(green, "iso_code")

    said = [code.late() for code in (blue_code, green_code, blue_code)]

    assert said == ["blue!", "green!", "blue!"]
    assert "iso_c" not in sys.modules


def test_a_module_is_the_same_object_whenever_it_is_in_sight(environment: Environment) -> None:
    presence = environment("blue", {"iso_e.py": "def again():\n    import iso_e\n    return iso_e\n"})

    module = _loaded(presence, "iso_e")

    assert module.again() is module
    assert _loaded(presence, "iso_e") is module


def test_relative_imports_in_functions_work_out_of_sight(environment: Environment) -> None:
    sources = {
        "iso_f/__init__.py": "def late():\n    from . import x\n    return x.NAME\n",
        "iso_f/x.py": "NAME = 'x'\n",
    }

    assert _loaded(environment("blue", sources), "iso_f").late() == "x"


def test_imports_of_what_is_no_name_of_the_environment_leave_it_out_of_sight(environment: Environment) -> None:
    module = _loaded(environment("blue", {"iso_g.py": "def late():\n    import json\n    return json\n"}), "iso_g")
    hooks = list(sys.path_hooks)

    assert module.late().dumps({}) == "{}"
    assert sys.path_hooks == hooks


def test_the_servers_module_of_the_same_name_is_put_aside_and_comes_back(dags: Path, environment: Environment) -> None:
    _write(dags / "iso_h.py", "NAME = 'server'\n")
    server = importlib.import_module("iso_h")
    presence = environment("blue", {"iso_h.py": "NAME = 'blue'\n"})

    assert _loaded(presence, "iso_h").NAME == "blue"
    assert importlib.import_module("iso_h") is server


def test_the_server_may_import_its_own_for_the_first_time_after_the_environment(
    dags: Path, environment: Environment
) -> None:
    _write(dags / "iso_i.py", "NAME = 'server'\n")
    blue = _loaded(
        environment("blue", {"iso_i.py": "NAME = 'blue'\ndef again():\n    import iso_i\n    return iso_i\n"}), "iso_i"
    )

    server = importlib.import_module("iso_i")

    assert (blue.NAME, server.NAME) == ("blue", "server")
    assert blue.again() is blue
    assert importlib.import_module("iso_i") is server


def test_an_environment_stays_until_another_one_does(environment: Environment) -> None:
    blue, green = (environment(name, {"iso_j.py": f"NAME = {name!r}\n"}) for name in ("blue", "green"))

    blue.stay()
    first = importlib.import_module("iso_j").NAME
    passing = _loaded(green, "iso_j").NAME
    second = importlib.import_module("iso_j").NAME
    green.stay()

    assert [first, passing, second, importlib.import_module("iso_j").NAME] == ["blue", "green", "blue", "green"]


def test_code_of_one_environment_may_call_code_of_another(environment: Environment) -> None:
    code = (
        "def late(call=None):\n    import iso_l\n    call and call()\n"
        "    import iso_m\n    return iso_l.NAME + iso_m.NAME\n"
    )
    blue, green = (
        environment(name, {"iso_k.py": code, "iso_l.py": f"NAME = {name!r}\n", "iso_m.py": f"NAME = {name!r}\n"})
        for name in ("blue", "green")
    )
    blue_code, green_code = _loaded(blue, "iso_k"), _loaded(green, "iso_k")

    with blue.in_sight():
        said = blue_code.late(call=green_code.late)

    assert said == "blueblue"
    assert green_code.late() == "greengreen"


def test_path_entries_of_its_code_go_and_come_with_it(dags: Path, environment: Environment) -> None:
    presence = environment(
        "blue",
        {"lib_of_blue/iso_n.py": "NAME = 'n'\n", "iso_o.py": "def late():\n    import iso_n\n    return iso_n.NAME\n"},
    )
    path = list(sys.path)

    with presence.in_sight():
        module = importlib.import_module("iso_o")
        sys.path.insert(0, str(dags / "blue" / "lib_of_blue"))

    assert sys.path == path
    assert module.late() == "n"
    assert sys.path == path


def test_a_thread_that_imports_while_modules_load_is_not_waited_for_in_vain(environment: Environment) -> None:
    code = (
        "import threading\n"
        "found = []\n"
        "def late():\n    import iso_q\n    found.append(iso_q.NAME)\n"
        "thread = threading.Thread(target=late)\nthread.start()\nthread.join(20)\n"
    )

    module = _loaded(environment("blue", {"iso_p.py": code, "iso_q.py": "NAME = 'q'\n"}), "iso_p")

    assert module.found == ["q"]
    assert not module.thread.is_alive()


def test_threads_may_end_in_any_order(environment: Environment) -> None:
    blue, green = (environment(name, {"iso_r.py": f"NAME = {name!r}\n"}) for name in ("blue", "green"))
    entered, leave = threading.Event(), threading.Event()

    def pass_by() -> None:
        with blue.in_sight():
            entered.set()
            leave.wait(20)

    thread = threading.Thread(target=pass_by)
    thread.start()
    entered.wait(20)
    with green.in_sight():
        leave.set()
        thread.join(20)
        name = importlib.import_module("iso_r").NAME

    assert name == "green"
    assert "iso_r" not in sys.modules


def test_a_forked_child_does_not_wait_for_a_thread_that_it_has_not(environment: Environment) -> None:
    presence = environment("blue", {"iso_s.py": "NAME = 's'\n"})
    process: Any = sys.modules["_dagbranch_process_1"]
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with process.lock:
            held.set()
            release.wait(20)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(20)
    child = os.fork()
    if child == 0:
        os._exit(0 if _loaded(presence, "iso_s").NAME == "s" else 1)
    status = os.waitpid(child, 0)[1]
    release.set()
    thread.join(20)

    assert status == 0


def test_what_is_served_is_the_environments_wherever_it_comes_from(environment: Environment) -> None:
    served = ModuleType("iso_t")
    presence = environment("blue", {"iso_u.py": "import iso_t\n"}, {"iso_t": served})

    assert _loaded(presence, "iso_u").iso_t is served
    assert "iso_t" not in sys.modules


def test_vendored_packages_go_before_the_installed_ones(dags: Path, environment: Environment) -> None:
    site = dags.parent / f"{dags.name}-site"
    _write(site / "iso_v" / "__init__.py", "VERSION = 1\n")
    _write(site / "iso_v-1.dist-info" / "METADATA", "Metadata-Version: 2.1\nName: iso_v\nVersion: 1\n")
    sys.path.insert(0, str(site))
    installed = importlib.import_module("iso_v")
    presence = environment(
        "blue",
        {
            ".requirements/iso_v/__init__.py": "VERSION = 2\n",
            ".requirements/iso_v-2.dist-info/METADATA": "Metadata-Version: 2.1\nName: iso_v\nVersion: 2\n",
        },
    )

    with presence.in_sight():
        vendored = importlib.import_module("iso_v")
        version = importlib.metadata.version("iso_v")

    assert (vendored.VERSION, version) == (2, "2")
    assert importlib.import_module("iso_v") is installed
    assert importlib.metadata.version("iso_v") == "1"


def test_parts_of_a_namespace_package_are_vendored_beside_the_installed_ones(
    dags: Path, environment: Environment
) -> None:
    site = dags.parent / f"{dags.name}-site"
    _write(site / "iso_w" / "part.py", "VERSION = 1\n")
    _write(site / "iso_w" / "other.py", "VERSION = 1\n")
    sys.path.insert(0, str(site))
    namespace, other = importlib.import_module("iso_w"), importlib.import_module("iso_w.other")
    part = importlib.import_module("iso_w.part")
    presence = environment("blue", {".requirements/iso_w/part.py": "VERSION = 2\n"})

    with presence.in_sight():
        seen = [importlib.import_module(name) for name in ("iso_w.part", "iso_w.other")]
        attribute = sys.modules["iso_w"].part

    assert [module.VERSION for module in seen] == [2, 1]
    assert attribute is seen[0]
    assert seen[1] is other
    assert namespace.part is part


def test_an_installed_package_that_bound_a_vendored_one_is_imported_anew_for_the_server(
    dags: Path, environment: Environment
) -> None:
    site = dags.parent / f"{dags.name}-site"
    _write(site / "iso_x.py", "VERSION = 1\n")
    _write(site / "iso_y" / "__init__.py", "from iso_y.core import x\n")
    _write(site / "iso_y" / "core.py", "import iso_x as x\n")
    sys.path.insert(0, str(site))
    presence = environment("blue", {".requirements/iso_x.py": "VERSION = 2\n", "iso_z.py": "import iso_y\n"})

    private = _loaded(presence, "iso_z").iso_y

    assert private.x.VERSION == 2
    assert importlib.import_module("iso_y").x.VERSION == 1
    assert _loaded(presence, "iso_y") is private


def test_a_server_module_that_takes_an_innocent_ones_name_is_put_aside_too(
    dags: Path, environment: Environment
) -> None:
    presence = environment("blue", {"iso_code_2.py": "", "iso_2.py": "NAME = 'blue'\n"})
    sys.modules["iso_2"] = innocent = ModuleType("iso_2")
    _loaded(presence, "iso_code_2")
    del sys.modules["iso_2"]
    _write(dags / "iso_2.py", "NAME = 'server'\n")
    server = importlib.import_module("iso_2")

    name = _loaded(presence, "iso_2").NAME

    assert name == "blue"
    assert importlib.import_module("iso_2") is server
    assert server is not innocent
