from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagbranch.domain.checkout import LINK, SUBMODULE, TreeEntry, kept_links, plan_checkout
from dagbranch.domain.source_archive import Limits
from dagbranch.errors import UnsafeArchiveError
from tests.fakes.github import git_blob_id

LIMITS = Limits()


def keeps(path: str) -> bool:
    return path == "dagbranch.yaml" or path.startswith("dags/")


def tree_of(files: dict[str, bytes], **special: str) -> dict[str, TreeEntry]:
    """``special``: the modes of paths that are no regular files."""
    return {
        path: TreeEntry(path, special.get(path, "100644"), git_blob_id(content), len(content))
        for path, content in files.items()
    }


def linked(links: dict[str, str], files: dict[str, bytes]) -> dict[str, str]:
    """Each path of the archive with the path that it gets its bytes from."""
    everything = {**files, **{path: target.encode() for path, target in links.items()}}
    plan = plan_checkout(tree_of(everything, **dict.fromkeys(links, LINK)), links, keeps, LIMITS)
    return {path: entry.path for path, entry in plan.sources.items()}


def test_only_what_is_kept_is_wanted() -> None:
    tree = tree_of({"dags/a.py": b"a", "README.md": b"r", "dagbranch.yaml": b"d", "dags2/x.py": b"x"})

    plan = plan_checkout(tree, {}, keeps, LIMITS)

    assert plan.wanted() == {"dags/a.py", "dagbranch.yaml"}


def test_only_kept_links_are_followed() -> None:
    tree = tree_of({"dags/l": b"a", "l": b"a", "dags/a": b""}, **{"dags/l": LINK, "l": LINK})

    assert [entry.path for entry in kept_links(tree, keeps)] == ["dags/l"]


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("b.py", {"dags/qu/l": "dags/qu/b.py"}),
        ("../a.py", {"dags/qu/l": "dags/a.py"}),
        ("./b.py", {"dags/qu/l": "dags/qu/b.py"}),
        ("../../lib/c.py", {"dags/qu/l": "lib/c.py"}),
        ("../../lib", {"dags/qu/l/c.py": "lib/c.py", "dags/qu/l/deep/d.py": "lib/deep/d.py"}),
        ("../../lib/", {"dags/qu/l/c.py": "lib/c.py", "dags/qu/l/deep/d.py": "lib/deep/d.py"}),
    ],
)
def test_a_link_that_stays_in_the_repository_stands_for_its_target(target: str, expected: dict[str, str]) -> None:
    files = {"dags/a.py": b"a", "dags/qu/b.py": b"b", "lib/c.py": b"c", "lib/deep/d.py": b"d"}

    found = linked({"dags/qu/l": target}, files)

    assert {path: source for path, source in found.items() if path.startswith("dags/qu/l")} == expected


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("/etc/passwd", "leads out of the repository"),
        ("../../etc/passwd", "leads out of the repository"),
        ("../..", "leads out of the repository"),
        ("..", "leads out of the repository"),
        ("a\x00b", "leads out of the repository"),
        ("missing.py", "points to nothing"),
        ("other", "points to another link"),
        ("qu", "points to another link"),
        ("", "points to another link"),
    ],
)
def test_any_other_link_is_refused_by_name(target: str, message: str) -> None:
    links = {"dags/l": target, "dags/other": "a.py", "dags/qu/back": "../a.py"}

    with pytest.raises(UnsafeArchiveError, match=f"dags/l → .*{message}"):
        linked(links, {"dags/a.py": b"a"})


def test_submodules_under_the_packaged_paths_are_named() -> None:
    files = {"dags/a.py": b"a", "dags/vendored": b"", "other": b""}
    tree = tree_of(files, **{"dags/vendored": SUBMODULE, "other": SUBMODULE})

    with pytest.raises(UnsafeArchiveError, match="submodule dags/vendored") as error:
        plan_checkout(tree, {}, keeps, LIMITS)
    assert "other" not in str(error.value)


def test_a_submodule_in_the_place_of_the_packaged_folder_is_named() -> None:
    with pytest.raises(UnsafeArchiveError, match="submodule dags cannot"):
        plan_checkout(tree_of({"dags": b""}, dags=SUBMODULE), {}, keeps, LIMITS)


def test_all_faults_are_told_together() -> None:
    files = {"dags/a": b"", "dags/b": b"/x", "dags/c": b"y"}
    tree = tree_of(files, **{"dags/a": SUBMODULE, "dags/b": LINK, "dags/c": LINK})

    with pytest.raises(UnsafeArchiveError, match=r"dags/a .*\n.*dags/b .*\n.*dags/c"):
        plan_checkout(tree, {"dags/b": "/x", "dags/c": "y"}, keeps, LIMITS)


def test_links_count_for_the_limits_as_often_as_they_are_packaged() -> None:
    tree = tree_of({"dags/a": b"x" * 100, "dags/b": b"a", "dags/c": b"a"}, **{"dags/b": LINK, "dags/c": LINK})

    with pytest.raises(UnsafeArchiveError, match="300 bytes, at most 250"):
        plan_checkout(tree, {"dags/b": "a", "dags/c": "a"}, keeps, Limits(size_bytes=250))


@given(st.dictionaries(st.sampled_from(["dags/a", "dags/b", "dags/c"]), st.binary(max_size=30), min_size=1), st.data())
def test_what_the_archive_lacks_or_changes_is_found_by_the_blobs_id(
    files: dict[str, bytes], data: st.DataObject
) -> None:
    dropped = data.draw(st.sets(st.sampled_from(sorted(files))))
    changed = data.draw(st.sets(st.sampled_from(sorted(files)))) - dropped
    archived = {path: content + b"!" * (path in changed) for path, content in files.items() if path not in dropped}

    plan = plan_checkout(tree_of(files), {}, keeps, LIMITS)

    missing = plan.missing_from(archived)
    assert {entry.path for entry in missing} == dropped | changed
    mended = {entry.path: files[entry.path] for entry in missing}
    assert plan.complete({**archived, **mended}) == files


def test_a_file_of_the_same_length_but_other_bytes_is_found() -> None:
    plan = plan_checkout(tree_of({"dags/a": b"$Format:%H$"}), {}, keeps, LIMITS)

    assert plan.missing_from({"dags/a": b"0123456789a"})
    assert not plan.missing_from({"dags/a": b"$Format:%H$"})


def test_lfs_pointers_are_named_all_together() -> None:
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"4d" * 32 + b"\nsize 12345\n"
    files = {"dags/a.bin": pointer, "dags/b.bin": pointer + b"#", "dags/c.py": b"import airflow"}
    plan = plan_checkout(tree_of(files), {}, keeps, LIMITS)

    with pytest.raises(UnsafeArchiveError, match=r"dags/a\.bin: .*\ndags/b\.bin: "):
        plan.complete(files)


def test_a_long_text_that_begins_like_a_pointer_is_none() -> None:
    files = {"dags/a.md": b"version https://git-lfs.github.com/spec/v1\n" + b"documentation " * 100}
    plan = plan_checkout(tree_of(files), {}, keeps, LIMITS)

    assert plan.complete(files) == files
