from __future__ import annotations

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from dagbranch.adapters.aws_errors import code_of, translated
from dagbranch.errors import SupersededError, TransientUpstreamError, UpstreamError


def refused(code: str, status: int = 400) -> ClientError:
    error = {"Code": code, "Message": "told by AWS"}
    return ClientError({"Error": error, "ResponseMetadata": {"HTTPStatusCode": status}}, "PutObject")  # type: ignore[typeddict-item] # what the code reads


@pytest.mark.parametrize(
    "error", [refused("SlowDown", 503), refused("ThrottlingException"), refused("Odd", 500), refused("429", 429)]
)
def test_what_passes_is_transient(error: ClientError) -> None:
    with pytest.raises(TransientUpstreamError), translated("putting x"):
        raise error


@pytest.mark.parametrize("code", ["AccessDenied", "NoSuchBucket", "ValidationException"])
def test_everything_else_is_for_good_and_says_what_was_done(code: str) -> None:
    told = f"putting x: AWS answered {code}: told by AWS"

    with pytest.raises(UpstreamError, match=told) as error, translated("putting x"):
        raise refused(code)
    assert not isinstance(error.value, TransientUpstreamError)
    assert isinstance(error.value.__cause__, ClientError)


def test_a_service_that_cannot_be_reached_passes() -> None:
    with pytest.raises(TransientUpstreamError, match="could not be asked"), translated("x"):
        raise EndpointConnectionError(endpoint_url="https://s3.example")


def test_our_own_errors_are_left_as_they_are() -> None:
    with pytest.raises(SupersededError), translated("x"):
        raise SupersededError("newer")


def test_an_error_without_a_code_has_an_empty_one() -> None:
    assert code_of(ClientError({}, "PutObject")) == ""
