"""Who may use the warehouse: its own token, and those given for a service principal's credentials (RFC 6749, 4.4).

https://docs.databricks.com/aws/en/dev-tools/auth/oauth-m2m
"""

from __future__ import annotations

import base64
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qs

TOKEN_PATH: Final = "/oidc/v1/token"
LIFETIME_SECONDS: Final = 3600


@dataclass
class Tokens:
    personal: str
    client_id: str
    client_secret: str
    given: set[str] = field(default_factory=set)

    def allow(self, authorization: str) -> bool:
        return any(_same(authorization, f"Bearer {token}") for token in (self.personal, *self.given))

    def give(self, authorization: str, body: bytes) -> tuple[int, Mapping[str, object]]:
        """Status and answer of the token endpoint; only the confidential client's Basic authorization is taken."""
        asked = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        basic = base64.b64encode(f"{self.client_id}:{self.client_secret}".encode()).decode()
        if not _same(authorization, f"Basic {basic}"):
            return 401, {"error": "invalid_client", "error_description": "Client authentication failed"}
        if asked.get("grant_type") != "client_credentials":
            return 400, {"error": "unsupported_grant_type"}
        if asked.get("scope") != "all-apis":
            return 400, {"error": "invalid_scope"}
        token = f"oauth-{secrets.token_hex(16)}"
        self.given.add(token)
        return 200, {
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": LIFETIME_SECONDS,
            "scope": "all-apis",
        }


def _same(given: str, right: str) -> bool:
    return hmac.compare_digest(given.encode(), right.encode())
