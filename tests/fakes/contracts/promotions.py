"""What the signing of promotions and the next lane's bucket promise: the fakes in memory, KMS and S3 alike."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from dagbranch.domain.promotion import Promotion, SignedPromotion
from dagbranch.errors import PromotionRefusedError, SupersededError
from dagbranch.ports import NextLane, PromotionSigner, PromotionVerifier, SourceBucket
from tests.fakes.examples import FILES, SECOND, an_archive
from tests.fakes.release_examples import a_promotion

PROMOTION = a_promotion(by="änna", skipped=("soak",))


@dataclass(frozen=True)
class Keys:
    """``verifier`` knows the key of ``signer``, and that of ``before``, which is being replaced by it."""

    signer: PromotionSigner
    before: PromotionSigner
    stranger: PromotionSigner
    verifier: PromotionVerifier


class SigningContract:
    def test_what_the_lane_before_has_signed_is_read(self, keys: Keys) -> None:
        for signer in (keys.signer, keys.before):
            assert keys.verifier.verified(signer.sign(str(PROMOTION))) == PROMOTION

    def test_without_a_promotion_it_is_refused(self, keys: Keys) -> None:
        with pytest.raises(PromotionRefusedError):
            keys.verifier.verified(None)

    def test_what_another_key_has_signed_is_refused(self, keys: Keys) -> None:
        with pytest.raises(PromotionRefusedError):
            keys.verifier.verified(keys.stranger.sign(str(PROMOTION)))

    @pytest.mark.parametrize(
        "forged", [{"target": "stage"}, {"head_sha": SECOND}, {"source_digest": "0" * 64}, {"is_canary": True}]
    )
    def test_what_was_changed_after_it_was_signed_is_refused(self, keys: Keys, forged: dict[str, object]) -> None:
        signed = keys.signer.sign(str(PROMOTION))

        with pytest.raises(PromotionRefusedError):
            keys.verifier.verified(replace(signed, text=str(a_promotion(**forged))))

    @pytest.mark.parametrize("signature", [b"", b"\x30", b"signed", bytes(72), bytes(5000)])
    def test_what_is_no_signature_is_refused(self, keys: Keys, signature: bytes) -> None:
        with pytest.raises(PromotionRefusedError):
            keys.verifier.verified(SignedPromotion(str(PROMOTION), signature))

    @pytest.mark.parametrize("text", ["{}", "promoted", str(PROMOTION) + " ", str(PROMOTION)[:-1], "[" * 4000])
    def test_a_good_signature_on_what_is_no_promotion_is_refused(self, keys: Keys, text: str) -> None:
        with pytest.raises(PromotionRefusedError):
            keys.verifier.verified(keys.signer.sign(text))


@dataclass(frozen=True)
class Way:
    """From one lane to the next: ``received`` is that bucket as the next lane itself reads it."""

    next_lane: NextLane
    received: SourceBucket


def promoted_archive() -> tuple[Promotion, bytes]:
    key, archive = an_archive(FILES)
    return replace(PROMOTION, source_digest=key.source_digest), archive


class NextLaneContract:
    def test_an_archive_arrives_with_its_promotion(self, way: Way) -> None:
        promotion, archive = promoted_archive()
        signed = SignedPromotion(str(promotion), bytes(range(72)))

        way.next_lane.put(signed, promotion.key, archive)

        assert way.received.get(promotion.key, len(archive)) == archive
        assert way.received.promotion(promotion.key) == signed

    def test_the_same_archive_is_put_again_with_a_newer_promotion(self, way: Way) -> None:
        promotion, archive = promoted_archive()
        way.next_lane.put(SignedPromotion(str(promotion), b"first"), promotion.key, archive)
        newer = SignedPromotion(str(replace(promotion, deployment_id=18)), b"second")

        way.next_lane.put(newer, promotion.key, archive)

        assert way.received.promotion(promotion.key) == newer

    def test_a_canary_lies_beside_the_current_one(self, way: Way) -> None:
        promotion, archive = promoted_archive()
        canary = replace(promotion, is_canary=True)

        way.next_lane.put(SignedPromotion(str(canary), b"signed"), canary.key, archive)

        assert way.received.promotion(promotion.key) is None
        with pytest.raises(SupersededError):
            way.received.get(promotion.key, len(archive))
        assert way.received.get(canary.key, len(archive)) == archive

    def test_what_was_put_by_hand_has_no_promotion(self, way: Way) -> None:
        promotion, archive = promoted_archive()

        way.received.put(promotion.key, archive, {})

        assert way.received.promotion(promotion.key) is None

    def test_an_archive_that_is_announced_again_keeps_its_promotion(self, way: Way) -> None:
        promotion, archive = promoted_archive()
        signed = SignedPromotion(str(promotion), b"signed")
        way.next_lane.put(signed, promotion.key, archive)

        way.received.announce(promotion.key)

        assert way.received.promotion(promotion.key) == signed
        assert way.received.get(promotion.key, len(archive)) == archive

    def test_what_is_gone_is_not_announced(self, way: Way) -> None:
        with pytest.raises(SupersededError):
            way.received.announce(PROMOTION.key)
