"""Copies ``s3://bucket/dags/`` to Airflow's dags folder every few seconds, as MWAA does on scheduler and workers."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from pathlib import Path

    from mypy_boto3_s3 import S3Client

logger = logging.getLogger(__name__)


class BucketSync:
    """Adds, changes and removes files by the ETags of a listing, in no promised order: MWAA promises none."""

    def __init__(
        self, s3_client: S3Client, bucket: str, dags_path: str, dags_folder: Path, interval_seconds: int
    ) -> None:
        self._s3_client = s3_client
        self._bucket = bucket
        self._prefix = dags_path.strip("/") + "/"
        self._dags_folder = dags_folder
        self._interval_seconds = interval_seconds
        self._etags: dict[str, str] = {}
        self._one_at_a_time = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._keep_syncing, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def sync(self) -> None:
        """Makes the folder equal to the bucket; raises botocore's errors."""
        with self._one_at_a_time:
            listed = self._list()
            changes = [name for name in self._local_names() | listed.keys() if self._differs(name, listed.get(name))]
            random.shuffle(changes)
            for name in changes:
                self._apply(name, listed.get(name))

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Leaves the folder alone meanwhile; the next round makes it equal to the bucket again."""
        with self._one_at_a_time:
            yield

    def _keep_syncing(self) -> None:
        while not self._stopped.wait(self._interval_seconds):
            try:
                self.sync()
            except (BotoCoreError, ClientError, OSError):
                logger.exception("s3://%s/%s was not synced, the next round tries again", self._bucket, self._prefix)

    def _list(self) -> dict[str, str]:
        """ETags by path below the prefix; "folders" made in the console, and keys that lead out, are left out."""
        pages = self._s3_client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=self._prefix)
        entries = (entry for page in pages for entry in page.get("Contents", []))
        names = {entry["Key"].removeprefix(self._prefix): entry["ETag"] for entry in entries}
        return {name: etag for name, etag in names.items() if name and not name.endswith("/") and self._inside(name)}

    def _inside(self, name: str) -> bool:
        return (self._dags_folder / name).resolve().is_relative_to(self._dags_folder.resolve())

    def _local_names(self) -> set[str]:
        """All files but what Python wrote: the compiled modules are not the bucket's to remove."""
        files = (path for path in self._dags_folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
        return {path.relative_to(self._dags_folder).as_posix() for path in files}

    def _differs(self, name: str, etag: str | None) -> bool:
        return etag is None or self._etags.get(name) != etag or not (self._dags_folder / name).is_file()

    def _apply(self, name: str, etag: str | None) -> None:
        if etag is None:
            self._remove(name)
        else:
            self._download(name)
            self._etags[name] = etag

    def _download(self, name: str) -> None:
        """Atomic per file: Airflow sees the old one or the new one, never a part."""
        self._dags_folder.mkdir(parents=True, exist_ok=True)
        arriving = self._dags_folder.with_name("arriving.part")
        self._s3_client.download_file(self._bucket, self._prefix + name, str(arriving))
        target = self._dags_folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        arriving.replace(target)

    def _remove(self, name: str) -> None:
        path = self._dags_folder / name
        path.unlink()
        self._etags.pop(name, None)
        for folder in path.relative_to(self._dags_folder).parents[:-1]:
            if any((self._dags_folder / folder).iterdir()):
                return
            (self._dags_folder / folder).rmdir()
