from __future__ import annotations

import pytest

from dagbranch.domain.dependencies import warnings_about_dependencies
from dagbranch.domain.requirements import parse_requirements

HASH = "1" * 64


def warnings(requires: str, *, pinned: tuple[str, ...] = ("holidays[geo]==1.0",)) -> list[str]:
    requirements = parse_requirements("".join(f"{one} --hash=sha256:{HASH}\n" for one in pinned).encode(), "r.txt")
    metadata = f"Metadata-Version: 2.1\nName: Holidays\nVersion: 1.0\nRequires-Dist: {requires}\n\nA text.\n"
    unpacked = {"holidays-1.0.dist-info/METADATA": metadata.encode(), "holidays.py": b""}
    return list(warnings_about_dependencies(requirements, unpacked))


@pytest.mark.parametrize(
    ("requires", "named"),
    [
        ("country", "country"),
        ("country>=1", "country>=1"),
        ('country; extra == "geo"', "country"),
        ('country; python_version < "3.12"', "country"),
    ],
)
def test_a_dependency_that_nobody_brings_is_named(requires: str, named: str) -> None:
    (warning,) = warnings(requires)

    assert f"holidays==1.0 requires {named}, which is neither pinned" in warning


@pytest.mark.parametrize(
    "requires",
    [
        "requests>=2",
        "apache-airflow>=2.10",
        "apache-airflow-providers-amazon",
        'country; extra == "docs"',
        'country; python_version < "3.9"',
        'country; sys_platform == "win32"',
        "country (of old)",
    ],
)
def test_what_the_server_has_or_nobody_needs_is_not(requires: str) -> None:
    assert warnings(requires) == []


def test_a_pin_that_its_dependent_does_not_take_is_named() -> None:
    pinned = ("holidays==1.0", "country==1.5")

    assert warnings("country>=1", pinned=pinned) == []
    assert warnings("country>=2", pinned=pinned) == [
        "holidays==1.0 requires country>=2, and country==1.5 is what travels"
    ]
