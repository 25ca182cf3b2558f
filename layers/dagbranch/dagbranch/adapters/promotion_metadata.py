"""A signed promotion as the user metadata of the archive that it is for; S3 allows 2 KB of it, in ASCII."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Final

from dagbranch.domain.promotion import SignedPromotion

_TEXT: Final = "dagbranch-promotion"
_SIGNATURE: Final = "dagbranch-signature"


def metadata_of(signed: SignedPromotion) -> dict[str, str]:
    return {_TEXT: _encoded(signed.text.encode()), _SIGNATURE: _encoded(signed.signature)}


def promotion_in(metadata: Mapping[str, str]) -> SignedPromotion | None:
    """None where there is none that can be read: whoever put the archive chose its metadata."""
    try:
        return SignedPromotion(_decoded(metadata[_TEXT]).decode(), _decoded(metadata[_SIGNATURE]))
    except (KeyError, ValueError):  # binascii's and UTF-8's errors are among the latter
        return None


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode()


def _decoded(text: str) -> bytes:
    return base64.b64decode(text, altchars=b"-_", validate=True)
