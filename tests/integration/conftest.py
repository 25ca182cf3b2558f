"""What is dear to start, once per session. Pytest runs all tests of one line of Airflow before those of the other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.airflow import LocalAirflow, LocalMwaa
from local.airflow.configuration import Line
from local.aws.ministack import Ministack
from local.certificates import Certificates
from tests.integration.mwaa_stack import NAME, Clock, MwaaStack, mwaa_client


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory, certificates: Certificates) -> Iterator[Ministack]:
    """A process with its own S3: moto's would be emptied by the next module that mocks AWS."""
    started = Ministack(tmp_path_factory.mktemp("emulator"), certificates)
    started.start()
    try:
        yield started
    finally:
        started.stop()


@pytest.fixture(scope="session", params=["2", "3"])
def started_stack(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    emulator: Ministack,
    certificates: Certificates,
) -> Iterator[MwaaStack]:
    line: Line = request.param
    home = tmp_path_factory.mktemp(f"airflow-{line}")
    s3_client = emulator.client("s3")
    bucket = f"mwaa-{line}"
    s3_client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    clock = Clock()
    with (
        LocalAirflow(home, line=line, environment={"FROM_THE_STACK": "yes"}, scan_interval_seconds=1) as airflow,
        LocalMwaa(
            airflow,
            name=NAME,
            s3_client=s3_client,
            bucket=bucket,
            certificates=certificates,
            sync_interval_seconds=1,
            clock=clock,
        ) as mwaa,
    ):
        yield MwaaStack(airflow, mwaa, bucket, mwaa_client(mwaa.endpoint), s3_client, certificates, clock)
    assert _processes_of(home) == []


@pytest.fixture
def stack(started_stack: MwaaStack) -> Iterator[MwaaStack]:
    """Without the files of the tests before: Airflow would parse them all again every second."""
    yield started_stack
    started_stack.empty()


def _processes_of(folder: Path) -> list[int]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environment = (process / "environ").read_bytes()
        except OSError:
            continue  # ended meanwhile, or somebody else's
        if str(folder).encode() in environment:
            found.append(int(process.name))
    return found
