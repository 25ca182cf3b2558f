"""The way of an archive into the next lane's source bucket (S3 by moto), with its promotion as metadata."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import boto3
import pytest
from moto import mock_aws

from dagbranch.adapters.next_lane import S3NextLane
from dagbranch.adapters.promotion_metadata import metadata_of
from dagbranch.adapters.s3 import S3SourceBucket
from dagbranch.domain.gates import SKIPPABLE
from dagbranch.domain.promotion import SignedPromotion
from dagbranch.errors import UpstreamError
from tests.fakes.contracts.promotions import NextLaneContract, Way, promoted_archive
from tests.fakes.examples import NOW
from tests.fakes.release_examples import a_promotion

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BUCKET = "acme-prod-sources"
S3_ALLOWS_BYTES = 2_048  # of user metadata: names and values


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Client]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "made-up")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "made-up")
    with mock_aws():
        service = boto3.client("s3", region_name="eu-central-1")
        service.create_bucket(
            Bucket=BUCKET,
            CreateBucketConfiguration={"LocationConstraint": "eu-central-1"},
            ObjectOwnership="BucketOwnerEnforced",
        )
        service.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        yield service


@pytest.fixture
def way(client: S3Client) -> Way:
    return Way(S3NextLane(client, BUCKET), S3SourceBucket(client, BUCKET))


class TestS3NextLane(NextLaneContract):
    pass


def test_longest_promotion_there_can_be_fits_into_what_s3_carries_of_an_archive() -> None:
    owner, name, login = "o" * 39, "n" * 100, "l" * 39 + "_company"
    longest = a_promotion(
        repository_id=2**63,
        repository=f"{owner}/{name}",
        version="999.999.999.post999",
        source="preview",
        is_canary=False,
        deployment_id=2**63,
        by=f"{login}[bot]",
        at=NOW.replace(microsecond=999_999),
        skipped=tuple(sorted(SKIPPABLE)),
    )

    metadata = metadata_of(SignedPromotion(str(longest), bytes(72)))  # the longest signature of P-256 in DER

    assert sum(len(name) + len(value) for name, value in metadata.items()) < S3_ALLOWS_BYTES
    assert "".join(metadata.values()).isascii()


@pytest.mark.parametrize(
    "metadata",
    [
        {"dagbranch-promotion": "e30="},
        {"dagbranch-signature": "e30="},
        {"dagbranch-promotion": "?", "dagbranch-signature": "e30="},
        {"dagbranch-promotion": "e30=", "dagbranch-signature": "e30"},
        {"dagbranch-promotion": "gICA", "dagbranch-signature": "e30="},
    ],
    ids=["no_signature", "no_text", "not_encoded", "cut_off", "no_text_in_it"],
)
def test_metadata_that_carries_no_promotion_is_none(client: S3Client, way: Way, metadata: Mapping[str, str]) -> None:
    promotion, archive = promoted_archive()
    client.put_object(Bucket=BUCKET, Key=str(promotion.key), Body=archive, Metadata=metadata)

    assert way.received.promotion(promotion.key) is None


def test_what_is_announced_again_is_a_new_version_of_the_same(client: S3Client, way: Way) -> None:
    promotion, archive = promoted_archive()
    way.next_lane.put(SignedPromotion(str(promotion), b"signed"), promotion.key, archive)
    before = client.head_object(Bucket=BUCKET, Key=str(promotion.key))

    way.received.announce(promotion.key)

    after = client.head_object(Bucket=BUCKET, Key=str(promotion.key))
    assert after["VersionId"] != before["VersionId"]
    kept = ("ETag", "Metadata", "ContentType", "ContentLength")
    assert {name: after.get(name) for name in kept} == {name: before.get(name) for name in kept}


def test_a_bucket_that_is_not_there_is_told(client: S3Client) -> None:
    promotion, archive = promoted_archive()

    with pytest.raises(UpstreamError, match="NoSuchBucket"):
        S3NextLane(client, "elsewhere").put(SignedPromotion(str(promotion), b""), promotion.key, archive)


def test_promotion_of_another_archive_is_not_lost_with_this_one(way: Way) -> None:
    promotion, archive = promoted_archive()
    other = replace(promotion, head_sha="f" * 40)
    for one in (promotion, other):
        way.next_lane.put(SignedPromotion(str(one), one.head_sha.encode()), one.key, archive)

    assert way.received.promotion(other.key) == SignedPromotion(str(other), other.head_sha.encode())
