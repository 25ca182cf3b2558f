"""A webhook of a GitHub App → is it of the installation that has the repository it names?"""

from __future__ import annotations

from dagbranch.errors import InvalidEventError
from dagbranch.ports import GitHub


def check_installation(installation_id: int | None, repository: str, github: GitHub) -> None:
    """Raises InvalidEventError for another one's. A webhook without an installation, or a token, has none to differ."""
    if installation_id is None:
        return
    own = github.installation(repository)
    if own is not None and own != installation_id:
        raise InvalidEventError(f"the event is of installation {installation_id}, {repository} belongs to {own}")
