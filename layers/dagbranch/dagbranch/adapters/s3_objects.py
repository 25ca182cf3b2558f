"""One bucket's objects, with our errors: put, read, listed, and deleted where their own metadata says they are ours."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from dagbranch.adapters.aws_answers import held_whole
from dagbranch.adapters.aws_errors import code_of, translated
from dagbranch.domain.ownership import carries
from dagbranch.errors import TransientUpstreamError, UnsafeArchiveError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PARALLEL_REQUESTS: Final = 16  # give the client as many connections (max_pool_connections)
_MOST_KEYS_IN_A_DELETE: Final = 1_000
_GONE: Final = frozenset({"404", "NoSuchKey", "NotFound"})
_RACED: Final = frozenset({"412", "PreconditionFailed", "409", "ConditionalRequestConflict"})


class BucketObjects:
    """``marker``: the metadata that proves whose an object is."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = held_whole(client)
        self.bucket = bucket

    def put(self, key: str, content: bytes, marker: Mapping[str, str], **condition: Any) -> str:
        """Returns the ETag; raises TransientUpstreamError where the condition does not hold any more."""
        with translated(f"putting {key}"):
            try:
                answer = self._client.put_object(
                    Bucket=self.bucket, Key=key, Body=content, Metadata=dict(marker), **condition
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
                answer = self._client.get_object(Bucket=self.bucket, Key=key)
            except ClientError as error:
                if code_of(error) in _GONE:
                    return None
                raise
            if most_bytes is not None and answer["ContentLength"] > most_bytes:
                raise UnsafeArchiveError(f"{key} has {answer['ContentLength']} bytes, at most {most_bytes} are allowed")
            return answer["Body"].read()

    def copy_in_place(self, key: str) -> bool:
        """Makes another version of what stands there, with the same content and metadata; False where it is gone."""
        found = self.head(key)
        if found is None:
            return False
        with translated(f"copying {key}"):
            try:
                self._client.copy_object(
                    Bucket=self.bucket,
                    Key=key,
                    CopySource={"Bucket": self.bucket, "Key": key},
                    CopySourceIfMatch=found["ETag"],
                    # S3 refuses a copy onto itself that does not replace anything.
                    MetadataDirective="REPLACE",
                    Metadata=found["Metadata"],
                    ContentType=found["ContentType"],
                )
            except ClientError as error:
                if code_of(error) in _GONE:
                    return False
                if code_of(error) in _RACED:
                    raise TransientUpstreamError(f"{key} was changed by another meanwhile") from error
                raise
        return True

    def head(self, key: str, version: str | None = None) -> Any:
        with translated(f"looking at {key}"):
            try:
                if version is not None:
                    return self._client.head_object(Bucket=self.bucket, Key=key, VersionId=version)
                return self._client.head_object(Bucket=self.bucket, Key=key)
            except ClientError as error:
                if code_of(error) in _GONE:
                    return None
                raise

    def marker(self, key: str, version: str | None = None) -> Mapping[str, str] | None:
        found = self.head(key, version)
        return None if found is None else found["Metadata"]

    def listed(self, prefix: str, most: int = 1_000) -> Iterator[Any]:
        with translated(f"listing {prefix}"):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=prefix, PaginationConfig={"PageSize": most}
            )
            for page in pages:
                yield from _whole(page).get("Contents", [])

    def names_in(self, folder: str) -> set[str]:
        """What lies directly in the folder: names of objects, and of folders with a slash behind them."""
        with translated(f"listing {folder}"):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=folder, Delimiter="/"
            )
            found: list[str] = []
            for page in map(_whole, pages):
                found += [one["Key"] for one in page.get("Contents", [])]
                found += [one["Prefix"] for one in page.get("CommonPrefixes", [])]
        return {name.removeprefix(folder) for name in found}

    def versions(self, prefix: str) -> Iterator[dict[str, Any]]:
        with translated(f"listing the versions of {prefix}"):
            pages = self._client.get_paginator("list_object_versions").paginate(Bucket=self.bucket, Prefix=prefix)
            for page in pages:
                listed = _whole(page)
                for kind, is_delete_marker in (("Versions", False), ("DeleteMarkers", True)):
                    for one in listed.get(kind, []):
                        yield {
                            "Key": one["Key"],
                            "VersionId": one["VersionId"],
                            "LastModified": one["LastModified"],
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
                answer = self._client.delete_objects(Bucket=self.bucket, Delete={"Objects": named, "Quiet": True})  # type: ignore[typeddict-item] # keys as S3 takes them
            if answer.get("Errors"):
                first = answer["Errors"][0]
                raise TransientUpstreamError(f"deleting {first.get('Key')}: {first.get('Code')}")
        return sum(1 for one in versions if not one.get("is_delete_marker"))

    def delete_owned(self, found: Iterable[Mapping[str, Any]], marker: Mapping[str, str]) -> int:
        """Deletes, of these versions, those whose own metadata carries the marker, and the delete markers above them.

        Returns how many contents that were.
        """
        found = list(found)
        owned, strange = self.parted([version for version in found if not version["is_delete_marker"]], marker)
        # Without its delete marker, what somebody else had deleted there before us would be back.
        standing = {one["Key"] for one in strange}
        tombs = [one for one in found if one["is_delete_marker"] and one["Key"] not in standing]
        return self.delete_versions([*owned, *tombs])

    def parted(self, objects: Sequence[Mapping[str, Any]], marker: Mapping[str, str]) -> tuple[list[Any], list[Any]]:
        """Those whose own metadata carries the marker, and those whose does not."""
        with ThreadPoolExecutor(PARALLEL_REQUESTS) as pool:
            found = list(pool.map(lambda one: self.marker(one["Key"], one.get("VersionId")), objects))
        ours = [carries(metadata or {}, marker) for metadata in found]
        return (
            [one for one, is_ours in zip(objects, ours, strict=True) if is_ours],
            [one for one, is_ours in zip(objects, ours, strict=True) if not is_ours],
        )

    def is_free(self, prefix: str, marker: Mapping[str, str]) -> bool:
        """Whether the first object there, if there is one, carries the marker."""
        found = self.first_marker(prefix)
        return found is None or carries(found, marker)

    def first_marker(self, prefix: str) -> Mapping[str, str] | None:
        """The metadata of the first object there; None where there is none."""
        first = next(iter(self.listed(prefix, most=1)), None)
        return None if first is None else self.marker(first["Key"]) or {}


def _whole(page: Any) -> Any:
    """A list without S3's word on whether it goes on is no list: an empty body would be one of nothing."""
    if "IsTruncated" not in page:
        raise TransientUpstreamError("S3's answer is no list")
    return page
