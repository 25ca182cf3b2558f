"""What somebody may do in prod's buckets: archives that stage has not promoted so, and another zip in place of ours."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from dagbranch.adapters.promotion_metadata import metadata_of, promotion_in
from dagbranch.domain.naming import CANARY, RELEASE, SourceArchiveKey
from dagbranch.domain.promotion import Promotion, SignedPromotion
from local.demo import observation
from tests.e2e.releases import REPOSITORY, Asked, Shop, Stands

KINDS: Final = ("another text", "a key of somebody's own", "for another commit", "as a canary", "none")


@dataclass(frozen=True)
class Archive:
    key: str
    content: bytes
    metadata: Mapping[str, str]

    @property
    def signed(self) -> SignedPromotion:
        found = promotion_in(self.metadata)
        assert found is not None
        return found

    @property
    def place(self) -> SourceArchiveKey:
        return SourceArchiveKey.parse(self.key)


@dataclass(frozen=True)
class Refused:
    """What the dead letters of prod's promote_release say of it."""

    key: str
    reason: str


def tamper(shop: Shop, sha: str, other_sha: str) -> dict[str, Refused]:
    """Puts one archive of each kind, and returns what was said of it; ``sha`` is what stands in prod."""
    promoted = _promoted(shop, sha)
    refused = {}
    for kind, made in _KINDS.items():
        archive = made(promoted, other_sha)
        _put(shop, archive)
        refused[kind] = _dead_letter(shop, archive.key)
    return refused


def replace_zip(shop: Shop, sha: str) -> Stands:
    """Puts a zip of one's own where prod's stands, and what stands there when a sweep has been; ``sha`` is prod's."""
    s3, place = shop.prod.aws.client("s3"), {"Bucket": shop.prod.dags_bucket, "Key": "dags/prod_shop.zip"}
    before = s3.head_object(**place)
    s3.put_object(**place, Body=b"PK\x05\x06" + bytes(18), Metadata=before["Metadata"])  # an empty one
    shop.prod.sweep()
    shop.wait(lambda: s3.head_object(**place)["ETag"] == before["ETag"], "the sweep has put the zip right")
    return shop.stands(shop.prod, sha)


def spoil(shop: Shop, sha: str) -> Asked:
    """Puts other bytes under the signature of a commit that had been ready in prod, and asks to go back to it."""
    promoted = _promoted(shop, sha)
    changed = promoted.content.replace(b"schedule", b"Schedule")
    assert changed != promoted.content
    _put(shop, replace(promoted, content=changed))
    return shop.answered(shop.deploy(sha), "failure")


def _put(shop: Shop, archive: Archive) -> None:
    """By the role of the lane before, the only one that may."""
    s3 = shop.stage.aws.client_of(shop.stage.outputs["PromoteReleaseRoleArn"], "s3")
    bucket = shop.prod.outputs["SourceBucketName"]
    s3.put_object(Bucket=bucket, Key=archive.key, Body=archive.content, Metadata=dict(archive.metadata))


def _promoted(shop: Shop, sha: str) -> Archive:
    """The archive of the commit, as it was promoted."""
    (key,) = (key for key in observation.source_archives(shop.prod, REPOSITORY, RELEASE) if sha in key)
    answer = shop.prod.aws.client("s3").get_object(Bucket=shop.prod.outputs["SourceBucketName"], Key=key)
    return Archive(key, answer["Body"].read(), answer["Metadata"])


def _another_text(archive: Archive, other_sha: str) -> Archive:
    text = str(replace(Promotion.parse(archive.signed.text), head_sha=other_sha))
    return _with(archive, SignedPromotion(text, archive.signed.signature), replace(archive.place, head_sha=other_sha))


def _key_of_their_own(archive: Archive, _: str) -> Archive:
    own = ec.generate_private_key(ec.SECP256R1())
    signature = own.sign(archive.signed.text.encode(), ec.ECDSA(hashes.SHA256()))
    return _with(archive, SignedPromotion(archive.signed.text, signature), archive.place)


def _for_another_commit(archive: Archive, other_sha: str) -> Archive:
    return _with(archive, archive.signed, replace(archive.place, head_sha=other_sha))


def _as_canary(archive: Archive, _: str) -> Archive:
    return _with(archive, archive.signed, replace(archive.place, pull_number=CANARY))


def _without(archive: Archive, _: str) -> Archive:
    return replace(archive, metadata={})


_KINDS: Final[Mapping[str, Callable[[Archive, str], Archive]]] = dict(
    zip(
        KINDS,
        (_another_text, _key_of_their_own, _for_another_commit, _as_canary, _without),
        strict=True,
    )
)


def _with(archive: Archive, signed: SignedPromotion, place: SourceArchiveKey) -> Archive:
    return replace(archive, key=str(place), metadata=metadata_of(signed))


def _dead_letter(shop: Shop, key: str) -> Refused:
    """Taken away, so that the next one is not taken for it."""
    sqs, letters = shop.prod.aws.client("sqs"), shop.prod.deployed.physical_id("PromoteReleaseDeadLetters")
    found: list[dict[str, Any]] = []

    def is_there() -> bool:
        answer = sqs.receive_message(QueueUrl=letters, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
        found.extend(answer.get("Messages", []))
        return bool(found)

    shop.wait(is_there, f"what was put as {key} is among the dead letters")
    (message,) = found
    sqs.delete_message(QueueUrl=letters, ReceiptHandle=message["ReceiptHandle"])
    body = json.loads(message["Body"])
    return Refused(body["detail"]["object"]["key"], message["MessageAttributes"]["reason"]["StringValue"])
