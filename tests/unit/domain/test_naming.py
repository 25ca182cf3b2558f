from __future__ import annotations

import contextlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagbranch.domain import naming
from dagbranch.domain.naming import (
    LANES,
    RESERVED_NAMES,
    SourceArchiveKey,
    commit_tag,
    environment_name,
    environment_name_candidates,
    is_commit_sha,
    is_environment_name,
    is_repository_name,
    schema_name,
)
from dagbranch.errors import InvalidEventError, SourceError

SHA, DIGEST = "a" * 40, "b" * 64
branches = st.text(max_size=60) | st.sampled_from([*RESERVED_NAMES, "feature/ATTR-1", "dependabot/npm/x", "---", ""])
pull_numbers = st.integers(min_value=1, max_value=10**9)
repositories = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9-]{0,20}/[A-Za-z0-9_][A-Za-z0-9._-]{0,20}", fullmatch=True)


@pytest.mark.parametrize(
    ("branch", "name"),
    [
        ("feature1", "feature1"),
        ("Feature/AT-12_new--model", "feature_at_12_new_model"),
        ("___x___", "x"),
        ("a" * 24, "a" * 24),
        ("grün/ß", "gr_n"),
        ("'; DROP SCHEMA prod; --", "drop_schema_prod"),
    ],
)
def test_a_branch_gives_its_environments_name(branch: str, name: str) -> None:
    assert environment_name(branch) == name


def test_long_branches_that_begin_alike_get_different_names() -> None:
    names = {environment_name(f"feature/the-same-long-beginning-{n}") for n in range(50)}

    assert len(names) == 50
    assert all(len(name) <= 24 for name in names)


def test_a_branch_without_letters_is_named_after_its_pull_request() -> None:
    assert environment_name("---", 7) == "pr_7"
    with pytest.raises(SourceError, match="no name"):
        environment_name("---")


@pytest.mark.parametrize("name", sorted(RESERVED_NAMES))
def test_a_reserved_name_is_never_given_and_the_number_helps(name: str) -> None:
    with pytest.raises(SourceError, match="reserved"):
        environment_name(name)
    assert environment_name(name, 7) == f"{name}_7"
    assert name not in environment_name_candidates(name, 7, "acme/pipelines")


def test_every_lane_is_reserved() -> None:
    assert set(LANES) <= RESERVED_NAMES


@given(branches, pull_numbers, repositories)
def test_every_candidate_fits_a_schema_a_zip_and_a_dag_id(branch: str, pull_number: int, repository: str) -> None:
    candidates = environment_name_candidates(branch, pull_number, repository)

    assert 2 <= len(candidates) <= 3
    assert len(set(candidates)) == len(candidates)
    for name in candidates:
        assert is_environment_name(name)
        assert re.fullmatch(r"[a-z0-9][a-z0-9_]*", name)
        assert name not in RESERVED_NAMES
    if len(candidates) == 3:
        assert len(candidates[0]) <= 24


@given(branches, pull_numbers, repositories, repositories)
def test_candidates_are_a_function_of_the_pull_request_alone(
    branch: str, pull_number: int, repository: str, other: str
) -> None:
    candidates = environment_name_candidates(branch, pull_number, repository)

    assert candidates == environment_name_candidates(branch, pull_number, repository)
    assert environment_name(branch, pull_number) == candidates[0]
    elsewhere = environment_name_candidates(branch, pull_number, other)
    assert elsewhere[:-1] == candidates[:-1]
    assert (elsewhere[-1] == candidates[-1]) == (repository == other)


@given(
    repositories,
    pull_numbers,
    st.binary(min_size=20, max_size=20).map(bytes.hex),
    st.binary(min_size=32, max_size=32).map(bytes.hex),
)
def test_a_source_archives_key_is_read_back_as_it_was_written(
    repository: str, pull_number: int, sha: str, digest: str
) -> None:
    key = SourceArchiveKey(repository, pull_number, sha, digest)

    assert SourceArchiveKey.parse(str(key)) == key


GOOD = f"sources/acme/pipelines/pull/1/{SHA}/{DIGEST}.zip"


@pytest.mark.parametrize(
    "key",
    [
        "",
        "sources/",
        GOOD.removesuffix(".zip"),
        GOOD + ".zip",
        f"/{GOOD}",
        GOOD.replace("sources", "source"),
        GOOD.replace("/1/", "/01/"),
        GOOD.replace("/1/", "/-1/"),
        GOOD.replace("/1/", "/\u0661/"),
        GOOD.replace("/1/", "/x/"),
        GOOD.replace("pull", "release"),
        GOOD.replace(SHA, "A" * 40),
        GOOD.replace(SHA, "a" * 39),
        GOOD.replace(DIGEST, "b" * 63),
        GOOD.replace("acme", ".."),
        GOOD.replace("pipelines", ".."),
        GOOD.replace("acme/pipelines", "acme"),
        GOOD.replace("acme/pipelines", "acme/pipelines/more"),
        f"{GOOD}\n",
    ],
)
def test_any_other_key_is_no_request(key: str) -> None:
    assert SourceArchiveKey.parse(GOOD)

    with pytest.raises(InvalidEventError, match="sources/<owner>"):
        SourceArchiveKey.parse(key)


@given(st.text(max_size=200))
def test_no_key_is_anything_but_parsed_or_invalid(key: str) -> None:
    with contextlib.suppress(InvalidEventError):
        assert str(SourceArchiveKey.parse(key)) == key


@pytest.mark.parametrize("name", ["acme/pipelines", "a/b", "Acme-1/pipe.lines_2", "acme/.github"])
def test_a_repository_name_is_owner_and_name(name: str) -> None:
    assert is_repository_name(name)


@pytest.mark.parametrize("name", ["", "acme", "acme/", "/x", "acme/..", "acme/.", "a_b/c", "a/b/c", "acme/x\n", "-a/b"])
def test_anything_else_is_no_repository_name(name: str) -> None:
    assert not is_repository_name(name)


def test_a_commit_is_its_sha_or_the_beginning_of_one() -> None:
    assert is_commit_sha(SHA)
    assert is_commit_sha("abcdef1")
    assert not is_commit_sha("abcdef")
    assert not is_commit_sha("main")
    assert not is_commit_sha(SHA + "a")


def test_everything_of_an_environment_is_named_after_it() -> None:
    assert schema_name("db_attribution", "feature1") == "db_attribution_feature1"
    assert schema_name("db_attribution", "feature1", "_{environment}_x") == "db_attribution_feature1_x"
    assert schema_name("db_attribution", "prod", "_live") == "db_attribution_live"
    assert naming.zip_key("dags", "feature1") == "dags/feature1.zip"
    assert naming.copy_prefix("dags", "feature1") == "dags/feature1/"
    assert naming.configuration_key("dags", "feature1", "d1") == "dags/feature1/.dagbranch/d1.json"
    assert naming.copy_index_key("a/dags", "feature1") == "a/dags/feature1/.dagbranch/copy.json"
    assert commit_tag(SHA) == "commit:aaaaaaa"


@given(st.sampled_from(["feature1", "feature1_1", "f"]), st.sampled_from(["feature1", "feature1_1", "f"]))
def test_no_two_environments_share_a_key_or_a_prefix(one: str, other: str) -> None:
    if one != other:
        assert not naming.zip_key("dags", one).startswith(naming.copy_prefix("dags", other))
        assert not naming.copy_prefix("dags", one).startswith(naming.copy_prefix("dags", other))
        assert naming.name_key(one) != naming.name_key(other)
    assert naming.pull_request_key(1, 23) != naming.pull_request_key(12, 3)
