"""The module that DAG code imports, inside of an environment and outside."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from types import ModuleType

import pytest

from dagbranch.runtime import dagbranch_env, served_module
from dagbranch.runtime.configuration import Configuration


@pytest.fixture
def outside() -> Iterator[ModuleType]:
    """As it is where nothing served it."""
    yield importlib.reload(dagbranch_env)
    importlib.reload(dagbranch_env)


@pytest.fixture
def inside(outside: ModuleType) -> dict[str, object]:
    return served_module.serve(
        Configuration(
            environment="feature1",
            lane="preview",
            head_sha=40 * "0",
            settings={"src_conn": "warehouse_test"},
            schemas={"db_attribution": "db_attribution_feature1"},
        )
    )


def test_inside_it_tells_of_the_environment(inside: dict[str, object]) -> None:
    served = dagbranch_env

    assert (served.environment, served.lane, served.commit) == ("feature1", "preview", 40 * "0")
    assert served.schema("db_attribution") == "db_attribution_feature1"
    assert served.setting("src_conn") == "warehouse_test"


def test_templates_get_the_same_names(inside: dict[str, object]) -> None:
    assert sorted(inside) == ["artifact", "commit", "environment", "lane", "schema", "setting"]


def test_a_schema_that_is_not_declared_is_an_error_and_never_a_shared_one(inside: dict[str, object]) -> None:
    with pytest.raises(LookupError, match=r"no schema 'db_other'.*declared: db_attribution"):
        dagbranch_env.schema("db_other")


def test_a_setting_that_is_not_there_is_its_default_or_an_error(inside: dict[str, object]) -> None:
    assert dagbranch_env.setting("dst_conn", None) is None
    with pytest.raises(LookupError, match="no setting 'dst_conn' for the lane preview"):
        dagbranch_env.setting("dst_conn")


def test_outside_a_schema_has_the_suffix_of_the_process_environment(
    outside: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert outside.schema("db_attribution") == "db_attribution"
    monkeypatch.setenv("DAGBRANCH_TABLE_SUFFIX", "_mine")
    assert outside.schema("db_attribution") == "db_attribution_mine"
    assert outside.environment == ""
    assert outside.setting("src_conn", "local") == "local"
