"""Signed promotions and the next lane's bucket, in memory."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

from dagbranch.domain.naming import SourceArchiveKey
from dagbranch.domain.promotion import Promotion, SignedPromotion
from dagbranch.errors import PromotionRefusedError
from tests.fakes.buckets import InMemorySourceBucket


@dataclass(frozen=True)
class InMemorySigner:
    key: bytes = b"the key of stage"

    def sign(self, text: str) -> SignedPromotion:
        return SignedPromotion(text, hmac.digest(self.key, text.encode(), hashlib.sha256))


@dataclass(frozen=True)
class InMemoryVerifier:
    """Of the signers whose keys it knows."""

    signers: tuple[InMemorySigner, ...] = (InMemorySigner(),)

    def verified(self, signed: SignedPromotion | None) -> Promotion:
        if signed is None:
            raise PromotionRefusedError("no promotion came with the archive")
        if signed not in {one.sign(signed.text) for one in self.signers}:
            raise PromotionRefusedError("the lane before has not signed it")
        return Promotion.parse(signed.text)


@dataclass(frozen=True)
class InMemoryNextLane:
    bucket: InMemorySourceBucket

    def put(self, promotion: SignedPromotion, key: SourceArchiveKey, archive: bytes) -> None:
        self.bucket.put(key, archive, {})
        self.bucket.promotions[str(key)] = promotion
