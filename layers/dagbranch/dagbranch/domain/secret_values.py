"""Tells values that look like secrets, for a file that is in every clone of its repository.

Known forms are looked for in every value; what only its key gives away, in the settings of a lane.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final

from dagbranch.domain.strict_yaml import Document, Fault, Path

_INSTEAD: Final = "name a connection or a reference instead"
# Each as its vendor documents it. All counts are bounded, so that no text takes more than one pass for each start.
_FORMS: Final[Mapping[str, re.Pattern[str]]] = {
    "a private key": re.compile(r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY|PuTTY-User-Key-File-"),
    "a URL with a password": re.compile(r"://[^/\s:@]{0,200}:(?P<password>[^/\s@]{1,500})@"),
    "an AWS access key": re.compile(r"(?<![A-Z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Z0-9])"),
    "a token of GitHub": re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{30}|github_pat_[A-Za-z0-9_]{22})"),
    "a token of GitLab": re.compile(r"\bgl(?:pat|rt|dt|ptt|cbt|soat)-[\w-]{20}"),
    "a token of Databricks": re.compile(r"(?<![A-Za-z0-9])(?:dapi[0-9a-f]{32}|dose[0-9a-f]{32})"),
    "a token of Slack": re.compile(r"\bxox[abeoprs]-[\w-]{10}|\bxapp-\d-[\w-]{10}"),
    "the address of a web hook": re.compile(
        r"hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/\w|"
        r"discord(?:app)?\.com/api/webhooks/\d+/\w|webhook\.office\.com/webhookb2/\w|"
        r"chat\.googleapis\.com/v1/spaces/[^?\s]{1,200}\?[^\s]{0,200}token="
    ),
    "a key of Google": re.compile(r"\bAIza[\w-]{35}|\bya29\.[\w-]{20}|\bGOCSPX-[\w-]{20}"),
    "a key of Stripe": re.compile(r"\b[rs]k_(?:live|test)_[A-Za-z0-9]{16}"),
    "a token of a package registry": re.compile(r"\bnpm_[A-Za-z0-9]{36}|\bpypi-AgE[\w-]{30}"),
    "a key of SendGrid": re.compile(r"\bSG\.[\w-]{16,40}\.[\w-]{30}"),
    "a key of an API": re.compile(r"\bsk-(?:(?:proj|ant|svcacct|admin|or)-[\w-]{32}|[A-Za-z0-9]{40})"),
    "a key of Azure": re.compile(r"\b(?:AccountKey|SharedAccessKey)=[A-Za-z0-9+/]{20}|[?&]sig=[A-Za-z0-9%+/]{20}"),
    "a token of Vault": re.compile(r"\bhv[sbr]\.[\w-]{20}"),
    "a signed token (JWT)": re.compile(r"\beyJ[\w-]{10,500}\.eyJ[\w-]{10}"),
    "a password": re.compile(
        r"(?i)(?:^|[;&?]|\b(?:host|port|user|dbname)=\S{1,100}\s)(?:password|passwd|pwd)=(?P<password>[^;&\s'\"]{1,500})"
    ),
}
_PLACEHOLDER: Final = re.compile(r"[\W_]*|\$\w+|%\w+%|:\w+|\$?[{<(\[].*[}>)\]]|(?i:x+|password|passwd|pwd)")
_NOUN: Final = (
    r"(?:pass_?word|passwd|pwd|pass_?phrase|secret|token|credentials?"
    r"|(?:api|access|account|auth|encryption|fernet|integration|license|private|routing|secret|shared|signing|ssh"
    r"|webhook)_?key)"
)
# The key says that its value is the secret itself …
_SECRET_KEY: Final = re.compile(
    rf"(?:.*_)?{_NOUN}(?:_(?:value|plain|b(?:ase)?64|preview|stage|prod|live|test|dev|main|default|new|old|\d+))*"
)
# … or that it has to do with one: then only a value that no person would think of is taken for it.
_NEAR_KEY: Final = re.compile(rf"(?:.*_)?(?:{_NOUN}|keys?|auth|signature|sas|tokens|secrets|passwords)(?:_.*)?")
_NAMING_KEY: Final = re.compile(r".*_(?:arn|id|ids|name|names|ref|conn|connection|path|url|uri|scope|alias)")
_REFERENCE: Final = re.compile(
    r"arn:aws[\w-]*:.*|\{\{.*\}\}|\$\{?\w+\}?|\{\w+\}|/[\w.+=@-]+(?:/[\w.+=@-]+)+"
    r"|(?:secretsmanager|ssm|vault|keyvault|env|op|var|variable|conn|connection|airflow|databricks)(?::|://)[\w./#+=@:-]+"
)
# A commit, a digest or an id without its dashes.
_IDENTIFIER: Final = re.compile(r"[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}", re.IGNORECASE)
_LEAST_LENGTH: Final = 16
_LEAST_BITS: Final = 3.2  # of each character: random hexadecimal digits have 3.4 at this length


def find_secrets(document: Document) -> Iterator[Fault]:
    """What looks like a secret in the lanes of a ``dagbranch.yaml``, by file and key, never with the value."""
    lanes = document.value.get("lanes") if isinstance(document.value, Mapping) else None
    for path, value in _leaves(lanes, ("lanes",)):
        kind = _known_form(str(value)) or (_told_by_its_key(_key_of(path), str(value)) and "by its key")
        if kind:
            yield Fault(path, document.line_of(path), f"looks like a secret, {kind}: {_INSTEAD}")


def _leaves(value: Any, path: Path) -> Iterator[tuple[Path, str | int | float]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _leaves(inner, (*path, index))
    elif isinstance(value, str | int | float) and not isinstance(value, bool):
        yield path, value


def _key_of(path: Path) -> str:
    """The setting's key in one form for ``dbPassword``, ``db-password`` and ``DB_PASSWORD``; empty where it is a name.

    Below ``promotion``, keys are names of data checks: ``one_token_per_customer``.
    """
    key = next((part for part in reversed(path) if isinstance(part, str)), "")
    if path[2:3] == ("promotion",):
        return ""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[-.\s]+", "_", key).lower()


def _known_form(text: str) -> str | None:
    return next((kind for kind, form in _FORMS.items() if any(map(_is_literal, form.finditer(text)))), None)


def _is_literal(found: re.Match[str]) -> bool:
    """A password that stands for one, as in ``postgres://me:${PASSWORD}@host``, is none."""
    password = found.groupdict().get("password")
    return password is None or not _PLACEHOLDER.fullmatch(password)


def _told_by_its_key(key: str, text: str) -> bool:
    if not text.strip() or not _NEAR_KEY.fullmatch(key) or _NAMING_KEY.fullmatch(key):
        return False
    if _SECRET_KEY.fullmatch(key):
        return not _REFERENCE.fullmatch(text) or _has_random_part(text)
    return _has_random_part(text)


def _has_random_part(text: str) -> bool:
    return any(map(_is_random, re.split(r"[^A-Za-z0-9]+", text)))


def _is_random(word: str) -> bool:
    """Long, of letters and digits, and with hardly a character more often than another."""
    if len(word) < _LEAST_LENGTH or word.isalpha() or word.isdecimal() or _IDENTIFIER.fullmatch(word):
        return False
    counts = Counter(word).values()
    return -sum(one / len(word) * math.log2(one / len(word)) for one in counts) >= _LEAST_BITS
