"""Pages of a list and the ``Link`` header that leads from one to the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

_DEFAULT_PER_PAGE = 30
_MOST_PER_PAGE = 100


def page_of[Item](
    items: Sequence[Item], query: Mapping[str, str], address: str
) -> tuple[Sequence[Item], dict[str, str]]:
    """The items of the page that ``query`` asks for, and the headers that go with it."""
    per_page = min(_positive(query.get("per_page"), _DEFAULT_PER_PAGE), _MOST_PER_PAGE)
    page = _positive(query.get("page"), 1)
    last = max(1, -(-len(items) // per_page))
    targets = {"prev": page - 1, "next": page + 1, "last": last, "first": 1}
    wanted = ["prev", "first"] * (page > 1) + ["next", "last"] * (page < last)
    links = [f'<{address}?{urlencode({**query, "page": targets[rel]})}>; rel="{rel}"' for rel in wanted]
    return items[(page - 1) * per_page : page * per_page], {"Link": ", ".join(links)} if links else {}


def _positive(text: str | None, default: int) -> int:
    return int(text) if text and text.isdecimal() and int(text) > 0 else default
