"""The source bucket and the MWAA bucket's ``dags/`` folder, over one boto3 S3 client."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from dagbranch.adapters.aws_errors import code_of, translated
from dagbranch.domain.deployment import CopiedFile
from dagbranch.domain.naming import (
    CONFIGURATION_FOLDER,
    SourceArchiveKey,
    configuration_key,
    copy_index_key,
    copy_prefix,
    source_prefix,
    zip_key,
)
from dagbranch.domain.ownership import carries
from dagbranch.errors import SupersededError, TransientUpstreamError, UnsafeArchiveError
from dagbranch.ports import StoredZip

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PARALLEL_REQUESTS: Final = 16  # give the client as many connections (max_pool_connections)
_MOST_KEYS_IN_A_DELETE: Final = 1_000
_GONE: Final = frozenset({"404", "NoSuchKey", "NotFound"})
_RACED: Final = frozenset({"412", "PreconditionFailed", "409", "ConditionalRequestConflict"})


class S3SourceBucket:
    """Archives that wait to be packaged; each put is a request."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._objects = _Objects(client, bucket)

    def put(self, key: SourceArchiveKey, archive: bytes, marker: Mapping[str, str]) -> None:
        self._objects.put(str(key), archive, marker)

    def get(self, key: SourceArchiveKey, most_bytes: int) -> bytes:
        content = self._objects.get(str(key), most_bytes)
        if content is None:
            raise SupersededError(f"the source archive {key} is gone")
        return content

    def remove(self, repository: str, pull_number: int) -> int:
        prefix = source_prefix(repository, pull_number)
        return self._objects.delete_versions(list(self._objects.versions(prefix)))


class S3DagsBucket:
    """Zips, unpacked copies and configurations, below one path of the MWAA environment's bucket."""

    def __init__(self, client: S3Client, bucket: str, dags_path: str) -> None:
        self._objects = _Objects(client, bucket)
        self._path = dags_path

    def is_free(self, environment: str, marker: Mapping[str, str]) -> bool:
        standing = self.zip(environment)
        if standing is not None and not carries(standing.marker, marker):
            return False
        first = next(iter(self._objects.list(copy_prefix(self._path, environment), most=1)), None)
        return first is None or carries(self._objects.marker(first["Key"]) or {}, marker)

    def zip(self, environment: str) -> StoredZip | None:
        found = self._objects.head(zip_key(self._path, environment))
        return None if found is None else StoredZip(found["ETag"], found["Metadata"])

    def zip_content(self, environment: str) -> bytes:
        content = self._objects.get(zip_key(self._path, environment))
        if content is None:
            raise SupersededError(f"{environment}.zip is gone")
        return content

    def copied(self, environment: str) -> Mapping[str, CopiedFile]:
        index = self._index(environment)
        prefix = copy_prefix(self._path, environment)
        listed = {entry["Key"].removeprefix(prefix): entry["ETag"] for entry in self._objects.list(prefix)}
        known = {path: index[path] for path, etag in listed.items() if path in index and index[path].etag == etag}
        strange = {path: CopiedFile(etag, "") for path, etag in listed.items() if path not in known}
        return {path: file for path, file in (known | strange).items() if not _is_configuration(path)}

    def put_copy(
        self, environment: str, files: Mapping[str, bytes], kept: Mapping[str, CopiedFile], marker: Mapping[str, str]
    ) -> None:
        prefix = copy_prefix(self._path, environment)

        def put(path: str) -> CopiedFile:
            etag = self._objects.put(f"{prefix}{path}", files[path], marker)
            return CopiedFile(etag, hashlib.sha256(files[path]).hexdigest())

        with ThreadPoolExecutor(PARALLEL_REQUESTS) as pool:
            index = dict(kept) | dict(zip(files, pool.map(put, files), strict=True))
        if files:
            content = {path: [file.etag, file.sha256] for path, file in sorted(index.items())}
            self._objects.put(copy_index_key(self._path, environment), json.dumps(content).encode(), marker)

    def put_configuration(
        self, environment: str, source_digest: str, content: bytes, marker: Mapping[str, str]
    ) -> None:
        self._objects.put(configuration_key(self._path, environment, source_digest), content, marker)

    def put_zip(
        self, environment: str, content: bytes, marker: Mapping[str, str], *, replaces: StoredZip | None
    ) -> None:
        condition = {"IfNoneMatch": "*"} if replaces is None else {"IfMatch": replaces.etag}
        self._objects.put(zip_key(self._path, environment), content, marker, **condition)

    def drop_copied(
        self, environment: str, paths: Iterable[str], marker: Mapping[str, str], *, keep_configurations: Sequence[str]
    ) -> None:
        prefix = copy_prefix(self._path, environment)
        kept = {configuration_key(self._path, environment, digest) for digest in keep_configurations}
        kept.add(copy_index_key(self._path, environment))
        configurations = [entry["Key"] for entry in self._objects.list(f"{prefix}{CONFIGURATION_FOLDER}/")]
        dropped = [f"{prefix}{path}" for path in paths] + [key for key in configurations if key not in kept]
        owned, _ = self._parted([{"Key": key} for key in dropped], marker)
        self._objects.delete_versions(owned)

    def remove_zip(self, environment: str, marker: Mapping[str, str]) -> int:
        standing = self.zip(environment)
        if standing is not None and not carries(standing.marker, marker):
            return 0
        key = zip_key(self._path, environment)
        if standing is not None:
            self._objects.delete_versions([{"Key": key}])
        return self._delete_owned(key, marker)

    def remove_copy(self, environment: str, marker: Mapping[str, str]) -> int:
        return self._delete_owned(copy_prefix(self._path, environment), marker)

    def left(self, environment: str) -> Sequence[str]:
        keys = [entry["Key"] for entry in self._objects.list(copy_prefix(self._path, environment))]
        return keys if self.zip(environment) is None else [zip_key(self._path, environment), *keys]

    def _delete_owned(self, prefix: str, marker: Mapping[str, str]) -> int:
        """Deletes the versions whose own metadata carries the marker, and the delete markers above them."""
        found = list(self._objects.versions(prefix))
        contents = [version for version in found if not version["is_delete_marker"]]
        owned, strange = self._parted(contents, marker)
        # Without its delete marker, what somebody else had deleted there before us would be back.
        standing = {one["Key"] for one in strange}
        tombs = [one for one in found if one["is_delete_marker"] and one["Key"] not in standing]
        return self._objects.delete_versions([*owned, *tombs])

    def _parted(self, objects: list[dict[str, Any]], marker: Mapping[str, str]) -> tuple[list[Any], list[Any]]:
        """Those whose own metadata carries the marker, and those whose does not."""
        with ThreadPoolExecutor(PARALLEL_REQUESTS) as pool:
            found = list(pool.map(lambda one: self._objects.marker(one["Key"], one.get("VersionId")), objects))
        ours = [carries(metadata or {}, marker) for metadata in found]
        return (
            [one for one, is_ours in zip(objects, ours, strict=True) if is_ours],
            [one for one, is_ours in zip(objects, ours, strict=True) if not is_ours],
        )

    def _index(self, environment: str) -> dict[str, CopiedFile]:
        content = self._objects.get(copy_index_key(self._path, environment))
        if content is None:
            return {}
        return {path: CopiedFile(etag, sha256) for path, (etag, sha256) in json.loads(content).items()}


def _is_configuration(path: str) -> bool:
    return path.startswith(f"{CONFIGURATION_FOLDER}/")


class _Objects:
    """One bucket's objects, with our errors."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def put(self, key: str, content: bytes, marker: Mapping[str, str], **condition: Any) -> str:
        """Returns the ETag; raises TransientUpstreamError where the condition does not hold any more."""
        with translated(f"putting {key}"):
            try:
                answer = self._client.put_object(
                    Bucket=self._bucket, Key=key, Body=content, Metadata=dict(marker), **condition
                )
            except ClientError as error:
                # To If-Match, S3 answers 404 where the object is gone by now.
                if code_of(error) in _RACED or (condition and code_of(error) in _GONE):
                    raise TransientUpstreamError(f"{key} was changed by another meanwhile") from error
                raise
        return answer["ETag"]

    def get(self, key: str, most_bytes: int | None = None) -> bytes | None:
        with translated(f"reading {key}"):
            try:
                answer = self._client.get_object(Bucket=self._bucket, Key=key)
            except ClientError as error:
                if code_of(error) in _GONE:
                    return None
                raise
            if most_bytes is not None and answer["ContentLength"] > most_bytes:
                raise UnsafeArchiveError(f"{key} has {answer['ContentLength']} bytes, at most {most_bytes} are allowed")
            return answer["Body"].read()

    def head(self, key: str, version: str | None = None) -> Any:
        with translated(f"looking at {key}"):
            try:
                if version is not None:
                    return self._client.head_object(Bucket=self._bucket, Key=key, VersionId=version)
                return self._client.head_object(Bucket=self._bucket, Key=key)
            except ClientError as error:
                if code_of(error) in _GONE:
                    return None
                raise

    def marker(self, key: str, version: str | None = None) -> Mapping[str, str] | None:
        found = self.head(key, version)
        return None if found is None else found["Metadata"]

    def list(self, prefix: str, most: int = 1_000) -> Iterator[Any]:
        with translated(f"listing {prefix}"):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=prefix, PaginationConfig={"PageSize": most}
            )
            for page in pages:
                yield from page.get("Contents", [])

    def versions(self, prefix: str) -> Iterator[dict[str, Any]]:
        with translated(f"listing the versions of {prefix}"):
            pages = self._client.get_paginator("list_object_versions").paginate(Bucket=self._bucket, Prefix=prefix)
            for page in pages:
                listed: Any = page
                for kind, is_delete_marker in (("Versions", False), ("DeleteMarkers", True)):
                    for one in listed.get(kind, []):
                        yield {
                            "Key": one["Key"],
                            "VersionId": one["VersionId"],
                            "is_delete_marker": is_delete_marker,
                        }

    def delete_versions(self, versions: Sequence[Mapping[str, Any]]) -> int:
        """Deletes these versions, or, without a VersionId, what stands now; returns how many contents that were."""
        for start in range(0, len(versions), _MOST_KEYS_IN_A_DELETE):
            named = [
                {name: one[name] for name in ("Key", "VersionId") if name in one}
                for one in versions[start : start + _MOST_KEYS_IN_A_DELETE]
            ]
            with translated(f"deleting {len(named)} objects"):
                answer = self._client.delete_objects(Bucket=self._bucket, Delete={"Objects": named, "Quiet": True})  # type: ignore[typeddict-item] # keys as S3 takes them
            if answer.get("Errors"):
                first = answer["Errors"][0]
                raise TransientUpstreamError(f"deleting {first.get('Key')}: {first.get('Code')}")
        return sum(1 for one in versions if not one.get("is_delete_marker"))
