"""The JSON Web Token by which an App says who it is, checked as GitHub checks it.

https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app
"""

from __future__ import annotations

import time
from typing import Any

import jwt

from local.github.apps import AppRecord, Apps
from local.github.rest.messages import ApiError

_LONGEST_LIFE_SECONDS = 600
_CLOCK_SKEW_SECONDS = 5
_NOT_DECODED = "A JSON web token could not be decoded"


def is_signed(text: str) -> bool:
    """Whether this looks like a JSON Web Token at all."""
    return text.count(".") == 2


def app_of(text: str, apps: Apps) -> AppRecord:
    """The App that signed it; raises ApiError in GitHub's words."""
    try:
        issuer = jwt.decode(text, options={"verify_signature": False})["iss"]
    except (jwt.InvalidTokenError, KeyError):
        raise ApiError(401, _NOT_DECODED) from None
    app = next((one for one in apps.registered.values() if str(issuer) in {str(one.id), one.client_id}), None)
    if app is None:
        raise ApiError(404, "Integration not found")
    _check_times(_claims(text, app))
    return app


def _claims(text: str, app: AppRecord) -> dict[str, Any]:
    options: Any = {"verify_exp": False, "verify_iat": False, "verify_iss": False}
    for key in app.public_keys:
        try:
            return dict(jwt.decode(text, key, algorithms=["RS256"], options=options))
        except jwt.InvalidTokenError:
            continue
    raise ApiError(401, _NOT_DECODED)


def _check_times(claims: dict[str, Any]) -> None:
    issued, expires, now = claims.get("iat"), claims.get("exp"), time.time()
    if not isinstance(expires, int | float) or expires <= now:
        words = "must be a numeric value representing the future time at which the assertion expires"
        raise ApiError(401, f"'Expiration time' claim ('exp') {words}")
    if expires > now + _LONGEST_LIFE_SECONDS + _CLOCK_SKEW_SECONDS:
        raise ApiError(401, "'Expiration time' claim ('exp') is too far in the future")
    if not isinstance(issued, int | float) or issued > now + _CLOCK_SKEW_SECONDS:
        words = "must be an Integer representing the time that the assertion was issued"
        raise ApiError(401, f"'Issued at' claim ('iat') {words}")
