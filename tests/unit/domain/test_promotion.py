from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagbranch.domain.naming import CANARY, RELEASE
from dagbranch.domain.promotion import Promotion, check_promotion
from dagbranch.errors import PromotionRefusedError
from tests.fakes.examples import REPOSITORY, SECOND
from tests.fakes.release_examples import a_promotion

PROMOTION = a_promotion(by="änna", skipped=("soak", "data"))


def test_what_is_signed_is_one_line_and_read_back_as_it_was() -> None:
    assert Promotion.parse(str(PROMOTION)) == PROMOTION
    assert "\n" not in str(PROMOTION)
    assert str(PROMOTION) == str(a_promotion(by="änna", skipped=("soak", "data")))


@pytest.mark.parametrize(
    "different", [{"at": "yesterday"}, {"deployment_id": "17"}, {"more": 1}, {"dagbranch": 2}, {"by": None}]
)
def test_what_says_something_else_is_no_promotion(different: dict[str, Any]) -> None:
    text = json.dumps({**json.loads(str(PROMOTION)), **different}, sort_keys=True)

    with pytest.raises(PromotionRefusedError):
        Promotion.parse(text)


@given(st.text() | st.builds(json.dumps, st.dictionaries(st.text(max_size=5), st.integers())))
def test_no_other_text_is_a_promotion(text: str) -> None:
    with pytest.raises(PromotionRefusedError):
        Promotion.parse(text)


def test_it_is_of_one_place_in_one_lane() -> None:
    key = PROMOTION.key
    assert (key.repository, key.pull_number) == (REPOSITORY, RELEASE)
    assert a_promotion(is_canary=True).key.pull_number == CANARY

    check_promotion(PROMOTION, key, "prod")
    with pytest.raises(PromotionRefusedError, match="promoted to prod, not to stage"):
        check_promotion(PROMOTION, key, "stage")
    for other in (a_promotion(head_sha=SECOND), a_promotion(is_canary=True), a_promotion(source_digest="0" * 64)):
        with pytest.raises(PromotionRefusedError, match="and lies at"):
            check_promotion(other, key, "prod")
