"""The places that hold something of environments; each says at once when something is written that may not be."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from dagbranch.domain.environments import Environment
from dagbranch.domain.naming import SourceArchiveKey
from dagbranch.domain.ownership import Owner
from dagbranch.domain.schema_marker import SchemaMarker
from dagbranch.ports import StoredZip
from tests.fakes.buckets import InMemoryArtifactsBucket, InMemoryDagsBucket, InMemorySourceBucket, StoredObject, stored
from tests.fakes.faulty import pause_in
from tests.fakes.registry import InMemoryRegistry
from tests.fakes.warehouse import InMemoryWarehouse, Schema

# Whose branches are called like what stands there already.
FOREIGN_OBJECTS: Final = {"payments.zip": b"a zip of somebody else", "lib/common.py": b"LIMIT = 1\n"}
OTHER_LANES_OBJECT: Final = "shared/one.py"
FOREIGN_SCHEMAS: Final = ("db_costs_private", "db_attribution_elsewhere")


class WatchedRegistry(InMemoryRegistry):
    """``asked_for``: the commits of each pull request by generation; ``check_gone`` looks when a name is freed."""

    def __init__(self, check_gone: Callable[[Environment], None]) -> None:
        super().__init__()
        self._check_gone = check_gone
        self.asked_for: dict[tuple[int, int], dict[int, str]] = {}

    @property
    def claims(self) -> Mapping[str, tuple[int, int]]:
        return self._claims

    @property
    def records(self) -> list[Environment]:
        return list(self._items.values())

    def save(self, environment: Environment, event: str) -> Environment:
        written = super().save(environment, event)
        self.asked_for.setdefault(written.key, {})[written.generation] = written.head_sha
        return written

    def release(self, environment: Environment, event: str) -> Environment:
        self._check_gone(environment)
        return super().release(environment, event)


class WatchedSourceBucket(InMemorySourceBucket):
    """``uploaded``: what S3 tells of each new object."""

    def __init__(self, uploaded: Callable[[str], None], clock: Callable[[], datetime]) -> None:
        super().__init__(clock)
        self._uploaded = uploaded

    def put(self, key: SourceArchiveKey, archive: bytes, marker: Mapping[str, str]) -> None:
        super().put(key, archive, marker)
        self._uploaded(str(key))


class WatchedDagsBucket(InMemoryDagsBucket):
    """Objects are put and removed one after the other; a zip never gives way to one of an older request."""

    def __init__(self, registry: WatchedRegistry, other_lane: str = "stage") -> None:
        super().__init__()
        self._registry = registry
        self.generations: dict[str, int] = {}
        for key, content in FOREIGN_OBJECTS.items():
            self.objects[key] = stored(content, {})
        other = {"dagbranch-lane": other_lane, "dagbranch-repository-id": "4711", "dagbranch-pull-number": "1"}
        self.objects[OTHER_LANES_OBJECT] = stored(b"another lane's", other)
        self._foreign = {key: self.objects[key] for key in (*FOREIGN_OBJECTS, OTHER_LANES_OBJECT)}

    def check_foreign(self) -> None:
        for key, one in self._foreign.items():
            assert self.objects.get(key) == one, f"{key} was touched"

    def put_copy(
        self, environment: str, files: Mapping[str, bytes], kept: Mapping[str, Any], marker: Mapping[str, str]
    ) -> None:
        self._check_name(environment, marker)
        for path, content in list(files.items())[:-1]:
            self.objects[f"{environment}/{path}"] = stored(content, marker)
            pause_in("dags")
        super().put_copy(environment, files, kept, marker)

    def put_zip(
        self, environment: str, content: bytes, marker: Mapping[str, str], *, replaces: StoredZip | None
    ) -> None:
        super().put_zip(environment, content, marker, replaces=replaces)
        self._check_name(environment, marker)
        owner = Owner.of(marker)
        assert owner is not None, "a zip without a marker"
        heads = self._registry.asked_for[owner.key]
        generation = max(one for one, head in heads.items() if head == marker["dagbranch-head-sha"])
        before = self.generations.get(environment, 0) if replaces else 0
        assert generation >= before, f"{environment}.zip went back from request {before} to {generation}"
        self.generations[environment] = generation

    def _check_name(self, environment: str, marker: Mapping[str, str]) -> None:
        owner = Owner.of(marker)
        assert owner is not None, "written without a marker"
        claimed = self._registry.claims.get(environment)
        assert claimed == owner.key, f"{owner} writes to {environment}, which is {claimed}'s"

    def _remove(self, keys: Iterable[str], marker: Mapping[str, str]) -> int:
        removed = 0
        for count, key in enumerate(list(keys)):
            if count:
                pause_in("dags")
            removed += super()._remove([key], marker)
        return removed


class WatchedArtifactsBucket(InMemoryArtifactsBucket):
    """Nobody here has job code: it stays empty."""


class WatchedWarehouse(InMemoryWarehouse):
    def __init__(self) -> None:
        super().__init__(
            {
                "db_attribution_test": {"m_events": "table", "m_roi": "table"},
                "db_costs_test": {"m_events": "table", "m_roi": "table"},
            }
        )
        self.stands["db_costs_private"] = Schema("nobody's business")
        self.stands["db_attribution_elsewhere"] = Schema(str(SchemaMarker("elsewhere", "other/repository", 1)))
        self.foreign = copy.deepcopy(self.stands)

    def check_foreign(self) -> None:
        for name, schema in self.foreign.items():
            assert self.stands.get(name) == schema, f"{name} was touched"


def watched_warehouse(after_each: Callable[[], None]) -> WatchedWarehouse:
    """``after_each``: what may happen between two statements."""
    warehouse = WatchedWarehouse()
    warehouse.after_each = after_each
    return warehouse


def zips_of(objects: Mapping[str, StoredObject]) -> dict[str, StoredObject]:
    return {key.removesuffix(".zip"): one for key, one in objects.items() if key.endswith(".zip") and "/" not in key}
