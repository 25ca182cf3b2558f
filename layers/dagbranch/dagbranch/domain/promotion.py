"""What a lane says of an archive that it hands to the next one, in the form that is signed.

Digest, commit, repository and target lane are all in it, so that it is of no use for anything else.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime

from pydantic import TypeAdapter

from dagbranch.domain.naming import CANARY, RELEASE, SourceArchiveKey
from dagbranch.errors import PromotionRefusedError


@dataclass(frozen=True)
class Promotion:
    """``zip_sha256`` is of the packaged DAG that this ``version`` of dagbranch made of it in the lane ``source``.

    ``deployment_id`` is GitHub's, ``by`` the login of whoever made it, ``skipped`` the gates that were not asked.
    """

    repository_id: int
    repository: str
    head_sha: str
    source_digest: str
    zip_sha256: str
    version: str
    source: str
    target: str
    is_canary: bool
    deployment_id: int
    by: str
    at: datetime
    skipped: tuple[str, ...] = ()

    @property
    def key(self) -> SourceArchiveKey:
        """Where the archive lies in the next lane's source bucket."""
        number = CANARY if self.is_canary else RELEASE
        return SourceArchiveKey(self.repository, number, self.head_sha, self.source_digest)

    def __str__(self) -> str:
        """The text that is signed: one line of JSON, always the same for the same promotion."""
        return json.dumps({"dagbranch": 1, **asdict(self), "at": self.at.isoformat()}, sort_keys=True)

    @classmethod
    def parse(cls, text: str) -> Promotion:
        """Raises PromotionRefusedError for every other text than one that ``str`` gives."""
        try:
            values = json.loads(text)
            parsed = _PROMOTION.validate_python({name: values[name] for name in values if name != "dagbranch"})
        except (ValueError, TypeError, RecursionError):
            parsed = None
        if parsed is None or str(parsed) != text:
            raise PromotionRefusedError("what was signed is no promotion")
        return parsed


@dataclass(frozen=True)
class SignedPromotion:
    """As the archive's metadata carries it: ``signature`` is of the text, by ECDSA on P-256 with SHA-256 (DER)."""

    text: str
    signature: bytes


_PROMOTION = TypeAdapter(Promotion)


def check_promotion(promotion: Promotion, key: SourceArchiveKey, lane: str) -> None:
    """Raises PromotionRefusedError where a good signature is on an archive that it was not given for."""
    if promotion.target != lane:
        raise PromotionRefusedError(f"it was promoted to {promotion.target}, not to {lane}")
    if str(promotion.key) != str(key):
        raise PromotionRefusedError(f"it was promoted as {promotion.key}, and lies at {key}")
