from __future__ import annotations

import io
import zipfile

import pytest

from dagbranch.domain.requirements import Requirement, parse_requirements
from dagbranch.domain.source_archive import Limits
from dagbranch.domain.wheels import check_wheels, chosen_wheels, unpack_wheels, with_wheels, without_wheels
from dagbranch.errors import InvalidPipelineError, InvalidRequirementsError, SourceError, UnsafeArchiveError
from tests.fakes.wheels import a_wheel, a_zip, pin, wheel_name

HOLIDAYS, COUNTRY = a_wheel("holidays"), a_wheel("country")
NAME = wheel_name("holidays")
FILES = {"dags/dag.py": b"import airflow # dag"}


def required(*lines: str) -> tuple[Requirement, ...]:
    return parse_requirements("".join(lines).encode(), "requirements.txt")


def unpacked(
    wheels: dict[str, bytes], *lines: str, limits: Limits | None = None, files: dict[str, bytes] | None = None
) -> dict[str, bytes]:
    archived = {**(files or FILES), **{f".dagbranch/wheels/{file}": content for file, content in wheels.items()}}
    return dict(unpack_wheels(required(*lines), archived, limits or Limits()).files)


def unpacked_one(content: bytes) -> dict[str, bytes]:
    return unpacked({NAME: content}, pin("holidays", "1.0", content))


def test_wheels_travel_beside_the_files_and_come_off_again() -> None:
    joined = with_wheels(FILES, {NAME: HOLIDAYS}, Limits())

    assert joined == {**FILES, f".dagbranch/wheels/{NAME}": HOLIDAYS}
    assert without_wheels(joined) == FILES


def test_a_repository_with_files_where_the_wheels_travel_is_refused() -> None:
    with pytest.raises(InvalidPipelineError, match=r"\.dagbranch/wheels/x\.whl: \.dagbranch/ is where dagbranch"):
        with_wheels({**FILES, ".dagbranch/wheels/x.whl": b""}, {}, Limits())


def test_files_and_wheels_are_limited_together() -> None:
    with pytest.raises(UnsafeArchiveError, match="at most 10 are allowed"):
        with_wheels(FILES, {NAME: HOLIDAYS}, Limits(size_bytes=10))


def test_the_wheels_modules_and_metadata_are_unpacked() -> None:
    found = unpacked(
        {NAME: HOLIDAYS, wheel_name("country"): COUNTRY}, pin("holidays", "1.0", HOLIDAYS), pin("country", "1", COUNTRY)
    )

    assert found["holidays.py"] == b"VERSION = '1.0'\n"
    assert {"country.py", "holidays-1.0.dist-info/METADATA", "country-1.0.dist-info/METADATA"} <= set(found)


def test_a_wheel_of_purelib_data_is_unpacked_to_where_it_is_imported() -> None:
    found = unpacked_one(a_wheel("holidays", files={"holidays-1.0.data/purelib/holidays/__init__.py": b"1"}))

    assert found["holidays/__init__.py"] == b"1"


def test_bytecode_of_somebodys_machine_stays_out() -> None:
    found = unpacked_one(a_wheel("holidays", files={"holidays.py": b"1", "__pycache__/holidays.cpython-312.pyc": b""}))

    assert not any("__pycache__" in path for path in found)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"holidays/_speed.cpython-312-x86_64-linux-gnu.so": b""}, "compiled code cannot travel"),
        ({"holidays/lib/libx.so.1": b""}, "compiled code cannot travel"),
        ({"holidays/x.pyd": b""}, "compiled code cannot travel"),
        ({"holidays.pth": b"import os"}, r"\.pth files change the whole server"),
        ({"holidays-1.0.data/scripts/holidays": b""}, "only what is imported can travel, no scripts"),
        ({"holidays-1.0.data/headers/h.h": b""}, "no headers"),
        ({"holidays-1.0.data/data/etc/x": b""}, "no data"),
        ({"holidays-1.0.data/purelib/holidays.pth": b""}, r"\.pth files"),
        ({"airflow/providers/x/__init__.py": b""}, "it would stand before the server's own airflow"),
        ({"dagbranch_env.py": b""}, "it would stand before the server's own dagbranch_env"),
        ({"_dagbranch/load.py": b""}, "it would stand before the server's own _dagbranch"),
        ({"typing.py": b""}, "it would stand before Python's own typing"),
        ({"json/__init__.py": b""}, "it would stand before Python's own json"),
        ({"../outside.py": b""}, "leads out of the archive"),
        ({"/etc/passwd": b""}, "leads out of the archive"),
        ({"a\\b.py": b""}, "not portable"),
        ({"holidays.py": b"", "holidays-1.0.data/purelib/holidays.py": b"2"}, "twice"),
    ],
)
def test_what_cannot_travel_is_refused_with_the_wheel_and_the_path(files: dict[str, bytes], message: str) -> None:
    with pytest.raises(SourceError, match=message) as raised:
        unpacked_one(a_wheel("holidays", files=files))

    assert str(raised.value).startswith(NAME)


def test_a_link_in_a_wheel_is_refused() -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        link = zipfile.ZipInfo("holidays.py")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")

    with pytest.raises(UnsafeArchiveError, match=r"holidays\.py is a link"):
        unpacked_one(target.getvalue())


def test_an_encrypted_or_broken_wheel_is_refused() -> None:
    with pytest.raises(InvalidRequirementsError, match="no readable zip"):
        unpacked_one(b"PK no zip")
    with pytest.raises(InvalidRequirementsError, match="cannot be read"):
        unpacked_one(a_zip({"holidays.py": b"x" * 100}).replace(b"holidays.py", b"holidays.px", 1))


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    bomb = a_wheel("holidays", files={"holidays.py": b"#" * 3_000_000})
    limits = Limits(size_bytes=1_000_000)

    assert len(bomb) < 10_000
    with pytest.raises(UnsafeArchiveError, match="at most 1000000 are allowed"):
        unpacked({NAME: bomb}, pin("holidays", "1.0", bomb), limits=limits)


def test_unpacked_wheels_and_the_repositorys_files_are_limited_together() -> None:
    wheel = a_wheel("holidays", files={"holidays.py": b"#" * 600})

    with pytest.raises(UnsafeArchiveError, match="at most 1000 are allowed"):
        unpacked(
            {NAME: wheel}, pin("holidays", "1.0", wheel), limits=Limits(size_bytes=1000), files={"a.py": b"#" * 600}
        )


def test_what_a_wheel_depends_on_and_nobody_brings_is_warned_about() -> None:
    wheel = a_wheel("holidays", requires=("country (>=1)", "requests", 'colorama; sys_platform == "win32"'))

    vendored = unpack_wheels(
        required(pin("holidays", "1.0", wheel)), {f".dagbranch/wheels/{NAME}": wheel, **FILES}, Limits()
    )

    (warning,) = vendored.warnings
    assert warning.startswith("holidays==1.0 requires country>=1, which is neither pinned nor a part of Airflow")


def test_two_wheels_with_different_files_of_one_path_are_refused_and_both_are_named() -> None:
    one, other = a_wheel("holidays", files={"shared.py": b"1"}), a_wheel("country", files={"shared.py": b"2"})

    with pytest.raises(InvalidRequirementsError, match=r"shared\.py is in country-.*and, different, in holidays-"):
        unpacked({NAME: one, wheel_name("country"): other}, pin("holidays", "1.0", one), pin("country", "1.0", other))


def test_the_same_namespace_module_in_two_wheels_is_one_file() -> None:
    namespace = {"shared/__init__.py": b"__path__ = __import__('pkgutil').extend_path(__path__, __name__)\n"}
    one, other = a_wheel("holidays", files=namespace), a_wheel("country", files=namespace)

    found = unpacked(
        {NAME: one, wheel_name("country"): other}, pin("holidays", "1.0", one), pin("country", "1.0", other)
    )

    assert found["shared/__init__.py"] == namespace["shared/__init__.py"]


def test_a_file_in_one_wheel_that_is_a_folder_in_another_is_refused() -> None:
    one, other = a_wheel("holidays", files={"shared": b"1"}), a_wheel("country", files={"shared/x.py": b"2"})

    with pytest.raises(InvalidRequirementsError, match=r"shared is a file in holidays-.* and a folder in country-"):
        unpacked({NAME: one, wheel_name("country"): other}, pin("holidays", "1.0", one), pin("country", "1.0", other))


@pytest.mark.parametrize(
    ("wheels", "message"),
    [
        ({}, "holidays==1.0: expected one wheel, found: there is none"),
        ({NAME: HOLIDAYS, wheel_name("country"): COUNTRY}, "country-1.0-py3-none-any.whl: no requirement names it"),
        ({NAME: a_wheel("holidays", files={})}, "has none of the hashes of holidays==1.0"),
        ({wheel_name("holidays", "2.0"): HOLIDAYS}, "is not holidays==1.0"),
        ({wheel_name("holidays", tag="cp312-cp312-manylinux_2_17_x86_64"): HOLIDAYS}, "is compiled"),
        ({wheel_name("holidays", tag="py2-none-any"): HOLIDAYS}, "for another Python"),
        ({NAME: HOLIDAYS, wheel_name("holidays", tag="py2.py3-none-any"): HOLIDAYS}, "expected one wheel, found: "),
        ({"holidays.whl": HOLIDAYS}, "no name of a wheel"),
    ],
)
def test_an_archive_has_just_the_required_wheels_whoever_made_it(wheels: dict[str, bytes], message: str) -> None:
    with pytest.raises(InvalidRequirementsError, match=message):
        check_wheels(required(pin("holidays", "1.0", HOLIDAYS)), wheels)


def test_wheels_without_any_requirement_are_refused() -> None:
    with pytest.raises(InvalidRequirementsError, match="no requirement names it"):
        unpacked({NAME: HOLIDAYS})


@pytest.mark.parametrize("tag", ["py3-none-any", "py2.py3-none-any", "py311-none-any", "py312-none-any"])
def test_a_wheel_for_any_platform_is_pure(tag: str) -> None:
    check_wheels(required(pin("holidays", "1.0", HOLIDAYS)), {wheel_name("holidays", tag=tag): HOLIDAYS})


def test_of_several_that_fit_the_same_is_taken_in_whatever_order_they_are_offered() -> None:
    universal = wheel_name("holidays", tag="py2.py3-none-any")
    requirements = required(pin("holidays", "1.0", HOLIDAYS))

    one = chosen_wheels(requirements, {NAME: HOLIDAYS, universal: HOLIDAYS, wheel_name("country"): COUNTRY})
    other = chosen_wheels(requirements, {universal: HOLIDAYS, NAME: HOLIDAYS})

    assert one == other == {NAME: HOLIDAYS}


def test_a_name_in_another_spelling_is_the_same_package() -> None:
    wheel = a_wheel("Py.Country")

    check_wheels(required(pin("py-country", "1.0", wheel)), {"Py.Country-1.0-py3-none-any.whl": wheel})
