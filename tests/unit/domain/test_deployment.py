from __future__ import annotations

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from dagbranch.domain.deployment import (
    CopiedFile,
    commit_that_stands,
    digest_that_stands,
    plan_copy,
    sha256_that_stands,
    zip_marker,
)
from dagbranch.domain.ownership import carries, marker_of
from tests.fakes.examples import FIRST, an_environment


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
