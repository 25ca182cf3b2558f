from __future__ import annotations

import contextlib
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dagbranch.domain.strict_yaml import LARGEST_BYTES, read_strict_yaml
from dagbranch.errors import InvalidPipelineFileError


def faults_of(text: str | bytes) -> list[str]:
    with pytest.raises(InvalidPipelineFileError) as raised:
        read_strict_yaml(text.encode() if isinstance(text, str) else text, "f.yaml")
    return str(raised.value).splitlines()


def test_values_are_plain_and_each_has_its_line() -> None:
    document = read_strict_yaml(b"a: 1\nb:\n  - x\n  - {c: null, d: 2026-01-01}\non: yes\n", "f.yaml")

    assert document.value == {"a": 1, "b": ["x", {"c": None, "d": "2026-01-01"}], "on": True}
    assert document.line_of(("b", 0)) == 3
    assert document.line_of(("b", 1, "d")) == 4
    assert document.line_of(("b", 7, "missing")) == 2
    assert document.line_of(("on",)) == 5


def test_an_empty_file_is_nothing() -> None:
    assert read_strict_yaml(b"# only a comment\n", "f.yaml").value is None


def test_a_byte_order_mark_is_skipped() -> None:
    assert read_strict_yaml(b"\xef\xbb\xbfa: 1", "f.yaml").value == {"a": 1}


def test_every_duplicate_key_is_told_with_both_lines() -> None:
    assert faults_of("a: 1\nb: {c: 1, c: 2}\na: 2\n") == [
        "f.yaml:2: b.c: given twice, first on line 2",
        "f.yaml:3: a: given twice, first on line 1",
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a: &x 1\n", "f.yaml:1: the anchor &x is not allowed"),
        ("a: !!python/object/apply:os.system [ls]", "tag:yaml.org,2002:python/object/apply:os.system is not allowed"),
        ("a: !!set {b}", "tag:yaml.org,2002:set is not allowed"),
        ("a: !!binary aGk=", "tag:yaml.org,2002:binary is not allowed"),
        ("a: !own b", "the tag !own is not allowed"),
        ("? [a, b]\n: c", "f.yaml:1: a key is one word"),
        ("a: .nan", "a number is finite"),
        ("a: " + "9" * 5_000, "a number is finite and of a reasonable length"),
        ("a: 1\n\tb: 2", "f.yaml:2: no valid YAML"),
        ("a: [1", "no valid YAML"),
        ("a: 1\n---\nb: 2", "no valid YAML"),
        ("a: 1\nb: \x01", "f.yaml:2: no valid YAML"),
        (b"a: \xff", "f.yaml: byte 3 is no UTF-8"),
        ("[" * 100_000, "f.yaml:1: nested deeper than 20 levels"),
        ("a" * (LARGEST_BYTES + 1), "f.yaml: 262145 bytes, at most 262144 are allowed"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_yaml_allows_and_a_pipeline_file_does_not(text: str | bytes, fault: str) -> None:
    assert fault in faults_of(text)[0]


def test_aliases_do_not_multiply() -> None:
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "\n".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 9)}]" for n in range(9)
    )
    started = time.monotonic()

    found = faults_of(bomb)

    assert "f.yaml:2: the alias *a is not allowed: write the value out" in found
    assert time.monotonic() - started < 5


@settings(deadline=None)
@given(st.text() | st.text(alphabet="ab:-[]{}&*!?|>#'\" \n\t,1"))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(InvalidPipelineFileError):
        read_strict_yaml(text.encode(), "f.yaml")
