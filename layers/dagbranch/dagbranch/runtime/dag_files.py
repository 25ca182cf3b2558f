"""Which of the repository's files Airflow itself would load: decided file by file, when it is asked for one."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from dagbranch.runtime import airflow_api
from dagbranch.runtime.archive import Archive
from dagbranch.runtime.package import SOURCES


class DagFiles(Collection[str]):
    """Those of the candidates that the server's safe mode and the repository's own ignore files leave."""

    def __init__(
        self, candidates: Collection[str], sources: Mapping[str, bytes], ignore_files: Mapping[str, bytes]
    ) -> None:
        self._candidates = frozenset(candidates)
        self._sources = sources
        self._ignore_files = ignore_files
        self._decided: dict[object, bool] = {}

    def __contains__(self, path: object) -> bool:
        if path not in self._decided:
            self._decided[path] = path in self._candidates and bool(self._left(frozenset({path})))
        return self._decided[path]

    def __iter__(self) -> Iterator[str]:
        undecided = self._candidates - self._decided.keys()
        left = self._left(undecided)
        self._decided.update({path: path in left for path in undecided})
        return iter(sorted(path for path in self._candidates if self._decided[path]))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _left(self, paths: Collection[object]) -> Collection[str]:
        candidates = [path for path in self._candidates if path in paths and self._looks_like_one(path)]
        return airflow_api.not_ignored(candidates, self._ignore_files)

    def _looks_like_one(self, path: str) -> bool:
        return airflow_api.looks_like_dag(SOURCES + path, lambda: self._sources[path])


def ignore_files(archive: Archive) -> dict[str, bytes]:
    """The repository's own, by path; the one at its root is in the zip alone: in the copy's place is ours."""
    return {
        name.removeprefix(SOURCES): archive.read(name)
        for name in archive.namelist()
        if name.startswith(SOURCES) and name.rpartition("/")[2] == airflow_api.IGNORE_FILE
    }
