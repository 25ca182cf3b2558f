from __future__ import annotations

import time

import pytest

from dagbranch.domain.foreign_yaml import BrokenYamlError, read_foreign_yaml


def test_aliases_and_merges_are_allowed() -> None:
    content = b"base: &base {schema: a, tags: [x]}\nother: {<<: *base, schema: b}\n"

    assert read_foreign_yaml(content)["other"] == {"schema": "b", "tags": ["x"]}


def bomb(join: str) -> bytes:
    lines = ["a0: &a0 {k: v}"]
    lines += [f"a{n}: &a{n} {join.format(', '.join([f'*a{n - 1}'] * 10))}" for n in range(1, 12)]
    return "\n".join(lines).encode()


@pytest.mark.parametrize(
    "content",
    [
        bomb("[{}]"),
        bomb("{{<<: [{}]}}"),
        b"a: &a [*a]",
        b"[" * 100_000,
        b"a: !!python/object/apply:os.system [ls]",
        b"a: 2026-99-99",
        b"? [a, b]\n: c",
        b"a: \xff",
        b"a: \x01",
        b"a: 1\n---\nb: 2",
        b"x" * 1_100_000,
    ],
    ids=["aliases", "merges", "loop", "deep", "object", "date", "key", "utf-8", "control", "documents", "large"],
)
def test_what_is_broken_or_hostile_is_one_error_at_once(content: bytes) -> None:
    started = time.monotonic()

    with pytest.raises(BrokenYamlError):
        read_foreign_yaml(content)

    assert time.monotonic() - started < 5


def test_the_error_tells_the_line() -> None:
    with pytest.raises(BrokenYamlError) as raised:
        read_foreign_yaml(b"a: 1\nb: [1\nc: 2\n")

    assert raised.value.line == 3
