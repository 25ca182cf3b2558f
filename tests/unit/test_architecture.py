"""The rules of the house (design.md, "Who may import whom"), held against every module's syntax tree."""

from __future__ import annotations

import ast
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAYER = ROOT / "layers" / "dagbranch"
PACKAGE = LAYER / "dagbranch"
FUNCTIONS = ROOT / "functions"
MODULES = sorted(PACKAGE.rglob("*.py"))
HANDLERS = sorted(FUNCTIONS.glob("*/app.py"))
MOST_HANDLER_LINES = 75
SHARED_USE_CASES = {
    "accept_promotion",
    "admit_request",
    "begin_removal",
    "check_installation",
    "compare_base",
    "data_work",
    "deliver_source",
    "deploy_half",
    "fetch_release",
    "gather_data",
    "gather_gates",
    "hand_over",
    "intake_work",
    "judge_changes",
    "judge_promotion",
    "look_at_releases",
    "note_failure",
    "note_ready",
    "note_request",
    "promotion_work",
    "release_tick",
    "removal_work",
    "remove_data",
    "remove_pipeline",
    "renew_data",
    "repair_release",
    "request_release",
    "roll_back",
    "seed_table",
    "tell_preview",
    "tell_release",
    "telling",
    "turn_away",
}

OWN = {
    "domain": {"dagbranch.errors", "dagbranch.domain"},
    "ports": {"dagbranch.errors", "dagbranch.domain"},
    "use_cases": {
        "dagbranch.errors",
        "dagbranch.domain",
        "dagbranch.ports",
        *(f"dagbranch.use_cases.{name}" for name in SHARED_USE_CASES),
    },
    "adapters": {
        "dagbranch.errors",
        "dagbranch.domain",
        "dagbranch.ports",
        "dagbranch.adapters.airflow_answers",
        "dagbranch.adapters.airflow_cli",
        "dagbranch.adapters.airflow_rest",
        "dagbranch.adapters.aws_answers",
        "dagbranch.adapters.aws_errors",
        "dagbranch.adapters.databricks_answers",
        "dagbranch.adapters.databricks_credentials",
        "dagbranch.adapters.databricks_errors",
        "dagbranch.adapters.databricks_run",
        "dagbranch.adapters.databricks_scripts",
        "dagbranch.adapters.databricks_session",
        "dagbranch.adapters.databricks_sessions",
        "dagbranch.adapters.dynamodb_history",
        "dagbranch.adapters.dynamodb_items",
        "dagbranch.adapters.github_answers",
        "dagbranch.adapters.github_api",
        "dagbranch.adapters.github_archive",
        "dagbranch.adapters.github_checks",
        "dagbranch.adapters.github_commit_checks",
        "dagbranch.adapters.github_credentials",
        "dagbranch.adapters.pip_log",
        "dagbranch.adapters.promotion_metadata",
        "dagbranch.adapters.s3_objects",
    },
    "runtime": {"dagbranch.runtime"},
    "errors": set(),
    "settings": {"dagbranch.errors", "dagbranch.domain"},
    "events": {"dagbranch.errors", "dagbranch.domain", "dagbranch.events"},
    "observability": set(),
    "queue_batches": {"dagbranch.errors", "dagbranch.adapters.queues", "dagbranch.observability"},
    "cli": {
        "dagbranch.errors",
        "dagbranch.domain",
        "dagbranch.ports",
        "dagbranch.adapters",
        "dagbranch.cli",
        "dagbranch.__version__",
    },
    "__init__": set(),
}
PURE_PARSERS = {"jinja2", "packaging", "sqlglot", "pydantic", "pydantic_core", "yaml"}
FOREIGN = {
    "domain": PURE_PARSERS,
    "ports": set(),
    "use_cases": set(),
    "adapters": None,  # that is what they are for
    "runtime": {"airflow", "_dagbranch"},
    "errors": set(),
    "settings": {"pydantic"},
    "events": {"pydantic", "aws_lambda_powertools"},
    "observability": {"aws_lambda_powertools"},
    "queue_batches": {"aws_lambda_powertools"},
    "cli": {"boto3"},
    "__init__": set(),
}
AWS_CLIENTS = {"boto3", "botocore"}


@cache
def parsed(module: Path) -> ast.Module:
    return ast.parse(module.read_text())


@cache
def nodes(module: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(parsed(module)))


@cache
def imported(module: Path) -> frozenset[str]:
    """Every name that the module imports, as ``package.module`` or ``package.module.name``, wherever it stands."""
    plain = [alias.name for node in nodes(module) if isinstance(node, ast.Import) for alias in node.names]
    of_others = [node for node in nodes(module) if isinstance(node, ast.ImportFrom)]
    return frozenset(plain) | {f"{node.module}.{alias.name}" for node in of_others for alias in node.names}


def part_of(module: Path) -> str:
    first = module.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def is_within(name: str, allowed: set[str]) -> bool:
    return any(name == one or name.startswith(f"{one}.") for one in allowed)


def label(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def reads_environment(module: Path) -> bool:
    return any(
        isinstance(node, ast.Attribute) and node.attr in {"environ", "environb", "getenv"} for node in nodes(module)
    )


def test_a_module_imports_of_dagbranch_only_what_its_part_may() -> None:
    wrong = {
        (label(module), name)
        for module in MODULES
        for name in imported(module)
        if name.split(".")[0] == "dagbranch" and not is_within(name, OWN[part_of(module)])
    }

    assert wrong == set()


def test_a_module_imports_of_others_only_what_its_part_may() -> None:
    known = sys.stdlib_module_names | {"dagbranch", "__future__"}
    wrong = {
        (label(module), name)
        for module in MODULES
        if (allowed := FOREIGN[part_of(module)]) is not None
        for name in {one.split(".")[0] for one in imported(module)} - known - allowed
    }

    assert wrong == set()


def test_only_adapters_handlers_and_the_command_know_aws_clients() -> None:
    knowing = {
        label(module)
        for module in MODULES
        if part_of(module) not in {"adapters", "cli"}
        and {name.split(".")[0] for name in imported(module)} & AWS_CLIENTS
    }

    assert knowing == set()


def test_the_process_environment_is_read_by_handlers_and_the_command_alone() -> None:
    reading = {label(module) for module in MODULES if part_of(module) != "runtime" and reads_environment(module)}

    assert {one for one in reading if "/cli/" not in one} == set()


def test_every_module_says_what_it_owns() -> None:
    silent = {
        label(module)
        for module in [*MODULES, *HANDLERS]
        if module.name != "__init__.py" and len((ast.get_docstring(parsed(module)) or "").split("\n")[0]) <= 15
    }

    assert silent == set()


@pytest.mark.parametrize("folder", sorted(one for one in FUNCTIONS.iterdir() if one.is_dir()), ids=label)
def test_a_function_is_one_short_file_that_calls_the_use_case_of_its_name(folder: Path) -> None:
    files = [one.name for one in folder.iterdir() if one.name != "__pycache__"]
    source = (folder / "app.py").read_text()

    assert files == ["app.py"]
    assert len(source.splitlines()) <= MOST_HANDLER_LINES
    docstring = ast.get_docstring(ast.parse(source)) or ""
    assert docstring.startswith("Trigger: ")
    assert "Effect: " in docstring
    assert f"dagbranch.use_cases.{folder.name}.{folder.name}" in imported(folder / "app.py")
    assert "def lambda_handler(event: dict[str, Any], context: LambdaContext)" in source


def test_there_is_a_use_case_for_every_function_with_its_public_name() -> None:
    found = {one.stem for one in (PACKAGE / "use_cases").glob("*.py")} - SHARED_USE_CASES - {"__init__"}

    assert found == {one.parent.name for one in HANDLERS}
    for name in found:
        tree = ast.parse((PACKAGE / "use_cases" / f"{name}.py").read_text())
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_the_unit_tests_mirror_the_package() -> None:
    modules = {label_in_package(one) for one in MODULES if one.name != "__init__.py"}
    tests = ROOT / "tests" / "unit"
    about_more = {"architecture", "benchmark_of_data_environments", "events_folder", "fakes"}
    about_more |= {"demo_page", "documents", "packages", "template", "template_lanes", "terminal_markdown"}
    found = {
        (one.parent / one.name.removeprefix("test_")).relative_to(tests).as_posix()
        for one in tests.rglob("test_*.py")
        if one.stem.removeprefix("test_") not in about_more
    }

    assert {one for one in found if not one.startswith(("functions/", "runtime/"))} <= modules


def label_in_package(module: Path) -> str:
    return module.relative_to(PACKAGE).as_posix()
