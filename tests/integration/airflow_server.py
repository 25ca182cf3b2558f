"""A dags folder with packaged DAGs in it, and a process of a real Airflow that looks at it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dagbranch.adapters.runtime_modules import runtime_modules
from dagbranch.domain.packaging import PackagedDag, configuration, package_dags, read_manifest
from dagbranch.domain.source_archive import source_digest, write_canonical_zip
from dagbranch.domain.wheels import Vendored
from local.airflow.loading import loader_environment

SHA = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Server:
    """A dags folder with what a deploy puts there, and a process of Airflow that loads it."""

    python: Path
    home: Path
    script: Path

    @property
    def dags(self) -> Path:
        return self.home / "dags"

    def deploy(
        self,
        environment: str,
        files: Mapping[str, bytes],
        *,
        lane: str = "preview",
        vendored: Mapping[str, bytes] | None = None,
        selected: Collection[str] | None = None,
        ids: str | None = None,
        **settings: object,
    ) -> PackagedDag:
        packaged = packaged_dag(files, vendored)
        for path, content in packaged.copy.items():
            write(self.dags / environment / path, content)
        digest = read_manifest(packaged.archive).source_digest
        write(
            self.dags / environment / ".dagbranch" / f"{digest}.json",
            configuration(
                environment=environment,
                lane=lane,
                repository="zalando/pipelines",
                pull_number=1,
                head_sha=SHA,
                source_digest=digest,
                settings={"src_conn": "warehouse_test", **settings},
                schemas={"db_attribution": f"db_attribution_{environment}"},
                selected=selected,
                ids=ids,
            ),
        )
        write(self.zip_of(environment), packaged.archive)
        return packaged

    def zip_of(self, environment: str) -> Path:
        return self.dags / f"{environment}.zip"

    def run(self, steps: list[dict[str, Any]]) -> list[Any]:
        answers: list[Any] = self.answers(steps)
        return answers

    def answers(self, asked: object) -> Any:
        """What the script prints when it is given this as JSON."""
        done = subprocess.run(
            [self.python, self.script, json.dumps(asked)],
            env={**loader_environment(self.home, self.dags), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr[-4000:]
        return json.loads(done.stdout.splitlines()[-1])


def files_below(root: Path) -> dict[str, bytes]:
    return {
        file.relative_to(root).as_posix(): file.read_bytes()
        for file in root.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }


def packaged_dag(files: Mapping[str, bytes], vendored: Mapping[str, bytes] | None = None) -> PackagedDag:
    digest = source_digest(write_canonical_zip(files))
    return package_dags(
        files,
        dags_folder="dags",
        source_digest=digest,
        runtime=runtime_modules(),
        version="0.1.0",
        vendored=Vendored(vendored or {}, ()),
    )


def write(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
