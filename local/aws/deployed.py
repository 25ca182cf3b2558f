"""One stack that is deployed in the local account: what its resources are called, its functions' answers and logs."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from local.aws.stack import LocalAws

_WRAPPED_ERROR = re.compile(r"Proxy target returned HTTP \d+: (\{.*\})", re.DOTALL)


@dataclass(frozen=True)
class InvocationResult:
    """What the function returned, or the error it raised (``errorType``, ``errorMessage``)."""

    ok: bool
    payload: Any


@dataclass(frozen=True)
class DeployedStack:
    """``logs`` is a folder with one file per function, ``<LogicalId>.log``."""

    account: LocalAws
    name: str
    outputs: Mapping[str, str]
    resources: Mapping[str, str]
    logs: Path

    def invoke(self, function_logical_id: str, event: object) -> InvocationResult:
        """Runs a function through the emulator's Lambda API, as ``aws lambda invoke`` does."""
        answer = self.account.client("lambda").invoke(
            FunctionName=self.function_name(function_logical_id), Payload=json.dumps(event).encode()
        )
        payload = json.loads(answer["Payload"].read() or b"null")
        if "FunctionError" in answer:
            return InvocationResult(ok=False, payload=_raised(payload))
        return InvocationResult(ok=True, payload=payload)

    def function_name(self, logical_id: str) -> str:
        return self.physical_id(logical_id)

    def physical_id(self, logical_id: str) -> str:
        """The name, URL or ARN that the deployed stack gave this resource."""
        return self.resources[logical_id]

    def function_url(self, logical_id: str) -> tuple[str, dict[str, str]]:
        """Where to send a request for this function's URL, and the Host header that it needs."""
        configured = self.account.client("lambda").get_function_url_config(FunctionName=self.function_name(logical_id))
        return self.account.reachable(configured["FunctionUrl"])


def _raised(payload: Any) -> Any:
    """The function's own error, out of the emulator's words about its proxy."""
    wrapped = _WRAPPED_ERROR.fullmatch(str(payload.get("errorMessage", "")))
    return json.loads(wrapped[1]) if wrapped else payload
