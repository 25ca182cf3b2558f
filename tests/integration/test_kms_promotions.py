"""Promotions signed by KMS (moto) and verified by the public halves of its keys alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import boto3
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from moto import mock_aws

from dagbranch.adapters.kms_promotions import KmsSigner, PublicKeys
from dagbranch.domain.promotion import SignedPromotion
from dagbranch.errors import ConfigurationError, PromotionRefusedError, UpstreamError
from tests.fakes.contracts.promotions import PROMOTION, Keys, SigningContract

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

ANOTHER_CURVE = ec.generate_private_key(ec.SECP384R1()).public_key()
NO_CURVE = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()


@pytest.fixture(scope="module")
def kms() -> Iterator[KMSClient]:
    with pytest.MonkeyPatch.context() as environment, mock_aws():
        environment.setenv("AWS_ACCESS_KEY_ID", "made-up")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "made-up")
        yield boto3.client("kms", region_name="eu-central-1")


@pytest.fixture(scope="module")
def key(kms: KMSClient) -> str:
    return made(kms)


@pytest.fixture(scope="module")
def pem(kms: KMSClient, key: str) -> str:
    return public_half(kms, key)


def made(kms: KMSClient) -> str:
    return kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]


def public_half(kms: KMSClient, key: str) -> str:
    der = kms.get_public_key(KeyId=key)["PublicKey"]
    return as_pem(serialization.load_der_public_key(der))


def as_pem(key: object) -> str:
    assert isinstance(key, ec.EllipticCurvePublicKey | rsa.RSAPublicKey)
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(serialization.Encoding.PEM, form).decode()


class TestKmsPromotions(SigningContract):
    @pytest.fixture
    def keys(self, kms: KMSClient, key: str, pem: str) -> Keys:
        before = made(kms)
        verifier = PublicKeys(f"{public_half(kms, before)}\n{pem}")
        return Keys(KmsSigner(kms, key), KmsSigner(kms, before), KmsSigner(kms, made(kms)), verifier)


def test_no_byte_of_text_or_signature_may_differ(kms: KMSClient, key: str, pem: str) -> None:
    signed, verifier = KmsSigner(kms, key).sign(str(PROMOTION)), PublicKeys(pem)
    text, signature = signed.text.encode(), signed.signature

    accepted = [
        *(at for at in range(len(text)) if is_taken(verifier, flipped(text, at), signature)),
        *(at for at in range(len(signature)) if is_taken(verifier, text, flipped(signature, at))),
    ]

    assert accepted == []
    assert is_taken(verifier, text, signature)


def flipped(content: bytes, at: int) -> bytes:
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


def is_taken(verifier: PublicKeys, text: bytes, signature: bytes) -> bool:
    try:
        verifier.verified(SignedPromotion(text.decode(), signature))
    except PromotionRefusedError:
        return False
    return True


@pytest.mark.parametrize(
    "pasted",
    [
        lambda pem: pem.replace("\n", "\r\n"),
        lambda pem: pem.strip().replace("\n", " "),
        lambda pem: pem.replace("\n", "\\n"),
        lambda pem: f"  {pem}\n\n{pem}",
    ],
    ids=["of_windows", "in_one_line", "of_json", "twice"],
)
def test_key_is_read_however_the_parameter_was_filled_in(
    kms: KMSClient, key: str, pem: str, pasted: Callable[[str], str]
) -> None:
    signed = KmsSigner(kms, key).sign(str(PROMOTION))

    assert PublicKeys(pasted(pem)).verified(signed) == PROMOTION


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (lambda _: "", "no public key"),
        (lambda _: "arn:aws:kms:eu-central-1:123456789012:key/1", "no public key"),
        (lambda pem: pem.replace("PUBLIC", "PRIVATE"), "no public key"),
        (lambda pem: f"{pem}and more", "no public key"),
        (lambda pem: pem[:60] + pem[80:], "cut off"),
        (lambda pem: pem[:60] + "?" + pem[61:], "cut off"),
        (lambda _: as_pem(ANOTHER_CURVE), "another kind"),
        (lambda pem: pem + as_pem(NO_CURVE), "another kind"),
    ],
)
def test_a_parameter_that_is_no_key_is_told_to_the_owner_of_the_stack(
    pem: str, broken: Callable[[str], str], told: str
) -> None:
    with pytest.raises(ConfigurationError, match="PromotionPublicKey") as error:
        PublicKeys(broken(pem))

    assert told in str(error.value)


def test_a_key_that_is_not_there_is_an_error_of_the_stack(kms: KMSClient) -> None:
    with pytest.raises(UpstreamError, match=r"signing a promotion \(kms:Sign\): AWS answered"):
        KmsSigner(kms, "alias/gone").sign(str(PROMOTION))
