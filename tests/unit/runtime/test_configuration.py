"""What the runtime takes from beside the zip."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from dagbranch.domain import packaging
from dagbranch.runtime.configuration import NotConfiguredError, configuration_file, read_configuration

DIGEST = 64 * "a"


def configure(
    copy: Path, environment: str, lane: str, settings: Mapping[str, object] | None = None, ids: str | None = None
) -> None:
    file = configuration_file(copy, DIGEST)
    file.parent.mkdir(parents=True)
    file.write_bytes(
        packaging.configuration(
            environment=environment,
            lane=lane,
            repository="zalando/pipelines",
            pull_number=7,
            head_sha=40 * "0",
            source_digest=DIGEST,
            settings=settings or {},
            schemas={},
            ids=ids,
        )
    )


def test_what_the_packager_writes_is_what_the_runtime_reads(tmp_path: Path) -> None:
    configure(tmp_path / "feature1", "feature1", "preview", {"src_conn": "warehouse_test"})

    found = read_configuration(tmp_path / "feature1", DIGEST)

    assert found.tags == ("feature1", "commit:0000000")
    assert found.settings == {"src_conn": "warehouse_test"}


@pytest.mark.parametrize(
    ("lane", "settings", "changes"),
    [
        ("preview", {}, (True, False, False)),
        ("preview", {"schedules": True}, (True, False, True)),
        ("preview", {"as_written": True}, (True, True, True)),
        ("prod", {}, (False, True, True)),
        ("prod", {"as_written": False}, (False, False, True)),
        ("prod", {"as_written": False, "schedules": False}, (False, False, False)),
    ],
)
def test_a_lane_says_what_is_changed(
    tmp_path: Path, lane: str, settings: dict[str, object], changes: tuple[bool, bool, bool]
) -> None:
    configure(tmp_path / "feature1", "feature1", lane, settings)

    found = read_configuration(tmp_path / "feature1", DIGEST)

    assert (found.rewrites_ids, found.as_written, found.schedules) == changes


@pytest.mark.parametrize(
    ("lane", "ids", "rewritten"),
    [("preview", None, (True, "feature1")), ("prod", None, (False, "feature1")), ("prod", "next", (True, "next"))],
)
def test_ids_are_rewritten_as_the_lane_does_or_as_a_canary_wants_it(
    tmp_path: Path, lane: str, ids: str | None, rewritten: tuple[bool, str]
) -> None:
    configure(tmp_path / "feature1", "feature1", lane, ids=ids)

    found = read_configuration(tmp_path / "feature1", DIGEST)

    assert (found.rewrites_ids, found.id_part) == rewritten
    assert found.tags == ("feature1", "commit:0000000")


@pytest.mark.parametrize(("lane", "rewrites"), [("preview", True), ("stage", False)])
def test_a_configuration_of_an_older_version_is_read(tmp_path: Path, lane: str, rewrites: bool) -> None:  # noqa: FBT001 # a row of the table
    configure(tmp_path / "feature1", "feature1", lane)
    file = configuration_file(tmp_path / "feature1", DIGEST)
    written = json.loads(file.read_bytes())
    del written["ids"]
    file.write_text(json.dumps(written))

    found = read_configuration(tmp_path / "feature1", DIGEST)

    assert (found.rewrites_ids, found.id_part) == (rewrites, "feature1")


def test_a_missing_configuration_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotConfiguredError, match="environment feature1 has no DAGs"):
        read_configuration(tmp_path / "feature1", DIGEST)


def test_the_configuration_of_another_environment_is_refused(tmp_path: Path) -> None:
    configure(tmp_path / "feature2", "feature1", "preview")

    with pytest.raises(NotConfiguredError, match=r"its zip is called feature2\.zip"):
        read_configuration(tmp_path / "feature2", DIGEST)


def test_a_file_cut_off_by_the_sync_is_no_configuration(tmp_path: Path) -> None:
    configure(tmp_path / "feature1", "feature1", "preview")
    file = configuration_file(tmp_path / "feature1", DIGEST)
    file.write_bytes(file.read_bytes()[:40])

    with pytest.raises(NotConfiguredError, match="no configuration of an environment"):
        read_configuration(tmp_path / "feature1", DIGEST)
