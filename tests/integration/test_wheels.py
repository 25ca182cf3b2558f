"""The real pip against a package index on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import pytest

from dagbranch.adapters.wheels import PipIndex, WheelFolder
from dagbranch.cli import main
from dagbranch.domain.requirements import Requirement, parse_requirements
from dagbranch.domain.source_archive import Limits, read_source_archive
from dagbranch.errors import InvalidRequirementsError, TransientUpstreamError, UnsafeArchiveError, UpstreamError
from local.certificates import make_certificates
from tests.fakes.package_index import LoopbackIndex, loopback_index
from tests.fakes.wheels import a_wheel, pin, wheel_name

HOLIDAYS, COUNTRY = a_wheel("holidays", requires=("country>=1", "requests")), a_wheel("country", "2.0")
NAME = wheel_name("holidays")
MANYLINUX = wheel_name("speed", tag="cp312-cp312-manylinux_2_17_x86_64")


@pytest.fixture
def index() -> Iterator[LoopbackIndex]:
    with loopback_index() as index:
        index.offer("holidays", NAME, HOLIDAYS)
        index.offer("country", wheel_name("country", "2.0"), COUNTRY)
        index.offer("speed", MANYLINUX, b"compiled")
        index.offer("speed", "speed-1.0.tar.gz", b"source")
        index.offer("slow", "slow-1.0.tar.gz", b"source")
        yield index


def required(*lines: str) -> tuple[Requirement, ...]:
    return parse_requirements("".join(lines).encode(), "requirements.txt")


def fetched(index: LoopbackIndex, *lines: str, limits: Limits | None = None, cache: Path | None = None) -> set[str]:
    return set(PipIndex(index.url, cache=cache).wheels(required(*lines), limits or Limits()))


def test_the_required_wheels_come_and_nothing_that_they_depend_on(index: LoopbackIndex) -> None:
    found = PipIndex(index.url).wheels(required(pin("holidays", "1.0", b"its sdist", HOLIDAYS)), Limits())

    assert found == {NAME: HOLIDAYS}
    assert not any("country" in path or "requests" in path for path, _ in index.requests)


def test_nothing_of_the_machines_configuration_or_credentials_reaches_the_index(
    index: LoopbackIndex, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login somebody password hunter2\n")
    (tmp_path / "pip.conf").write_text("[global]\nindex-url = http://127.0.0.1:9/simple\nno-binary = :all:\n")
    for name, value in {
        "HOME": str(tmp_path),
        "NETRC": str(tmp_path / ".netrc"),
        "PIP_CONFIG_FILE": str(tmp_path / "pip.conf"),
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "HTTP_PROXY": "http://somebody:hunter2@127.0.0.1:9",
        "AWS_SECRET_ACCESS_KEY": "hunter2",
    }.items():
        monkeypatch.setenv(name, value)

    assert fetched(index, pin("holidays", "1.0", HOLIDAYS)) == {NAME}
    assert not any("Authorization" in headers or "hunter2" in str(headers) for _, headers in index.requests)


def test_an_index_with_an_authority_of_the_companys_own_is_trusted_where_the_process_trusts_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificates = make_certificates(tmp_path)
    with loopback_index(certificates) as index:
        index.offer("holidays", NAME, HOLIDAYS)

        monkeypatch.setenv("SSL_CERT_FILE", str(certificates.authority))
        assert fetched(index, pin("holidays", "1.0", HOLIDAYS)) == {NAME}

        monkeypatch.delenv("SSL_CERT_FILE")
        with pytest.raises(TransientUpstreamError, match="certificate"):
            fetched(index, pin("holidays", "1.0", HOLIDAYS))


def test_all_that_its_author_has_to_mend_is_told_together(index: LoopbackIndex) -> None:
    lines = [
        pin("holidays", "1.0", b"other bytes"),
        pin("country", "3.0", COUNTRY),
        pin("missing", "1.0", b""),
        pin("speed", "1.0", b"compiled", b"source"),
        pin("slow", "1.0", b"source"),
    ]

    with pytest.raises(InvalidRequirementsError) as raised:
        fetched(index, *lines)

    told = str(raised.value).splitlines()
    assert [line.split(": ")[:2] for line in told] == [
        ["requirements.txt:4", "country==3.0"],
        ["requirements.txt:1", "holidays==1.0"],
        ["requirements.txt:7", "missing==1.0"],
        ["requirements.txt:14", "slow==1.0"],
        ["requirements.txt:10", "speed==1.0"],
    ]
    text = str(raised.value)
    assert "country==3.0: the index has no such version" in text
    assert "holidays==1.0: the wheel on the index has none of the hashes in the file" in text
    assert "missing==1.0: the index has no package of that name" in text
    assert "slow==1.0: compiled, or not built yet: the index has only slow-1.0.tar.gz" in text
    assert f"speed==1.0: compiled, or not built yet: the index has only {MANYLINUX}, speed-1.0.tar.gz" in text


def test_the_command_fetches_what_a_folder_requires(
    index: LoopbackIndex, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {
        "dags/dag.py": "import airflow  # dag\n",
        "dagbranch.yaml": "version: 1\nrequirements: requirements.txt\n",
        "requirements.txt": pin("holidays", "1.0", HOLIDAYS),
    }
    for path, content in files.items():
        (tmp_path / "source" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "source" / path).write_text(content)
    output = tmp_path / "source.zip"

    status = main(["archive", str(tmp_path / "source"), "--index-url", index.url, "--output", str(output)])

    assert (status, capsys.readouterr().err) == (0, "")
    assert read_source_archive(output.read_bytes(), Limits())[f".dagbranch/wheels/{NAME}"] == HOLIDAYS


def test_a_wheel_for_another_python_is_refused(index: LoopbackIndex) -> None:
    index.offer("holidays", wheel_name("holidays", "2.0"), HOLIDAYS)
    index.requires_python = ">=3.14"

    with pytest.raises(InvalidRequirementsError, match=r"another Python: 2\.0 Requires-Python >=3\.14"):
        fetched(index, pin("holidays", "2.0", HOLIDAYS))


@pytest.mark.parametrize("status", [HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS])
def test_an_index_that_has_no_time_is_asked_again_later(index: LoopbackIndex, status: HTTPStatus) -> None:
    index.answers = status

    with pytest.raises(TransientUpstreamError, match="the package index cannot be reached"):
        fetched(index, pin("holidays", "1.0", HOLIDAYS))


def test_an_index_that_nobody_answers_for_is_asked_again_later() -> None:
    with loopback_index() as gone:
        url = gone.url

    with pytest.raises(TransientUpstreamError, match="cannot be reached"):
        PipIndex(url).wheels(required(pin("holidays", "1.0", HOLIDAYS)), Limits())


def test_an_index_that_wants_a_credential_is_no_matter_of_trying_again(index: LoopbackIndex) -> None:
    index.answers = HTTPStatus.UNAUTHORIZED

    with pytest.raises(UpstreamError, match="readable without a credential") as raised:
        fetched(index, pin("holidays", "1.0", HOLIDAYS))

    assert not isinstance(raised.value, TransientUpstreamError)


def test_a_download_that_breaks_off_is_tried_again_later(index: LoopbackIndex) -> None:
    index.hashed = False
    index.file_answers = HTTPStatus.INTERNAL_SERVER_ERROR

    with pytest.raises(TransientUpstreamError):
        fetched(index, pin("holidays", "1.0", HOLIDAYS))


def test_a_slow_index_is_given_up_and_asked_again_later(index: LoopbackIndex) -> None:
    with pytest.raises(TransientUpstreamError, match="did not answer in 0 s"):
        PipIndex(index.url, seconds=0.1).wheels(required(pin("holidays", "1.0", HOLIDAYS)), Limits())


def test_a_wheel_that_is_larger_than_a_file_may_be_is_not_even_written(index: LoopbackIndex) -> None:
    large = a_wheel("large", files={"large.bin": bytes(range(256)) * 4000})
    index.offer("large", wheel_name("large"), large + b"\0" * 200_000)

    with pytest.raises(InvalidRequirementsError, match=r"large==1\.0: the wheel is larger than a file may be"):
        fetched(index, pin("large", "1.0", large + b"\0" * 200_000), limits=Limits(file_size_bytes=100_000))


def test_wheels_that_are_too_large_together_are_refused(index: LoopbackIndex) -> None:
    with pytest.raises(UnsafeArchiveError, match="at most"):
        fetched(
            index,
            pin("holidays", "1.0", HOLIDAYS),
            pin("country", "2.0", COUNTRY),
            limits=Limits(size_bytes=len(HOLIDAYS)),
        )


def test_what_was_fetched_once_is_kept_by_its_pin_and_checked_again(index: LoopbackIndex, tmp_path: Path) -> None:
    lines = (pin("holidays", "1.0", HOLIDAYS), pin("country", "2.0", COUNTRY))
    fetched(index, *lines, cache=tmp_path)
    for kept in tmp_path.glob(f"wheels/*/{NAME}"):
        kept.write_bytes(b"tampered with")
    index.requests.clear()

    found = fetched(index, *lines, cache=tmp_path)

    assert found == {NAME, wheel_name("country", "2.0")}
    assert {path.split("/")[2] for path, _ in index.requests} == {"holidays"}


def test_without_an_index_requirements_are_refused_and_no_requirements_are_none() -> None:
    with pytest.raises(InvalidRequirementsError, match="PackageIndexUrl"):
        PipIndex("").wheels(required(pin("holidays", "1.0", HOLIDAYS)), Limits())

    assert PipIndex("").wheels((), Limits()) == {}


def test_a_folder_of_wheels_stands_in_for_an_index(tmp_path: Path) -> None:
    for file, content in {NAME: HOLIDAYS, wheel_name("other"): b"not asked for", "notes.txt": b""}.items():
        (tmp_path / file).write_bytes(content)

    assert WheelFolder(tmp_path).wheels(required(pin("holidays", "1.0", HOLIDAYS)), Limits()) == {NAME: HOLIDAYS}
    with pytest.raises(InvalidRequirementsError, match=r"no pure wheel with a hash of country==2\.0"):
        WheelFolder(tmp_path).wheels(
            required(pin("holidays", "1.0", HOLIDAYS), pin("country", "2.0", COUNTRY)), Limits()
        )
