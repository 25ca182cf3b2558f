"""What travels with DAGs, on the deployed template: packages of their own, a choice of modules, no unpacked copy."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dagbranch.cli import main
from dagbranch.domain.environments import Environment, Status
from local.demo import observation
from local.demo.dag_runs import DagRun, trigger
from tests.e2e.conftest import FILES_REPOSITORIES, Told, settled
from tests.fakes.wheels import a_wheel, pin, wheel_name

pytestmark = pytest.mark.parametrize("told", ["3"], indirect=True, ids=["airflow-3"])

GREETINGS = a_wheel("greetings", files={"greetings/__init__.py": b"def hello(name):\n    return f'hello {name}'\n"})
COMPILED = wheel_name("speed", tag="cp312-cp312-manylinux_2_17_x86_64")
REQUIRING = b"version: 1\nrequirements: requirements.txt\n"

GREETER = b"""\
import greetings
from airflow import DAG
from airflow.operators.python import PythonOperator

with DAG("qu.greeter", schedule=None):
    PythonOperator(task_id="greet", python_callable=greetings.hello, op_args=["{{ environment }}"])
"""
SPEAKER = b"""\
from airflow import DAG
from airflow.operators.bash import BashOperator

with DAG("qu.speaker", schedule=None):
    BashOperator(task_id="speak", bash_command="sh/speak.sh")
"""
ONE_OF_MANY = """\
from airflow import DAG
from airflow.operators.trigger_dagrun import TriggerDagRunOperator

with DAG("qu.dag_{number:02}", schedule=None):
    TriggerDagRunOperator(task_id="next", trigger_dag_id="qu.dag_{after:02}")
"""
LAST_OF_MANY = """\
from airflow import DAG
from airflow.operators.empty import EmptyOperator

with DAG("qu.dag_24", schedule=None):
    EmptyOperator(task_id="end")
"""
# Branches of a repository that has a README alone, with what each of them adds.
FEW = {
    "wheel": {
        "dagbranch.yaml": REQUIRING,
        "requirements.txt": pin("greetings", "1.0", GREETINGS).encode(),
        "dags/qu/greeter.py": GREETER,
    },
    "no-copy": {
        "dagbranch.yaml": b"version: 1\ncopy: never\n",
        "dags/qu/speaker.py": SPEAKER,
        "dags/qu/sh/speak.sh": b"echo in {{ environment }} without a copy\n",
    },
    "other-index": {
        "dagbranch.yaml": REQUIRING,
        "requirements.txt": b"# ours\n--index-url https://127.0.0.1:9/simple\n",
        "dags/qu/greeter.py": GREETER,
    },
    "compiled": {
        "dagbranch.yaml": REQUIRING,
        "requirements.txt": (pin("greetings", "1.0", GREETINGS) + pin("speed", "1.0", b"compiled")).encode(),
        "dags/qu/greeter.py": GREETER,
    },
}
MANY = {
    "one-module": {"dags/qu/dag_23.py": ONE_OF_MANY.format(number=23, after=24).encode() + b"# touched\n"},
    "only-notes": {"dags/qu/NOTES.md": b"# How it works\n"},
    "only-docs": {"docs/index.md": b"# How it works\n"},
}


@dataclass(frozen=True)
class Opened:
    """The pull requests' environments as they settled, by branch, and the runs that were asked of two of them."""

    told: Told
    environments: dict[str, Environment]
    runs: dict[str, DagRun]

    def dag_ids(self, branch: str) -> list[str]:
        name = self.environments[branch].claimed_name
        return [dag.dag_id for dag in observation.dags(self.told.stack, name) if dag.is_active]

    def configuration(self, branch: str) -> dict[str, Any]:
        """What lies beside the environment's zip."""
        environment = self.environments[branch]
        key = f"dags/{environment.claimed_name}/.dagbranch/{environment.source_digest}.json"
        found: dict[str, Any] = json.loads(self.content(self.told.stack.dags_bucket, key))
        return found

    def content(self, bucket: str, key: str) -> bytes:
        content: bytes = self.told.stack.aws.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
        return content


@pytest.fixture(scope="module")
def opened(told: Told) -> Opened:
    """All of them at once, because each waits for the same scans of Airflow's."""
    told.index.offer("greetings", wheel_name("greetings"), GREETINGS)
    told.index.offer("speed", COMPILED, b"compiled")
    few, many = FILES_REPOSITORIES
    of_many = {f"dags/qu/dag_{n:02}.py": ONE_OF_MANY.format(number=n, after=n + 1).encode() for n in range(1, 24)}
    told.hosted[many].commit("main", {**of_many, "dags/qu/dag_24.py": LAST_OF_MANY.encode()}, "Begin with many")
    pulls = {}
    for repository, branches in ((told.hosted[few], FEW), (told.hosted[many], MANY)):
        for branch, changes in branches.items():
            repository.commit(branch, changes, f"What {branch} is about", start_from="main")
            pulls[branch] = (repository, repository.open_pull(branch, f"What {branch} is about"))
    environments = {branch: settled(told.stack, *pulled) for branch, pulled in pulls.items()}
    runs = {
        branch: trigger(told.stack, f"qu.{environments[branch].claimed_name}.{dag}")
        for branch, dag in {"wheel": "greeter", "no-copy": "speaker"}.items()
    }
    return Opened(told, environments, runs)


def test_a_package_of_the_repositorys_own_is_there_for_dag_and_task(opened: Opened) -> None:
    assert opened.dag_ids("wheel") == ["qu.wheel.greeter"]
    assert opened.runs["wheel"].wait() == "success"
    assert opened.runs["wheel"].returned("greet") == "hello wheel"


def test_the_index_is_asked_without_any_credential(opened: Opened) -> None:
    headers = {name.lower() for _, sent in opened.told.index.requests for name in sent}

    assert "user-agent" in headers
    assert headers.isdisjoint({"authorization", "cookie"})


def test_another_index_than_the_stacks_is_refused_with_file_and_line(opened: Opened) -> None:
    found = opened.environments["other-index"]

    assert found.status == Status.FAILED
    assert "requirements.txt:2: the option --index-url is not allowed" in found.message
    assert observation.objects(opened.told.stack, found.claimed_name) == []


def test_a_compiled_package_is_refused_with_file_and_line(opened: Opened) -> None:
    found = opened.environments["compiled"]

    assert found.status == Status.FAILED
    assert "requirements.txt:4: speed==1.0: compiled" in found.message
    assert COMPILED in found.message
    assert observation.objects(opened.told.stack, found.claimed_name) == []


def test_of_many_dags_those_are_shown_that_the_pull_request_touches_and_triggers(opened: Opened) -> None:
    assert opened.environments["one-module"].status == Status.READY
    assert opened.dag_ids("one-module") == ["qu.one_module.dag_23", "qu.one_module.dag_24"]
    assert opened.configuration("one-module")["selected"] == ["qu/dag_23.py", "qu/dag_24.py"]


def test_the_zip_does_not_depend_on_what_is_shown(opened: Opened, tmp_path: Path) -> None:
    environment, stack = opened.environments["one-module"], opened.told.stack
    (key,) = (
        key
        for key in observation.source_archives(stack, FILES_REPOSITORIES[1], environment.pull_number)
        if f"/{environment.head_sha}/" in key
    )
    archive = tmp_path / "source.zip"
    archive.write_bytes(opened.content(stack.outputs["SourceBucketName"], key))

    named = ("--environment", "one_module", "--commit", environment.head_sha, "--output", str(tmp_path))
    assert main(["package", str(archive), *named]) == 0

    (shown,) = (tmp_path / "one_module" / ".dagbranch").glob("*.json")
    assert json.loads(shown.read_text()).get("selected") is None
    assert (tmp_path / "one_module.zip").read_bytes() == opened.content(
        opened.told.stack.dags_bucket, "dags/one_module.zip"
    )


def test_a_pull_request_that_touches_no_dag_is_ready_and_says_so(opened: Opened) -> None:
    found = opened.environments["only-notes"]

    assert found.status == Status.READY
    assert "touches no DAG: none of 24 DAG modules" in found.message
    assert opened.dag_ids("only-notes") == []


def test_a_pull_request_that_touches_nothing_that_is_packaged_gets_none_and_is_told_what_is(opened: Opened) -> None:
    found = opened.environments["only-docs"]

    assert found.status == Status.REFUSED
    assert found.name is None
    assert "dags/" in found.message


def test_without_an_unpacked_copy_a_template_still_renders_from_its_file(opened: Opened) -> None:
    assert opened.runs["no-copy"].wait() == "success"
    assert opened.runs["no-copy"].returned("speak") == "in no_copy without a copy"


def test_without_an_unpacked_copy_only_what_dagbranch_needs_lies_beside_the_zip(opened: Opened) -> None:
    keys = set(observation.objects(opened.told.stack, "no_copy"))
    beside = {key.removeprefix("dags/no_copy/") for key in keys if key.startswith("dags/no_copy/")}

    assert {path for path in beside if not path.startswith(".dagbranch/")} == {".airflowignore"}
    assert f".dagbranch/{opened.environments['no-copy'].source_digest}.json" in beside
