"""Each case is one habit of real repositories: what a DAG module leads to, and what it does not."""

from __future__ import annotations

import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagbranch.domain.static_closure import Changes, Repository

DAG = "from airflow import DAG\n"


def touched(files: dict[str, str], *changed: str, artifacts: tuple[str, ...] = ()) -> set[str]:
    """The DAG modules (here: with the word DAG) that the change touches; the same whether all files are read or few."""
    contents = {path: textwrap.dedent(text).encode() for path, text in files.items()}
    modules = {path for path, text in files.items() if path.endswith(".py") and "DAG" in text}
    changes = Changes(frozenset(changed), frozenset(artifacts))
    deleted = changes.paths - contents.keys()
    found = Repository(contents, modules, deleted).touched(changes)
    assert Repository(contents, modules, deleted, reads_all=True).touched(changes) == found
    return found


# Imports


@pytest.mark.parametrize(
    ("statement", "imported"),
    [
        ("import helper", "helper.py"),
        ("import qu.common.db", "qu/common/db.py"),
        ("import qu.common.db as database", "qu/common/__init__.py"),
        ("from qu.common import db", "qu/common/db.py"),
        ("from qu.common import db", "qu/__init__.py"),
        ("from qu.common.db import connect", "qu/common/db.py"),
        ("from . import sibling", "qu/main/sibling.py"),
        ("from .sibling import x", "qu/main/sibling.py"),
        ("from .. import common", "qu/common/__init__.py"),
        ("from ..common import db", "qu/common/db.py"),
        ("from ..common.db import connect", "qu/common/db.py"),
        ("from qu.common import *", "qu/common/db.py"),
        ("from ..common import *", "qu/common/db.py"),
        ("import sibling", "qu/main/sibling.py"),
        ("from sibling import x", "qu/main/sibling.py"),
        ("from dags.qu.common import db", "qu/common/db.py"),
        ("from dags import helper", "helper.py"),
        ("def task():\n    from qu.common import db", "qu/common/db.py"),
        ("try:\n    import nothing\nexcept ImportError:\n    import helper", "helper.py"),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import helper", "helper.py"),
        ("import importlib\nimportlib.import_module('qu.common.db')", "qu/common/db.py"),
        ("from importlib import import_module\nimport_module('.sibling', 'qu.main')", "qu/main/sibling.py"),
        ("import_string('qu.common.db.connect')", "qu/common/db.py"),
        ("callback = 'qu.common.db.connect'", "qu/common/db.py"),
        ("BashOperator(bash_command='python -m qu.common.db --date {{ ds }}')", "qu/common/db.py"),
    ],
)
def test_an_import_leads_to_its_module_and_to_the_packages_on_the_way(statement: str, imported: str) -> None:
    files = {
        "qu/main/dag.py": DAG + statement,
        "qu/other/dag.py": DAG,
        "helper.py": "",
        "qu/__init__.py": "",
        "qu/main/sibling.py": "",
        "qu/common/__init__.py": "",
        "qu/common/db.py": "",
    }
    others = {"qu/other/dag.py"} if imported == "qu/__init__.py" else set()

    assert touched(files, imported) == {"qu/main/dag.py", *others}
    without = {path: text for path, text in files.items() if path != imported}
    assert touched(without, imported) == {"qu/main/dag.py", *others}


def test_a_module_touches_itself_and_what_imports_it_over_any_number_of_steps() -> None:
    files = {
        "dag.py": DAG + "import a",
        "other.py": DAG,
        "a.py": "from b import x",
        "b.py": "def f():\n    import c",
        "c.py": "import a",
    }

    assert touched(files, "c.py") == {"dag.py"}
    assert touched(files, "other.py") == {"other.py"}
    assert touched(files) == set()


def test_of_same_named_siblings_each_folder_has_its_own() -> None:
    dag = DAG + "import os, sys\nsys.path.insert(0, os.path.dirname(__file__))\nimport config"
    files = {"a/dag.py": dag, "b/dag.py": dag, "a/config.py": "", "b/config.py": ""}

    assert touched(files, "b/config.py") == {"b/dag.py"}


@pytest.mark.parametrize(
    "addition",
    [
        "sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))",
        "sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'lib'))",
        "HERE = Path(__file__).parent\nsys.path.extend([str(HERE.parent.joinpath('lib'))])",
        "sys.path += [f'{os.path.dirname(__file__)}/../lib']",
        "from sys import path\npath.append(os.environ['LIB'])",
    ],
)
def test_a_folder_that_is_put_on_the_path_is_searched(addition: str) -> None:
    files = {
        "qu/dag.py": DAG + f"import os, sys\nfrom pathlib import Path\n{addition}\nimport tool",
        "lib/tool.py": "",
        "tool.py": "",
        "other/dag.py": DAG,
    }

    assert touched(files, "lib/tool.py") == {"qu/dag.py"}


def test_a_module_that_no_search_path_shows_may_lie_anywhere() -> None:
    files = {"qu/dag.py": DAG + "import tool", "lib/deep/tool.py": "", "other.py": DAG + "import requests, json"}

    assert touched(files, "lib/deep/tool.py") == {"qu/dag.py"}


def test_airflows_own_name_is_never_the_repositorys() -> None:
    files = {"qu/dag.py": DAG, "lib/airflow/__init__.py": ""}

    assert touched(files, "lib/airflow/__init__.py") == set()


# Files by name


@pytest.mark.parametrize(
    "mention",
    [
        "sql='rows.sql'",
        "sql='sql/rows.sql'",
        "sql='./sql/rows.sql'",
        "sql='/usr/local/airflow/dags/qu/main/sql/rows.sql'",
        "sql='dags/qu/main/sql/rows.sql'",
        "sql=['other.sql', 'sql/rows.sql']",
        "command='run --file sql/rows.sql --date {{ ds }}'",
        "sql='{% include \"sql/rows.sql\" %}'",
        "open(os.path.join(os.path.dirname(__file__), 'sql', 'rows.sql'))",
        "(Path(__file__).parent / 'sql' / 'rows.sql').read_text()",
        "Path(__file__).with_name('sql').joinpath('rows.sql').read_text()",
        "importlib.resources.files('qu.main').joinpath('sql/rows.sql').read_text()",
        "pkgutil.get_data('qu.main', 'sql/rows.sql')",
        "pkgutil.get_data(__package__, 'sql/rows.sql')",
    ],
)
def test_a_file_that_is_named_touches_who_names_it(mention: str) -> None:
    files = {
        "qu/main/dag.py": f"{DAG}call({mention})",
        "qu/main/sql/rows.sql": "SELECT 1",
        "other/dag.py": DAG + "sql = 'others.sql'",
    }

    assert touched(files, "qu/main/sql/rows.sql") == {"qu/main/dag.py"}


def test_a_template_in_the_modules_own_folder_hides_its_namesakes() -> None:
    files = {
        "a/dag.py": DAG + "sql = 'rows.sql'",
        "b/dag.py": DAG + "sql = 'rows.sql'",
        "a/rows.sql": "",
        "b/rows.sql": "",
        "common/operators.py": "sql = 'rows.sql'",
        "c/dag.py": DAG + "from common.operators import x",
    }

    assert touched(files, "b/rows.sql") == {"b/dag.py", "c/dag.py"}


@pytest.mark.parametrize(
    "template",
    ["{% include 'parts/where.sql' %}", '{%- import "where.sql" as w -%}', "{% extends 'parts/where.sql' %}"],
)
def test_templates_lead_to_the_templates_that_they_take_in(template: str) -> None:
    files = {
        "qu/dag.py": DAG + "sql = 'sql/rows.sql'",
        "qu/other.py": DAG,
        "qu/sql/rows.sql": f"SELECT 1 {template}",
        "qu/sql/parts/where.sql": "WHERE",
    }

    assert touched(files, "qu/sql/parts/where.sql") == {"qu/dag.py"}


def test_a_template_that_takes_in_what_only_running_tells_may_mean_any_file_that_nobody_names() -> None:
    files = {
        "qu/dag.py": DAG + "sql = 'rows.sql'",
        "qu/other.py": DAG + "sql = 'named.sql'",
        "qu/rows.sql": "{% include params.part %}",
        "qu/named.sql": "",
        "qu/unnamed.sql": "",
    }

    assert touched(files, "qu/unnamed.sql") == {"qu/dag.py"}
    assert touched(files, "qu/named.sql") == {"qu/other.py"}


def test_a_configuration_leads_to_what_it_names() -> None:
    files = {
        "qu/dag.py": DAG + "open('jobs.yaml')",
        "qu/other.py": DAG,
        "qu/jobs.yaml": "jobs:\n  - sql: queries/rows.sql\n    callback: qu.lib.notify\n",
        "qu/queries/rows.sql": "",
        "qu/lib.py": "",
    }

    assert touched(files, "qu/queries/rows.sql") == {"qu/dag.py"}
    assert touched(files, "qu/lib.py") == {"qu/dag.py"}


def test_what_nobody_names_or_looks_for_touches_nobody() -> None:
    files = {"dag.py": DAG + '"""See README.md."""\nx = 1', "README.md": "", "explore.ipynb": "{}"}

    assert touched(files, "README.md", "explore.ipynb", "notes/deleted.md") == set()


# What only running would tell


@pytest.mark.parametrize(
    "access",
    [
        "os.listdir(os.path.dirname(__file__) + '/jobs')",
        "os.listdir(os.path.join(HERE, 'jobs'))",
        "list(os.scandir(HERE / 'jobs'))",
        "list(os.walk(f'{HERE}/jobs'))",
        "list((HERE / 'jobs').iterdir())",
        "list((HERE / 'jobs').rglob('*.yaml'))",
        "list(HERE.glob('jobs/*.yaml'))",
        "glob.glob(str(HERE / 'jobs' / '*.yaml'))",
        "glob.glob('*.yaml', root_dir=HERE / 'jobs')",
        "[open(HERE / 'jobs' / f'{name}.yaml') for name in NAMES]",
        "[open(HERE / 'jobs' / '{}.yaml'.format(name)) for name in NAMES]",
        "[open(HERE / 'jobs' / (name + '.yaml')) for name in NAMES]",
        "[open('jobs/%s.yaml' % name) for name in NAMES]",
        "[(files('qu') / 'jobs' / name).read_text() for name in NAMES]",
        "list(pkgutil.iter_modules([str(HERE / 'jobs')]))",
        "load_yaml_dags(globals(), dags_folder=str(HERE / 'jobs'))",
        "operator(sql=f'jobs/{name}.yaml')",
    ],
)
def test_a_folder_that_is_looked_through_touches_who_looks_and_no_other_folder_does(access: str) -> None:
    begin = DAG + "import glob, os, pkgutil\nfrom pathlib import Path\nfrom importlib.resources import files\n"
    files = {
        "qu/dag.py": f"{begin}HERE = Path(__file__).parent\nx = {access}",
        "qu/jobs/a.yaml": "",
        "qu/other/b.yaml": "",
        "other/dag.py": DAG,
    }

    assert touched(files, "qu/jobs/a.yaml") == {"qu/dag.py"}
    assert touched(files, "qu/jobs/added/later.yaml") == {"qu/dag.py"}
    assert touched(files, "qu/other/b.yaml", "other/helper.py") == set()


@pytest.mark.parametrize(
    "access", ["os.listdir(folder)", "os.walk('.')", "exec(code)", "eval(text)", "DagBag(folder)", "def broken(:"]
)
def test_what_could_be_anything_is_touched_by_every_change(access: str) -> None:
    files = {"dag.py": DAG + f"import os\n{access}", "other.py": DAG, "unused/x.py": ""}

    assert touched(files, "unused/x.py") == {"dag.py"}
    assert touched(files, "unused/rows.csv") == {"dag.py"}
    assert touched(files) == set()


@pytest.mark.parametrize(
    ("name", "changed", "is_touched"),
    [
        ("name", "jobs/x.py", True),
        ("name", "jobs/x.sql", False),
        ("f'jobs.{name}'", "jobs/x.py", True),
        ("f'jobs.{name}'", "lib/x.py", False),
        ("'jobs.' + name + '.main'", "jobs/x/main.py", True),
        ("f'.{name}'", "qu/x.py", True),
        ("f'.{name}'", "jobs/x.py", False),
    ],
)
def test_an_import_that_only_running_tells_means_the_modules_that_its_written_part_leaves(
    name: str, changed: str, *, is_touched: bool
) -> None:
    files = {"qu/dag.py": f"{DAG}import importlib\nimportlib.import_module({name}, __package__)", changed: ""}

    assert touched(files, changed) == ({"qu/dag.py"} if is_touched else set())


def test_a_file_that_is_opened_by_a_name_from_elsewhere_may_be_any_that_nobody_names() -> None:
    files = {
        "dag.py": DAG + "def read(path):\n    return open(path).read()",
        "other.py": DAG + "x = 'named.csv'",
        "writes.py": DAG + "def write(path):\n    open(path, 'w').write('')",
        "named.csv": "",
        "unnamed.csv": "",
        "module.py": "",
    }

    assert touched(files, "unnamed.csv") == {"dag.py"}
    assert touched(files, "named.csv") == {"other.py"}
    assert touched(files, "module.py") == set()


def test_texts_that_are_no_paths_mean_no_files() -> None:
    files = {"dag.py": DAG + "x = f'{schema}.{table}'\ny = f's3://{bucket}/a.sql'\nz = f'{a}/{b}'", "sql/a.sql": ""}

    assert touched(files, "sql/a.sql") == set()


def test_a_pattern_cannot_make_reading_slow() -> None:
    stars = "+".join(["a"] * 200)
    files = {"dag.py": f"{DAG}import os\nA = B + B\nB = A * 2\nx = 'a' + " + stars + " + 'b.sql'"}

    assert touched({**files, f"sql/{'a' * 200}.sql": ""}, f"sql/{'a' * 200}.sql") <= {"dag.py"}


# Job code


@pytest.mark.parametrize(
    ("mention", "is_touched"),
    [
        ("artifact('jobs')", True),
        ("x = '{{ artifact(\"jobs\") }}/roi.py'", True),
        ("artifact(name)", True),
        ("artifact('models')", False),
        ("x = 1", False),
    ],
)
def test_changed_job_code_touches_who_asks_for_its_uri(mention: str, *, is_touched: bool) -> None:
    files = {"dag.py": DAG + mention}

    assert touched(files, artifacts=("jobs",)) == ({"dag.py"} if is_touched else set())


# Few files are read, and the same is found


names = st.sampled_from(["alpha", "beta", "gamma", "delta"])
folders = st.sampled_from(["", "one/", "two/", "one/three/"])
lines = st.one_of(
    st.builds("import {}".format, names),
    st.builds("from {} import {}".format, names, names),
    st.builds("from . import {}".format, names),
    st.builds("from one.{} import {}".format, names, names),
    st.builds("from one.three import *".format),
    st.builds("x = '{}.sql'".format, names),
    st.builds("x = f'one/{{y}}/{}.sql'".format, names),
    st.builds("x = f'{{y}}.sql'".format),
    st.builds("import os\nx = os.path.join('one', y)".format),
    st.builds("open(Path(__file__).parent / '{}.sql')".format, names),
    st.just("open(x)"),
    st.just("x = '{% from y import z %}'"),
    st.just("artifact(x)"),
)
python = st.lists(lines, max_size=3).map("\n".join)
templates = st.one_of(
    st.builds("{{% include '{}.sql' %}}".format, names),
    st.just("{% include x %}"),
    st.just("{{ artifact('a') }}"),
    st.just(""),
)


@given(
    modules=st.dictionaries(st.builds("{}{}.py".format, folders, names), python, min_size=2),
    others=st.dictionaries(st.builds("{}{}.py".format, folders, st.just("__init__")), python),
    texts=st.dictionaries(st.builds("{}{}.sql".format, folders, names), templates),
    changed=st.sets(st.builds("{}{}.{}".format, folders, names, st.sampled_from(["py", "sql"])), max_size=3),
    data=st.data(),
)
def test_reading_only_what_may_lead_to_a_change_finds_the_same(
    modules: dict[str, str], others: dict[str, str], texts: dict[str, str], changed: set[str], data: st.DataObject
) -> None:
    dags = data.draw(st.sets(st.sampled_from(sorted(modules)), min_size=1))
    files = {**{path: (DAG if path in dags else "") + text for path, text in modules.items()}, **others, **texts}

    touched(files, *changed)
    touched(files, *changed, artifacts=("a",))
