"""The addresses in GitHub's JSON, all of them on the double itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote


@dataclass(frozen=True)
class Urls:
    """``api`` is the base of the REST API, ``html`` that of the pages people see (which the double does not serve)."""

    api: str
    html: str

    def repository(self, full_name: str) -> str:
        return f"{self.api}/repos/{full_name}"

    def page(self, full_name: str) -> str:
        return f"{self.html}/{full_name}"

    def contents(self, full_name: str, path: str, ref: str) -> str:
        return f"{self.repository(full_name)}/contents/{quote(path)}?ref={quote(ref, safe='')}"

    def blob_page(self, full_name: str, path: str, ref: str) -> str:
        return f"{self.page(full_name)}/blob/{ref}/{quote(path)}"


def time_text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
