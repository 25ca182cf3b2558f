"""Where a person looks at a repository's files and commits at GitHub, or at a GitHub Enterprise Server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self
from urllib.parse import quote, urlsplit

_API: Final = "https://api.github.com"
_PUBLIC: Final = "https://github.com"


@dataclass(frozen=True)
class GitHubPages:
    """``url`` is without a slash at its end."""

    url: str = _PUBLIC

    @classmethod
    def of_api(cls, api_url: str) -> Self:
        """Of the API's base URL: a server of its own has it at ``https://<host>/api/v3``."""
        if api_url.rstrip("/") == _API:
            return cls()
        parts = urlsplit(api_url)
        return cls(f"{parts.scheme}://{parts.netloc}")

    def of_commit(self, repository: str, head_sha: str) -> str:
        return f"{self.url}/{quote(repository)}/commit/{quote(head_sha, safe='')}"

    def of_file(self, repository: str, head_sha: str, path: str, line: int | None = None) -> str | None:
        """None for a path that would lead out of the commit's tree."""
        if not is_path_in_repository(path):
            return None
        mark = f"#L{line}" if line else ""
        return f"{self.url}/{quote(repository)}/blob/{quote(head_sha, safe='')}/{quote(path)}{mark}"


def is_path_in_repository(path: str) -> bool:
    """Whether it is a plain relative path, that a browser, too, takes as it is written."""
    return path.isprintable() and "\\" not in path and not {"", ".", ".."} & set(path.split("/"))
