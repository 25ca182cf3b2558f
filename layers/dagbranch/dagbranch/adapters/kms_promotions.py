"""Promotions, signed with an asymmetric key that KMS keeps, and verified with its public half without asking anybody.

ECDSA on P-256 with SHA-256. The text itself is sent to KMS (``RAW``, at most 4,096 bytes), not its digest: a promotion
that S3's 2 KB of metadata can carry is shorter than that, and KMS then signs nothing that it has not hashed.

https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

from dagbranch.adapters.aws_answers import held_whole
from dagbranch.adapters.aws_errors import translated
from dagbranch.domain.promotion import Promotion, SignedPromotion
from dagbranch.errors import ConfigurationError, PromotionRefusedError

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

_PEM: Final = re.compile(r"-----BEGIN PUBLIC KEY-----(.*?)-----END PUBLIC KEY-----", re.DOTALL)
_LINE_END: Final = re.compile(r"\s|\\n")  # a form's single line makes spaces of them, JSON within JSON ``\n``
_ALGORITHM: Final = ec.ECDSA(hashes.SHA256())


class KmsSigner:
    """It needs ``kms:Sign`` by the key's own policy. ``key``: its id, ARN or alias."""

    def __init__(self, client: KMSClient, key: str) -> None:
        self._client = held_whole(client)
        self._key = key

    def sign(self, text: str) -> SignedPromotion:
        with translated("signing a promotion (kms:Sign)"):
            answer = self._client.sign(
                KeyId=self._key, Message=text.encode(), MessageType="RAW", SigningAlgorithm="ECDSA_SHA_256"
            )
        return SignedPromotion(text, answer["Signature"])


class PublicKeys:
    """One or more keys, so that a new one is known here before the lane before signs with it."""

    def __init__(self, pem: str) -> None:
        """Raises ConfigurationError where it is anything else than public keys on P-256."""
        self._keys = [_public_key(body) for body in _PEM.findall(pem)]
        if not self._keys or _LINE_END.sub("", _PEM.sub("", pem)):
            raise ConfigurationError(
                "PromotionPublicKey is no public key: expected PEM, one or more times from "
                "-----BEGIN PUBLIC KEY----- to -----END PUBLIC KEY-----"
            )

    def verified(self, signed: SignedPromotion | None) -> Promotion:
        if signed is None:
            raise PromotionRefusedError("no promotion came with the archive")
        if not any(_has_signed(key, signed) for key in self._keys):
            raise PromotionRefusedError("its promotion was signed with none of the keys in PromotionPublicKey")
        return Promotion.parse(signed.text)


def _public_key(body: str) -> ec.EllipticCurvePublicKey:
    try:
        key = load_der_public_key(base64.b64decode(_LINE_END.sub("", body), validate=True))
    except ValueError as error:
        raise ConfigurationError("a key in PromotionPublicKey cannot be read: it was cut off or changed") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ConfigurationError("a key in PromotionPublicKey is of another kind: expected ECC_NIST_P256")
    return key


def _has_signed(key: ec.EllipticCurvePublicKey, signed: SignedPromotion) -> bool:
    try:
        key.verify(signed.signature, signed.text.encode(), _ALGORITHM)
    except InvalidSignature:
        return False
    return True
