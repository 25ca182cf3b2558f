"""What the removal of an environment asks of Airflow, through MWAA's CLI endpoint against InvokeRestApi, in one run.

    PYTHONPATH=layers/dagbranch:. python -m benchmarks.removal [--dags N] [--airflow 2 3] [--json]

Two equal environments stand on one real Airflow behind the double of MWAA; one is removed through each door. Counted
are the calls, in the order of a removal; not counted is the wait in between until Airflow has let go of the zip.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout
from dataclasses import asdict, dataclass
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Final

import boto3
import urllib3
from botocore.config import Config

from dagbranch.adapters.dynamodb_leases import DynamoDbLeases
from dagbranch.adapters.mwaa import Door, MwaaAirflow
from dagbranch.cli import main as dagbranch
from local.airflow import LocalAirflow, LocalMwaa
from local.airflow.configuration import Line
from local.aws.ministack import REGION, Ministack
from local.certificates import Certificates, make_certificates
from local.processes import wait_until
from tests.fakes.template import registry_table

_NAME: Final = "previews"
_DOORS: Final[tuple[Door, ...]] = ("cli", "rest")
_DAG: Final = 'from airflow import DAG\n\ndag = DAG("qu.report_{number:02}", schedule=None)\n'


@dataclass(frozen=True)
class Comparison:
    """One line of the table: seconds through each door."""

    airflow: str
    step: str
    cli: float
    rest: float

    @property
    def ratio(self) -> float:
        return self.cli / self.rest


class Server:
    """One real Airflow behind the double of MWAA, and what a deploy puts into its bucket."""

    def __init__(self, airflow: LocalAirflow, mwaa: LocalMwaa, emulator: Ministack, certificates: Certificates) -> None:
        self.version = airflow.version
        self._airflow = airflow
        self._folder = airflow.folder.parent
        self._mwaa = mwaa
        self._s3 = emulator.client("s3")
        self._leases = DynamoDbLeases(emulator.client("dynamodb"), "registry", "the benchmark")
        self._certificates = certificates

    def deploy(self, environment: str, number: int) -> None:
        """Returns when Airflow lists all of its DAGs."""
        source, folder = self._folder / environment / "source", self._folder / environment / "dags"
        (source / "dags").mkdir(parents=True)
        for index in range(number):
            (source / "dags" / f"report_{index:02}.py").write_text(_DAG.format(number=index))
        options = ["--environment", environment, "--commit", "1" * 40, "--output", str(folder)]
        with redirect_stdout(StringIO()):
            if dagbranch(["package", str(source), *options]) != 0:
                raise SystemExit("the environment could not be packaged")
        for file in (*sorted(folder.glob(f"{environment}/**/*")), folder / f"{environment}.zip"):
            if file.is_file():
                self._s3.upload_file(str(file), _NAME, f"dags/{file.relative_to(folder).as_posix()}")
        self._wait_for(environment, number, is_active=True)

    def remove_zip(self, environment: str, number: int) -> None:
        """Returns when Airflow has let go of it."""
        self._s3.delete_object(Bucket=_NAME, Key=f"dags/{environment}.zip")
        self._wait_for(environment, number, is_active=False)

    @contextmanager
    def through(self, door: Door) -> Iterator[MwaaAirflow]:
        client = boto3.client(
            "mwaa",
            endpoint_url=self._mwaa.endpoint,
            region_name=REGION,
            aws_access_key_id="AKIABENCHMARK",
            aws_secret_access_key="secret",
            config=Config(inject_host_prefix=False),
        )
        with urllib3.PoolManager(ca_certs=str(self._certificates.authority)) as http:
            yield MwaaAirflow(client, _NAME, http, leases=self._leases, door=door)

    def _wait_for(self, environment: str, number: int, *, is_active: bool) -> None:
        with self.through("rest") as airflow:
            wait_until(
                lambda: [dag.is_active for dag in airflow.dags(environment)].count(is_active) == number,
                what=f"{environment} is as expected",
                deadline_seconds=300,
            )


@contextmanager
def server(line: Line, folder: Path) -> Iterator[Server]:
    with ExitStack() as running:
        certificates = make_certificates(folder / "certificates")
        emulator = Ministack(folder / "emulator", certificates)
        running.callback(emulator.stop)
        emulator.start()
        s3 = emulator.client("s3")
        s3.create_bucket(Bucket=_NAME, CreateBucketConfiguration={"LocationConstraint": REGION})
        emulator.client("dynamodb").create_table(**registry_table("registry"))
        airflow = running.enter_context(LocalAirflow(folder / "airflow", line=line, scan_interval_seconds=5))
        mwaa = running.enter_context(
            LocalMwaa(
                airflow, name=_NAME, s3_client=s3, bucket=_NAME, certificates=certificates, sync_interval_seconds=2
            )
        )
        yield Server(airflow, mwaa, emulator, certificates)


def removal(airflow: MwaaAirflow, environment: str, let_go: Callable[[], None]) -> dict[str, float]:
    """Seconds by step."""
    seconds: dict[str, float] = {}

    @contextmanager
    def timed(step: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        seconds[step] = time.perf_counter() - began

    with timed("list"):
        dag_ids = [dag.dag_id for dag in airflow.dags(environment)]
        tells = airflow.lists_let_go
    with timed("pause"):
        for dag_id in dag_ids:
            airflow.pause(dag_id)
    with timed("end the runs"):
        airflow.end_runs(dag_ids)
    let_go()
    with timed("delete"):
        for dag_id in dag_ids:
            airflow.delete_dag(dag_id)
    with timed("look again"):
        left = airflow.dags(environment)
    if left:
        raise SystemExit(f"{len(left)} DAGs are left (lists_let_go: {tells})")
    return {**seconds, "in all": sum(seconds.values())}


def compare(line: Line, dags: int, folder: Path) -> list[Comparison]:
    taken: dict[Door, dict[str, float]] = {}
    with server(line, folder) as running:
        for door in _DOORS:
            running.deploy(f"through_{door}", dags)
        for door in _DOORS:
            environment = f"through_{door}"
            with running.through(door) as airflow:
                taken[door] = removal(airflow, environment, partial(running.remove_zip, environment, dags))
        steps = taken["cli"]
        return [Comparison(running.version, step, taken["cli"][step], taken["rest"][step]) for step in steps]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--dags", type=int, default=20)
    parser.add_argument("--airflow", nargs="+", choices=["2", "3"], default=["2", "3"])
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found: list[Comparison] = []
    with tempfile.TemporaryDirectory(prefix="benchmark-") as temporary:
        for line in options.airflow:
            print(f"Airflow {line}, {options.dags} DAGs", file=sys.stderr)
            found += compare(line, options.dags, Path(temporary, line))
    if options.json:
        print(json.dumps([{**asdict(one), "ratio": one.ratio} for one in found], indent=2))
        return
    print("| Airflow | step | CLI | REST | ratio |\n| --- | --- | ---: | ---: | ---: |")
    for one in found:
        print(f"| {one.airflow} | {one.step} | {one.cli:.1f} s | {one.rest:.2f} s | {one.ratio:.0f} |")


if __name__ == "__main__":
    main()
