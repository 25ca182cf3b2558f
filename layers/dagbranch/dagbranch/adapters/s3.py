"""The source bucket, the MWAA bucket's ``dags/`` folder and the prefix of job code, over one boto3 S3 client."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TYPE_CHECKING

from dagbranch.adapters.promotion_metadata import promotion_in
from dagbranch.adapters.s3_objects import PARALLEL_REQUESTS, BucketObjects
from dagbranch.domain.artifacts import Artifact
from dagbranch.domain.deployment import CopiedFile
from dagbranch.domain.naming import (
    CONFIGURATION_FOLDER,
    SourceArchiveKey,
    artifact_prefix,
    artifacts_prefix,
    configuration_key,
    copy_index_key,
    copy_prefix,
    is_environment_name,
    source_prefix,
    zip_key,
)
from dagbranch.domain.ownership import Owner, carries
from dagbranch.domain.promotion import SignedPromotion
from dagbranch.errors import SupersededError
from dagbranch.ports import StoredZip

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class S3SourceBucket:
    """Archives that wait to be packaged; each put is a request."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._objects = BucketObjects(client, bucket)

    def put(self, key: SourceArchiveKey, archive: bytes, marker: Mapping[str, str]) -> None:
        self._objects.put(str(key), archive, marker)

    def get(self, key: SourceArchiveKey, most_bytes: int) -> bytes:
        content = self._objects.get(str(key), most_bytes)
        if content is None:
            raise SupersededError(f"the source archive {key} is gone")
        return content

    def remove(self, repository: str, pull_number: int, *, before: datetime | None = None) -> int:
        found = self._objects.versions(source_prefix(repository, pull_number))
        return self._objects.delete_versions([one for one in found if before is None or one["LastModified"] < before])

    def promotion(self, key: SourceArchiveKey) -> SignedPromotion | None:
        return promotion_in(self._objects.marker(str(key)) or {})

    def announce(self, key: SourceArchiveKey) -> None:
        """S3's event then has the reason CopyObject."""
        if not self._objects.copy_in_place(str(key)):
            raise SupersededError(f"the source archive {key} is gone")


class S3DagsBucket:
    """Zips, unpacked copies and configurations, below one path of the MWAA environment's bucket."""

    def __init__(self, client: S3Client, bucket: str, dags_path: str) -> None:
        self._objects = BucketObjects(client, bucket)
        self._path = dags_path

    def is_free(self, environment: str, marker: Mapping[str, str]) -> bool:
        standing = self.zip(environment)
        if standing is not None and not carries(standing.marker, marker):
            return False
        return self._objects.is_free(copy_prefix(self._path, environment), marker)

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
        listed = {entry["Key"].removeprefix(prefix): entry["ETag"] for entry in self._objects.listed(prefix)}
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

    def configuration(self, environment: str, source_digest: str) -> bytes | None:
        return self._objects.get(configuration_key(self._path, environment, source_digest))

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
        configurations = [entry["Key"] for entry in self._objects.listed(f"{prefix}{CONFIGURATION_FOLDER}/")]
        dropped = [f"{prefix}{path}" for path in paths] + [key for key in configurations if key not in kept]
        owned, _ = self._objects.parted([{"Key": key} for key in dropped], marker)
        self._objects.delete_versions(owned)

    def remove_zip(self, environment: str, marker: Mapping[str, str]) -> int:
        standing = self.zip(environment)
        if standing is not None and not carries(standing.marker, marker):
            return 0
        key = zip_key(self._path, environment)
        if standing is not None:
            self._objects.delete_versions([{"Key": key}])
        return self._objects.delete_owned(self._objects.versions(key), marker)

    def remove_copy(self, environment: str, marker: Mapping[str, str]) -> int:
        return self._objects.delete_owned(self._objects.versions(copy_prefix(self._path, environment)), marker)

    def left(self, environment: str) -> Sequence[str]:
        keys = [entry["Key"] for entry in self._objects.listed(copy_prefix(self._path, environment))]
        return keys if self.zip(environment) is None else [zip_key(self._path, environment), *keys]

    def standing(self, known: Collection[str]) -> Mapping[str, Owner | None]:
        found = self._objects.names_in(f"{self._path}/")
        zips = {name.removesuffix(".zip") for name in found if name.endswith(".zip")}
        folders = {name.removesuffix("/") for name in found if name.endswith("/")}
        strange = sorted(filter(is_environment_name, (zips | folders).difference(known)))
        with ThreadPoolExecutor(PARALLEL_REQUESTS) as pool:
            owned = pool.map(lambda name: self._owned(name, has_zip=name in zips, has_folder=name in folders), strange)
            return {**dict.fromkeys(zips.intersection(known)), **{name: owner for one in owned for name, owner in one}}

    def _owned(self, name: str, *, has_zip: bool, has_folder: bool) -> list[tuple[str, Owner | None]]:
        """The name with its owner; nothing where it does not look like dagbranch's."""
        standing = self.zip(name) if has_zip else None
        owner = None if standing is None else Owner.of(standing.marker)
        if owner is not None or not has_folder:
            return [] if owner is None else [(name, owner)]
        copy = copy_prefix(self._path, name)
        own_files = self._objects.first_marker(f"{copy}{CONFIGURATION_FOLDER}/")
        owner = Owner.of(own_files if own_files is not None else self._objects.first_marker(copy) or {})
        return [] if owner is None and own_files is None else [(name, owner)]

    def _index(self, environment: str) -> dict[str, CopiedFile]:
        content = self._objects.get(copy_index_key(self._path, environment))
        if content is None:
            return {}
        return {path: CopiedFile(etag, sha256) for path, (etag, sha256) in json.loads(content).items()}


def _is_configuration(path: str) -> bool:
    return path.startswith(f"{CONFIGURATION_FOLDER}/")


class S3ArtifactsBucket:
    """Job code, below one path of a bucket that the clusters read."""

    def __init__(self, client: S3Client, bucket: str, artifacts_path: str) -> None:
        self._objects = BucketObjects(client, bucket)
        self._path = artifacts_path

    def is_free(self, environment: str, marker: Mapping[str, str]) -> bool:
        return self._objects.is_free(artifacts_prefix(self._path, environment), marker)

    def put(self, environment: str, artifact: Artifact, marker: Mapping[str, str]) -> str:
        prefix = artifact_prefix(self._path, environment, artifact.digest, artifact.name)
        # The digest in the key says what the content is: only what a put that was cut off left out is to be put.
        sizes = {entry["Key"].removeprefix(prefix): entry["Size"] for entry in self._objects.listed(prefix)}
        missing = [path for path, content in artifact.files.items() if sizes.get(path) != len(content)]
        with ThreadPoolExecutor(PARALLEL_REQUESTS) as pool:
            list(pool.map(lambda path: self._objects.put(f"{prefix}{path}", artifact.files[path], marker), missing))
        return f"s3://{self._objects.bucket}/{prefix.removesuffix('/')}"

    def drop(self, environment: str, marker: Mapping[str, str], *, keep: Collection[str] = ()) -> int:
        kept = tuple(f"{uri.removeprefix(f's3://{self._objects.bucket}/')}/" for uri in keep)
        found = self._objects.versions(artifacts_prefix(self._path, environment))
        return self._objects.delete_owned((one for one in found if not one["Key"].startswith(kept)), marker)

    def left(self, environment: str) -> Sequence[str]:
        return [entry["Key"] for entry in self._objects.listed(artifacts_prefix(self._path, environment))]
