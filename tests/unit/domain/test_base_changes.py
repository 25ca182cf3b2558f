from __future__ import annotations

from dagbranch.domain.base_changes import base_changes, modules_perhaps_removed, with_changed
from dagbranch.domain.overview import BaseChanges
from dagbranch.domain.pipeline_file import parse_pipeline_file

DAG = b"from airflow import DAG\nimport common\nDAG('a')\n"
OTHER = b"from airflow import DAG\nDAG('b')\n"
WRITING = b"version: 1\ndata: {source_suffix: _test, schemas: {db: {write: {m_roi: {}, m_model: {}}}}}\n"
LESS = b"version: 1\ndata: {source_suffix: _test, schemas: {db: {write: {m_roi: {}}}}}\n"
FILES = {"dags/a.py": DAG, "dags/b.py": OTHER, "dags/common.py": b"LIMIT = 1\n"}


def changes(
    files: dict[str, bytes],
    before: dict[str, bytes],
    *,
    declared: bytes | None = None,
    declared_before: bytes | None = None,
) -> BaseChanges:
    pipeline_file = parse_pipeline_file(declared)
    perhaps = modules_perhaps_removed(pipeline_file, before, files)
    told = base_changes(
        pipeline_file,
        "preview",
        files,
        before=before,
        removed={path: before[path] for path in perhaps},
        pipeline_file_before=parse_pipeline_file(declared_before),
    )
    changed = {path for path in {**files, **before} if files.get(path) != before.get(path)}
    return with_changed(told, pipeline_file, files, changed)


def test_a_commit_without_changes_changes_nothing() -> None:
    assert changes(FILES, FILES) == BaseChanges()


def test_a_module_is_changed_with_what_it_uses() -> None:
    before = {**FILES, "dags/common.py": b"LIMIT = 2\n"}

    assert changes(FILES, before) == BaseChanges(changed=("dags/a.py",))


def test_a_new_module_is_added_and_not_changed_and_one_that_is_gone_is_removed() -> None:
    before = {"dags/a.py": DAG, "dags/common.py": b"LIMIT = 1\n", "dags/old.py": OTHER, "dags/words.py": b"X = 1\n"}

    assert changes(FILES, before) == BaseChanges(added=("dags/b.py",), removed=("dags/old.py",))


def test_a_module_that_uses_a_file_that_is_gone_is_changed() -> None:
    files = {path: FILES[path] for path in ("dags/a.py", "dags/b.py")}

    assert changes(files, FILES) == BaseChanges(changed=("dags/a.py",))


def test_tables_that_only_this_commit_declares_as_written_are_new_outputs() -> None:
    assert changes(FILES, FILES, declared=WRITING, declared_before=LESS).new_outputs == ("db.m_model",)
    assert changes(FILES, FILES, declared=WRITING).new_outputs == ("db.m_model", "db.m_roi")


def test_where_the_base_cannot_be_told_no_output_is_new() -> None:
    found = base_changes(
        parse_pipeline_file(WRITING), "preview", FILES, before=FILES, removed={}, pipeline_file_before=None
    )

    assert found.new_outputs == ()


def test_paths_are_those_of_the_repository_wherever_the_dags_are() -> None:
    declared = b"version: 1\ndags: .\n"
    files = {"a.py": DAG, "common.py": b"LIMIT = 1\n"}

    assert changes(files, {**files, "common.py": b""}, declared=declared) == BaseChanges(changed=("a.py",))
