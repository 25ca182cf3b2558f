from __future__ import annotations

import pytest

from dagbranch.domain.schema_pairs import SchemaPair, check_allowed, schema_pairs
from dagbranch.domain.source_allowance import SourceAllowance
from dagbranch.errors import InvalidPipelineError
from tests.unit.domain.data_environment import SUFFIX, specification

DECLARED = specification(
    "{source_suffix: _test, schemas: {Db_Attribution: {catalog: Marketing, read: all}, db_costs: {read: all}}}"
)


def test_each_schema_has_a_source_and_a_target_of_its_own_in_lower_case() -> None:
    assert schema_pairs(DECLARED, "feature1", SUFFIX) == (
        SchemaPair("Db_Attribution", "marketing.db_attribution_test", "marketing.db_attribution_feature1"),
        SchemaPair("db_costs", "db_costs_test", "db_costs_feature1"),
    )


def test_a_pair_knows_where_a_person_finds_it() -> None:
    (first, _) = schema_pairs(DECLARED, "feature1", SUFFIX)

    assert first.key == "dagbranch.yaml: data.schemas.Db_Attribution"


def test_an_environment_never_writes_where_its_data_comes_from() -> None:
    with pytest.raises(InvalidPipelineError, match=r"data\.schemas\.Db_Attribution: the environment test would write"):
        schema_pairs(DECLARED, "test", SUFFIX)


def test_all_that_a_stack_does_not_allow_is_told_with_what_it_does() -> None:
    pairs = schema_pairs(DECLARED, "feature1", SUFFIX)

    check_allowed(pairs, SourceAllowance(frozenset({"marketing"}), frozenset({"_test"})))
    with pytest.raises(InvalidPipelineError) as raised:
        check_allowed(pairs, SourceAllowance(frozenset({"finance", "sales"}), frozenset({"_sandbox"})))

    assert str(raised.value).splitlines() == [
        "dagbranch.yaml: data.schemas.Db_Attribution.catalog: marketing: expected finance or sales",
        "dagbranch.yaml: data.schemas.Db_Attribution: reads db_attribution_test: source_suffix: expected _sandbox",
        "dagbranch.yaml: data.schemas.db_costs: reads db_costs_test: source_suffix: expected _sandbox",
        "(the stack's parameters ReadableCatalogs and ReadableSourceSuffixes say what may be read)",
    ]
