"""What the stack's parameters say about data: what each repository may read, and who may use every environment."""

from __future__ import annotations

from dataclasses import dataclass, field

from dagbranch.domain.access import Access
from dagbranch.domain.source_allowance import RepositoryLists, SourceAllowance


@dataclass(frozen=True)
class DataStack:
    """``access``: whom the stack itself lets use every environment's schemas."""

    catalogs: RepositoryLists
    suffixes: RepositoryLists
    access: Access = field(default_factory=Access)

    def allows(self, repository: str) -> SourceAllowance:
        """What of the base this repository may read."""
        return SourceAllowance(
            frozenset(name.lower() for name in self.catalogs.of(repository)),
            frozenset(suffix.lower() for suffix in self.suffixes.of(repository)),
        )
