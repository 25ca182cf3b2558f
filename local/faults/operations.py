"""What a request asks for, in a few words that are the same for every pull request: pure functions of its bytes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

_THRIFT_CALL: Final = re.compile(rb"\x80\x01\x00\x01\x00\x00\x00.([A-Za-z]+)", re.DOTALL)
# Before a statement stands the last byte of its length, which is a letter as often as not.
_SQL: Final = re.compile(rb"(BEGIN|SHOW|CREATE|DROP|INSERT|DESCRIBE|SELECT|ALTER|GRANT|EXECUTE|USE)\b( [A-Z]+)?")
_COMMIT: Final = re.compile(r"(?:^|(?<=\.\.\.))[0-9a-f]{7,64}$|^\d+$")


@dataclass(frozen=True)
class Request:
    method: str
    path: str  # with the query
    headers: Mapping[str, str] = field(default_factory=dict)  # by lower-case name
    body: bytes = b""


def operation_of(upstream: str, request: Request) -> str:
    """The words for it; ``upstream`` is one of those that ``local.faults.stack`` puts proxies before."""
    match upstream:
        case "s3":
            return _of_s3(request)
        case "github":
            return f"{request.method} {_of_github(urlsplit(request.path).path)}"
        case "mwaa":
            return _of_mwaa(request)
        case "mwaa-cli":
            return " ".join(request.body.decode(errors="replace").split()[:2])
        case "warehouse":
            return _of_warehouse(request)
        case _:
            return _of_aws(request)


def _of_aws(request: Request) -> str:
    """The services that speak JSON name the operation in a header; what it is about is in the body."""
    name = request.headers.get("x-amz-target", request.method).rpartition(".")[2]
    return f"{name} {_about(name, _json(request.body))}".strip()


def _about(name: str, body: Mapping[str, Any]) -> str:
    match name:
        case "PutEvents":
            return str(body["Entries"][0]["DetailType"])
        case "GetSecretValue":
            return str(body["SecretId"].rpartition("/")[2].rpartition("-")[0])
        case "Query":
            return str(body.get("IndexName", "history"))
        case "TransactWriteItems":
            items = [_of_item(*next(iter(one.items()))) for one in body["TransactItems"]]
            return " + ".join(dict.fromkeys(items))  # lines of history come in any number
        case _:
            return _of_item("", body)


def _of_item(kind: str, body: Mapping[str, Any]) -> str:
    """An item of the registry by the first word of its sort key: an environment's ``state`` also by its status."""
    item = body.get("Item") or body.get("Key") or {}
    if "idempotency#" in item.get("pk", {}).get("S", ""):
        return "delivery"
    word = item.get("sk", {}).get("S", "").partition("#")[0]
    status = item.get("status", {}).get("S", "") if word == "state" else ""
    return " ".join(part for part in (kind, word, status) if part)


def _of_s3(request: Request) -> str:
    parts = urlsplit(request.path)
    _, _, key = unquote(parts.path).lstrip("/").partition("/")
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    if not key:
        listed = "LIST VERSIONS" if "versions" in query else "DELETE MANY" if "delete" in query else "LIST"
        return f"{listed} {query.get('prefix', '').partition('/')[0]}".strip()
    versioned = " of a version" if "versionId" in query else ""
    return f"{request.method} {_of_key(key)}{versioned}"


def _of_key(key: str) -> str:
    top, _, rest = key.partition("/")
    if top == "dags":
        if "/" not in rest:
            return "zip" if rest.endswith(".zip") else "dags/"
        return "configuration" if "/.dagbranch/" in rest else "copy"
    return {"sources": "source archive", "artifacts": "job code"}.get(top, top)


def _of_github(path: str) -> str:
    """Without owner and repository; numbers and shas are a star."""
    parts = path.strip("/").split("/")
    if "repos" in parts:
        parts = parts[parts.index("repos") + 3 :]
    elif parts[0] == "_codeload":
        parts = ["archive"]
    return "/".join(_COMMIT.sub("*", part) for part in parts) or "repository"


def _of_mwaa(request: Request) -> str:
    kind = request.path.strip("/").partition("/")[0]
    if kind != "restapi":
        return kind
    call = _json(request.body)
    first, *others = str(call.get("Path", "")).strip("/").split("/")
    path = "/".join([first, *("*" if "." in part or "_" in part else part for part in others)])
    return f"{call.get('Method')} /{path}"


def _of_warehouse(request: Request) -> str:
    found = _THRIFT_CALL.search(request.body[:80])
    if not found:
        return "token"
    name = found[1].decode()
    if name != "ExecuteStatement":
        return name
    statement = _SQL.search(request.body)
    return f"{name} {statement[0].decode()}" if statement else name


def _json(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
