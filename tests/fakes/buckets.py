"""The buckets in memory, with what S3 has that matters: ETags, metadata, conditions."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from dagbranch.domain.artifacts import Artifact
from dagbranch.domain.deployment import CopiedFile
from dagbranch.domain.naming import (
    CONFIGURATION_FOLDER,
    SourceArchiveKey,
    artifact_prefix,
    artifacts_prefix,
    is_environment_name,
    source_prefix,
)
from dagbranch.domain.ownership import Owner, carries
from dagbranch.domain.promotion import SignedPromotion
from dagbranch.errors import SupersededError, TransientUpstreamError, UnsafeArchiveError
from dagbranch.ports import StoredZip
from tests.fakes.examples import Meanwhile, nothing

_serial = itertools.count(1)


@dataclass(frozen=True)
class StoredObject:
    """``serial`` tells one put from another of the same content."""

    content: bytes
    marker: Mapping[str, str]
    serial: int

    @property
    def etag(self) -> str:
        return f'"{hashlib.md5(self.content, usedforsecurity=False).hexdigest()}"'


def stored(content: bytes, marker: Mapping[str, str]) -> StoredObject:
    return StoredObject(content, dict(marker), next(_serial))


class InMemorySourceBucket:
    """``meanwhile`` happens while an archive is being read; ``announced``: the keys that it told of again."""

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.objects: dict[str, StoredObject] = {}
        self.put_at: dict[str, datetime] = {}
        self._clock = clock
        self.promotions: dict[str, SignedPromotion] = {}
        self.announced: list[str] = []
        self.meanwhile: Meanwhile = nothing

    def put(self, key: SourceArchiveKey, archive: bytes, marker: Mapping[str, str]) -> None:
        self.objects[str(key)] = stored(archive, marker)
        self.put_at[str(key)] = self._clock()
        self.promotions.pop(str(key), None)

    def get(self, key: SourceArchiveKey, most_bytes: int) -> bytes:
        self.meanwhile()
        found = self.objects.get(str(key))
        if found is None:
            raise SupersededError(f"the source archive {key} is gone")
        if len(found.content) > most_bytes:
            raise UnsafeArchiveError(f"{key} has {len(found.content)} bytes, at most {most_bytes} are allowed")
        return found.content

    def remove(self, repository: str, pull_number: int, *, before: datetime | None = None) -> int:
        prefix = source_prefix(repository, pull_number)
        found = [
            key for key in self.objects if key.startswith(prefix) and (before is None or self.put_at[key] < before)
        ]
        for key in found:
            del self.objects[key]
        return len(found)

    def promotion(self, key: SourceArchiveKey) -> SignedPromotion | None:
        return self.promotions.get(str(key)) if str(key) in self.objects else None

    def announce(self, key: SourceArchiveKey) -> None:
        if str(key) not in self.objects:
            raise SupersededError(f"the source archive {key} is gone")
        self.announced.append(str(key))
        self.put_at[str(key)] = self._clock()


class InMemoryDagsBucket:
    """``objects`` by key below the dags folder; ``meanwhile`` happens when the copy has been put."""

    def __init__(self) -> None:
        self.objects: dict[str, StoredObject] = {}
        self.meanwhile: Meanwhile = nothing
        self._indexes: dict[str, dict[str, CopiedFile]] = {}

    def is_free(self, environment: str, marker: Mapping[str, str]) -> bool:
        standing = self.objects.get(f"{environment}.zip")
        if standing is not None and not carries(standing.marker, marker):
            return False
        first = min(self._keys(f"{environment}/"), default=None)
        return first is None or carries(self.objects[first].marker, marker)

    def zip(self, environment: str) -> StoredZip | None:
        found = self.objects.get(f"{environment}.zip")
        return None if found is None else StoredZip(found.etag, found.marker)

    def zip_content(self, environment: str) -> bytes:
        found = self.objects.get(f"{environment}.zip")
        if found is None:
            raise SupersededError(f"{environment}.zip is gone")
        return found.content

    def copied(self, environment: str) -> Mapping[str, CopiedFile]:
        index, prefix = self._indexes.get(environment, {}), f"{environment}/"
        found = {}
        for key in self._keys(prefix):
            path, etag = key.removeprefix(prefix), self.objects[key].etag
            known = index.get(path)
            found[path] = known if known is not None and known.etag == etag else CopiedFile(etag, "")
        return {path: file for path, file in found.items() if not path.startswith(f"{CONFIGURATION_FOLDER}/")}

    def put_copy(
        self, environment: str, files: Mapping[str, bytes], kept: Mapping[str, CopiedFile], marker: Mapping[str, str]
    ) -> None:
        index = dict(kept)
        for path, content in files.items():
            self.objects[f"{environment}/{path}"] = put = stored(content, marker)
            index[path] = CopiedFile(put.etag, hashlib.sha256(content).hexdigest())
        if files:
            self._indexes[environment] = index
        self.meanwhile()

    def put_configuration(
        self, environment: str, source_digest: str, content: bytes, marker: Mapping[str, str]
    ) -> None:
        self.objects[f"{environment}/{CONFIGURATION_FOLDER}/{source_digest}.json"] = stored(content, marker)

    def configuration(self, environment: str, source_digest: str) -> bytes | None:
        found = self.objects.get(f"{environment}/{CONFIGURATION_FOLDER}/{source_digest}.json")
        return None if found is None else found.content

    def put_zip(
        self, environment: str, content: bytes, marker: Mapping[str, str], *, replaces: StoredZip | None
    ) -> None:
        standing = self.zip(environment)
        if (standing.etag if standing else None) != (replaces.etag if replaces else None):
            raise TransientUpstreamError(f"{environment}.zip was changed by another meanwhile")
        self.objects[f"{environment}.zip"] = stored(content, marker)

    def drop_copied(
        self, environment: str, paths: Iterable[str], marker: Mapping[str, str], *, keep_configurations: Sequence[str]
    ) -> None:
        folder = f"{environment}/{CONFIGURATION_FOLDER}/"
        kept = {f"{folder}{digest}.json" for digest in keep_configurations}
        self._remove({f"{environment}/{path}" for path in paths} | (set(self._keys(folder)) - kept), marker)

    def remove_zip(self, environment: str, marker: Mapping[str, str]) -> int:
        return self._remove([f"{environment}.zip"], marker)

    def remove_copy(self, environment: str, marker: Mapping[str, str]) -> int:
        return self._remove(self._keys(f"{environment}/"), marker)

    def left(self, environment: str) -> Sequence[str]:
        found = self._keys(f"{environment}/")
        return [f"dags/{key}" for key in (*(key for key in self.objects if key == f"{environment}.zip"), *found)]

    def standing(self, known: Collection[str]) -> Mapping[str, Owner | None]:
        names = {
            key.partition("/")[0].removesuffix(".zip") for key in self.objects if "/" in key or key.endswith(".zip")
        }
        strange = {name: self._owner(name) for name in names.difference(known) if is_environment_name(name)}
        return {
            **{name: None for name in names.intersection(known) if f"{name}.zip" in self.objects},
            **{
                name: owner for name, owner in strange.items() if owner or self._keys(f"{name}/{CONFIGURATION_FOLDER}/")
            },
        }

    def _owner(self, name: str) -> Owner | None:
        own_files = self._keys(f"{name}/{CONFIGURATION_FOLDER}/") or self._keys(f"{name}/")
        for key in (f"{name}.zip", *own_files[:1]):
            if key in self.objects and (owner := Owner.of(self.objects[key].marker)) is not None:
                return owner
        return None

    def _keys(self, prefix: str) -> list[str]:
        return sorted(key for key in self.objects if key.startswith(prefix))

    def _remove(self, keys: Iterable[str], marker: Mapping[str, str]) -> int:
        owned = [key for key in keys if key in self.objects and carries(self.objects[key].marker, marker)]
        for key in owned:
            del self.objects[key]
        return len(owned)


class InMemoryArtifactsBucket:
    """``objects`` by key."""

    def __init__(self) -> None:
        self.objects: dict[str, StoredObject] = {}

    def is_free(self, environment: str, marker: Mapping[str, str]) -> bool:
        first = next(iter(self.left(environment)), None)
        return first is None or carries(self.objects[first].marker, marker)

    def put(self, environment: str, artifact: Artifact, marker: Mapping[str, str]) -> str:
        prefix = artifact_prefix("artifacts", environment, artifact.digest, artifact.name)
        for path, content in artifact.files.items():
            if (standing := self.objects.get(f"{prefix}{path}")) is None or len(standing.content) != len(content):
                self.objects[f"{prefix}{path}"] = stored(content, marker)
        return f"s3://acme-artifacts/{prefix.removesuffix('/')}"

    def drop(self, environment: str, marker: Mapping[str, str], *, keep: Collection[str] = ()) -> int:
        kept = tuple(f"{uri.removeprefix('s3://acme-artifacts/')}/" for uri in keep)
        standing = [key for key in self.left(environment) if not key.startswith(kept)]
        owned = [key for key in standing if carries(self.objects[key].marker, marker)]
        for key in owned:
            del self.objects[key]
        return len(owned)

    def left(self, environment: str) -> Sequence[str]:
        prefix = artifacts_prefix("artifacts", environment)
        return sorted(key for key in self.objects if key.startswith(prefix))
