"""What an environment calls its assets (datasets in Airflow 2), so that they wake no one else's consumers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import parse_qsl, urlsplit

_PARAMETER = "dagbranch"


class AssetNames:
    """``orders`` becomes ``orders@feature1``, ``s3://bucket/orders`` becomes ``s3://bucket/orders?dagbranch=feature1``.

    The same text gives the same name in every process, because a task's process loads one module only, and a name
    of the environment's own stays as it is, because code passes names on (``Asset(other.name)``, an XCom). So the
    form has to be one that no code writes by itself: ``team.orders`` in an environment called ``team`` would pass
    for its own if assets were called like DAGs.

    In URIs it is the query. Airflow's ``_sanitize_uri`` (``airflow.datasets``, ``airflow.sdk.definitions.asset``)
    drops fragments and users, sorts and keeps queries; the providers' ``sanitize_uri`` count the parts of the path
    (postgres, redshift, bigquery, mysql, trino) and want a bucket or host (s3, gs), none looks at the query, and hooks
    such as ``S3Hook.parse_s3_url`` leave it out. Airflow 3 wants names and URIs each to be unique among the active
    assets (``AssetActive``): both are changed, alike, as Airflow itself takes one for the other where one is missing.
    """

    def __init__(self, environment: str, shared: Iterable[str] = ()) -> None:
        """``shared``: names, URIs and patterns with ``*`` of assets that stay as they are written."""
        self._environment = environment
        self._suffix = f"@{environment}"
        self._shared = re.compile("|".join(re.escape(pattern).replace(r"\*", ".*") for pattern in shared) or r"(?!)")

    def own(self, text: str) -> str:
        """The environment's own name or URI. What Airflow is going to refuse is left for it to refuse."""
        try:
            parts = urlsplit(text)
        except ValueError:
            return text
        if not text.strip() or self._is_shared(text):
            return text
        if not parts.scheme:
            return text if text.endswith(self._suffix) else text + self._suffix
        if (_PARAMETER, self._environment) in parse_qsl(parts.query):
            return text
        address, number_sign, fragment = text.partition("#")
        joint = "&" if "?" in address else "?"
        return f"{address}{joint}{_PARAMETER}={self._environment}{number_sign}{fragment}"

    def of_one_asset(self, written: Mapping[str, str]) -> dict[str, str]:
        """Name and URI of one asset: it is shared by either."""
        if any(self._is_shared(text) for text in written.values()):
            return dict(written)
        return {key: self.own(text) for key, text in written.items()}

    def written(self, own: str) -> str:
        """A name, which is no URI, as the code writes it."""
        return own.removesuffix(self._suffix)

    def _is_shared(self, text: str) -> bool:
        return self._shared.fullmatch(text) is not None
