"""Webhooks as GitHub sends them: signed, once, with ten seconds to answer; and the record of what was sent."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests

HOOK_ID = 109_948_940
_TIMEOUT_SECONDS = 10.0  # docs.github.com, "Best practices for using webhooks"


@dataclass(frozen=True)
class Delivery:
    """One attempt to deliver an event. Without a ``sent_at`` it was withheld: the event got lost.

    ``status`` is None where no answer came; ``error`` then says why. A redelivery has the ``id`` of the first attempt.
    """

    id: str
    event: str
    action: str | None
    body: bytes = field(repr=False)
    sent_at: datetime | None = None
    duration_seconds: float = 0.0
    status: int | None = None
    response: str = ""
    error: str | None = None
    redelivery: bool = False

    @property
    def payload(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.body)
        return content


class Webhook:
    """One webhook: where it goes, its secret, and its deliveries. GitHub never repeats one by itself."""

    def __init__(self, secret: str, log: Callable[[str], None]) -> None:
        self.secret = secret
        self._log = log
        self.url: str | None = None
        self.headers: dict[str, str] = {}
        self.trusted_authority: Path | None = None
        self.timeout_seconds = _TIMEOUT_SECONDS
        self.hears: Callable[[str, int], bool] = lambda _event, _installation_id: True
        self.deliveries: list[Delivery] = []
        self._lock = threading.Lock()
        self._later = ThreadPoolExecutor(1, thread_name_prefix="local-github-webhook")

    def deliver(self, event: str, payload: Mapping[str, Any], *, withhold: bool = False) -> Delivery:
        """Sends the event, if there is an address and it is not withheld, and records the delivery.

        What the App of the payload's installation does not hear of is withheld, too.
        """
        body = json.dumps(payload, separators=(",", ":"), ensure_ascii=False).encode()
        delivery = Delivery(str(uuid.uuid4()), event, payload.get("action"), body)
        installed = payload.get("installation")
        is_heard = installed is None or self.hears(event, installed["id"])
        return self._record(self._send(delivery) if is_heard and not withhold else delivery)

    def deliver_soon(self, event: str, payload: Mapping[str, Any]) -> None:
        """Sends the event of what a request has caused, in order, but not before the request is answered."""
        self._later.submit(self.deliver, event, payload)

    def stop(self) -> None:
        """Waits for what is being sent and drops what is still to be sent."""
        self._later.shutdown(cancel_futures=True)

    def redeliver(self, delivery_id: str) -> Delivery:
        """Sends the same bytes under the same id again, as by the button; a withheld delivery comes late this way."""
        first = next((one for one in self.deliveries if one.id == delivery_id), None)
        if first is None:
            raise ValueError(f"no delivery {delivery_id}")
        again = Delivery(first.id, first.event, first.action, first.body, redelivery=True)
        return self._record(self._send(again))

    def _record(self, delivery: Delivery) -> Delivery:
        with self._lock:
            self.deliveries.append(delivery)
        outcome = delivery.status or delivery.error or "withheld"
        self._log(f"webhook {delivery.event} {delivery.action or ''} {delivery.id} → {outcome}")
        return delivery

    def _send(self, delivery: Delivery) -> Delivery:
        if self.url is None:
            return replace(delivery, error="the webhook has no address")
        started = time.monotonic()
        attempt = replace(delivery, sent_at=datetime.now(UTC))
        try:
            status, text = self._post(self.url, delivery)
        except requests.RequestException as error:
            return replace(attempt, error=_reason(error), duration_seconds=time.monotonic() - started)
        return replace(attempt, status=status, response=text, duration_seconds=time.monotonic() - started)

    def _post(self, url: str, delivery: Delivery) -> tuple[int, str]:
        with requests.Session() as session:
            session.trust_env = False  # no proxy between the parts of the local stack
            session.verify = str(self.trusted_authority) if self.trusted_authority else True
            answer = session.post(
                url,
                data=delivery.body,
                headers=_headers(delivery, self.secret) | self.headers,
                timeout=self.timeout_seconds,
                allow_redirects=False,
            )
            return answer.status_code, answer.text


def signature(secret: str, body: bytes, algorithm: str = "sha256") -> str:
    """The value of ``X-Hub-Signature-256``."""
    return f"{algorithm}={hmac.new(secret.encode(), body, getattr(hashlib, algorithm)).hexdigest()}"


def _headers(delivery: Delivery, secret: str) -> dict[str, str]:
    kind, number = _target(delivery.payload)
    return {
        "Accept": "*/*",
        "Content-Type": "application/json",
        "User-Agent": "GitHub-Hookshot/044aadd",
        "X-GitHub-Delivery": delivery.id,
        "X-GitHub-Event": delivery.event,
        "X-GitHub-Hook-ID": str(HOOK_ID),
        "X-GitHub-Hook-Installation-Target-ID": str(number),
        "X-GitHub-Hook-Installation-Target-Type": kind,
        "X-Hub-Signature": signature(secret, delivery.body, "sha1"),
        "X-Hub-Signature-256": signature(secret, delivery.body),
    }


def _target(payload: Mapping[str, Any]) -> tuple[str, int]:
    """Whose webhook it is: the App's, where the payload names an installation, else the repository's."""
    installed, repository = payload.get("installation"), payload.get("repository", {})
    return ("integration", installed["id"]) if installed else ("repository", repository.get("id", 0))


def _reason(error: requests.RequestException) -> str:
    """GitHub's own words for the two ways in which a delivery fails without an answer."""
    return "timed out" if isinstance(error, requests.Timeout) else f"failed to connect to host: {error}"
