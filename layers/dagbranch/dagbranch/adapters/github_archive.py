"""The wanted files of a commit's archive, streamed: what is not wanted goes past, and a compression bomb is refused."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from typing import IO, Final

import requests

from dagbranch.adapters.github_api import TIMEOUT_SECONDS
from dagbranch.errors import UnsafeArchiveError

_RATIO_IS_JUDGED_FROM_BYTES: Final = 1_000_000


def fetch_archive(link: str, wanted: frozenset[str], *, most_bytes: int, most_ratio: int) -> dict[str, bytes]:
    """``link`` is signed for this archive; the token is not sent along."""
    with requests.get(link, stream=True, timeout=TIMEOUT_SECONDS) as answer:
        answer.raise_for_status()
        return _kept(_Counted(answer.iter_content(1 << 16)), wanted, most_bytes, most_ratio)


class _Counted:
    """A readable stream that knows how many bytes came over the wire."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""
        self.received_bytes = 0

    def read(self, size: int = -1) -> bytes:
        while len(self._rest) < size or size < 0:
            chunk = next(self._chunks, None)
            if chunk is None:
                break
            self.received_bytes += len(chunk)
            self._rest += chunk
        taken, self._rest = (self._rest, b"") if size < 0 else (self._rest[:size], self._rest[size:])
        return taken


def _kept(stream: _Counted, wanted: frozenset[str], most_bytes: int, most_ratio: int) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    kept_bytes = 0
    with tarfile.open(fileobj=_as_file(stream), mode="r|gz") as archive:
        for member in archive:
            path = member.name.partition("/")[2]  # below GitHub's own top folder
            if not member.isreg() or path not in wanted:
                continue
            kept_bytes += member.size
            _check_bomb(kept_bytes, stream.received_bytes, most_bytes, most_ratio)
            content = archive.extractfile(member)
            assert content is not None, "a regular member has content"
            files[path] = content.read()
            if len(files) == len(wanted):
                break
    return files


def _check_bomb(kept_bytes: int, received_bytes: int, most_bytes: int, most_ratio: int) -> None:
    if kept_bytes > most_bytes:
        raise UnsafeArchiveError(f"the packaged files have over {most_bytes} bytes")
    if kept_bytes > max(_RATIO_IS_JUDGED_FROM_BYTES, most_ratio * received_bytes):
        raise UnsafeArchiveError(f"the packaged files are compressed by more than {most_ratio}: a compression bomb")


def _as_file(stream: _Counted) -> IO[bytes]:
    return stream  # type: ignore[return-value] # tarfile's stream mode only reads
