from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagbranch.domain.deployment import (
    CopiedFile,
    check_promoted_zip,
    commit_that_stands,
    digest_that_stands,
    plan_copy,
    sha256_that_stands,
    zip_marker,
)
from dagbranch.domain.environments import Half
from dagbranch.domain.ownership import carries, marker_of
from dagbranch.errors import InvalidPipelineError
from tests.fakes.examples import FIRST, NOW, an_environment
from tests.fakes.release_examples import a_promotion, a_release_record


def copied(content: bytes) -> CopiedFile:
    return CopiedFile("etag", hashlib.sha256(content).hexdigest())


files = st.dictionaries(st.sampled_from("abcde"), st.sampled_from([b"1", b"2"]))


@given(files, files)
def test_the_plan_brings_any_copy_to_the_wanted_files_and_puts_only_what_differs(
    wanted: dict[str, bytes], standing: dict[str, bytes]
) -> None:
    plan = plan_copy(wanted, {path: copied(content) for path, content in standing.items()})

    after = {**standing, **plan.put}
    assert {path: content for path, content in after.items() if path not in plan.drop} == wanted
    assert set(plan.keep) == {path for path in wanted if standing.get(path) == wanted[path]}
    assert plan.put.keys() | plan.keep.keys() == wanted.keys()


def test_an_object_that_somebody_replaced_is_put_again() -> None:
    assert plan_copy({"a": b"1"}, {"a": CopiedFile("another etag", "")}).put == {"a": b"1"}


def test_a_zip_tells_whose_it_is_of_which_content_and_commit_and_what_it_shows() -> None:
    environment = an_environment()

    marker = zip_marker(environment, "digest", "0.1.0", "all", "e" * 64)

    assert carries(marker, marker_of(environment))
    assert digest_that_stands(marker) == "digest"
    assert sha256_that_stands(marker) == "e" * 64
    assert commit_that_stands(marker, "digest", "0.1.0", "all") == FIRST
    assert commit_that_stands(marker, "another", "0.1.0", "all") is None
    assert commit_that_stands(marker, "digest", "0.2.0", "all") is None
    assert commit_that_stands(marker, "digest", "0.1.0", "some") is None
    assert commit_that_stands({}, "digest", "0.1.0", "all") is None


# What was promoted


ASKED = a_release_record(lane="prod", promotion=a_promotion())


def test_the_promoted_bytes_are_put_and_so_is_what_nobody_promoted() -> None:
    assert check_promoted_zip(ASKED, "e" * 64, "0.1.0") == []
    assert check_promoted_zip(replace(ASKED, promotion=None), "f" * 64, "0.2.0") == []


@pytest.mark.parametrize("version", ["0.1.0", "0.2.0"])
def test_other_bytes_are_refused_and_both_versions_are_named(version: str) -> None:
    with pytest.raises(InvalidPipelineError) as raised:
        check_promoted_zip(ASKED, "f" * 64, version)

    assert str(raised.value) == (
        "stage made the zip eeeeeeeeeeee… of this archive with dagbranch 0.1.0, and prod makes ffffffffffff… with "
        f"dagbranch {version}: run the same version in both lanes, and have it promoted again"
    )


@pytest.mark.parametrize("stood", [{"rolls_back": True}, {"pipeline": Half("d" * 64, FIRST, 1, NOW)}])
def test_what_stood_here_before_an_update_of_dagbranch_can_be_put_again_with_a_word(stood: dict[str, Any]) -> None:
    (warning,) = check_promoted_zip(replace(ASKED, **stood), "f" * 64, "0.2.0")

    assert "with dagbranch 0.1.0, and prod makes" in warning
    with pytest.raises(InvalidPipelineError):
        check_promoted_zip(replace(ASKED, **stood), "f" * 64, "0.1.0")
