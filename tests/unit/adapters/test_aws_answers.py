"""What is read of AWS's answers, and what is not."""

from __future__ import annotations

import pytest

from dagbranch.adapters.aws_answers import fault_of

WHOLE = b'{"Item": {}}'
ITS_OWN = {"x-amzn-RequestId": "1", "Content-Length": str(len(WHOLE))}


@pytest.mark.parametrize("headers", [ITS_OWN, {"X-Amz-Request-Id": "1"}])
def test_a_whole_answer_of_aws_is_read(headers: dict[str, str]) -> None:
    assert fault_of(headers, WHOLE, is_json=True) is None


@pytest.mark.parametrize("body", [b"", object()])
def test_a_body_that_is_empty_or_still_to_be_read_tells_nothing(body: object) -> None:
    assert fault_of({"x-amz-request-id": "1", "content-length": "77"}, body, is_json=False) is None


@pytest.mark.parametrize(
    ("headers", "body", "fault"),
    [
        ({"Content-Length": "12"}, WHOLE, "does not come from AWS"),
        (ITS_OWN, WHOLE[:5], "breaks off after 5 of 12 bytes"),
        ({"x-amzn-requestid": "1"}, b"<html></html>", "is no JSON"),
    ],
)
def test_what_is_not_whole_or_not_of_aws_is_not_read(headers: dict[str, str], body: bytes, fault: str) -> None:
    assert fault in (fault_of(headers, body, is_json=True) or "")


def test_xml_is_left_to_botocore_which_refuses_what_is_none() -> None:
    assert fault_of({"x-amz-request-id": "1"}, b"<html></html>", is_json=False) is None
