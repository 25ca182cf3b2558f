"""``action.yml``: its own shell steps, run by bash with what a runner gives them, under the roles of ``ci_role.yaml``.

The steps of others are done by hand: the dependencies are those of this checkout, and the role is taken as the action
that it names takes it. The AWS CLI is one of our own with the single command that is used.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from botocore.exceptions import ClientError

from dagbranch import __version__
from dagbranch.domain.source_archive import Limits, read_source_archive, source_digest
from dagbranch.domain.wheels import WHEELS
from local.aws.ministack import REGION, Ministack
from local.certificates import Certificates
from tests.fakes.command import requiring, write
from tests.fakes.examples import DATA_FILE, FILES
from tests.fakes.template import ROOT
from tests.fakes.wheels import wheel_name
from tests.integration.test_ci_role import BUCKET, ROLES, a_token, deploy_role, taken

ACTION: Final[Mapping[str, Any]] = yaml.safe_load((ROOT / "action.yml").read_text())
STEPS: Final[list[Mapping[str, Any]]] = ACTION["runs"]["steps"]
UPLOADED: Final = DATA_FILE + b"archive: uploaded\n"
_AWS: Final = """\
import sys, boto3
match sys.argv[1:]:
    case ["s3", "cp", file, address, "--only-show-errors"]:
        bucket, _, key = address.removeprefix("s3://").partition("/")
        boto3.client("s3").upload_file(file, bucket, key)
    case other:
        sys.exit(f"no command of aws's: {other}")
"""

type Values = Mapping[str, str]


@dataclass
class Run:
    """A job of a workflow that checked out ``folder`` and uses the action."""

    folder: Path
    temporary: Path
    credentials: Callable[[], Values]
    inputs: dict[str, str]
    repository: str = "acme/pipelines"
    event: str = "pull_request"
    sha: str = ""
    pull_number: str = "7"
    outputs: dict[str, str] = field(default_factory=dict)
    log: str = ""

    def __post_init__(self) -> None:
        self.sha = self.sha or git(self.folder, "rev-parse", "HEAD")

    def start(self) -> bool:
        """Whether every step succeeded; the first that fails is the last."""
        return all(self._step(step) for step in STEPS)

    def _step(self, step: Mapping[str, Any]) -> bool:
        if "uses" in step:
            assert step["uses"].startswith("aws-actions/configure-aws-credentials@")
            self.outputs |= {"environment": "taken"}
            return True
        if step["name"].startswith("Install"):
            program(self.temporary / "dagbranch" / "bin" / "python", f'exec "{sys.executable}" "$@"')
            return True
        given = {name: self._value(value) for name, value in step.get("env", {}).items()}
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            env=self._environment() | given,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        self.log += done.stdout + done.stderr
        return done.returncode == 0

    def _environment(self) -> dict[str, str]:
        programs = self.temporary / "programs"
        program(programs / "aws", f'exec "{sys.executable}" "{self.temporary / "aws.py"}" "$@"')
        program(programs / "python3", f'exec "{sys.executable}" "$@"')
        (self.temporary / "aws.py").write_text(_AWS)
        return {
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.temporary),
            "RUNNER_TEMP": str(self.temporary),
            "GITHUB_ACTION_PATH": str(ROOT),
            "GITHUB_OUTPUT": str(self.temporary / "output"),
            "GITHUB_REPOSITORY": self.repository,
            "GITHUB_EVENT_NAME": self.event,
            **(self.credentials() if "environment" in self.outputs else {}),
        }

    def _value(self, text: str) -> str:
        """What GitHub puts in an expression's place, of those that the action has."""
        known = {
            f"inputs.{name}": self.inputs.get(name, one.get("default", "")) for name, one in ACTION["inputs"].items()
        }
        known["github.event.pull_request.head.sha || github.sha"] = self.sha
        known["github.event.pull_request.number"] = self.pull_number if self.event == "pull_request" else ""
        known["steps.archive.outputs.key"] = self.key
        return re.sub(r"\$\{\{ (.*?) \}\}", lambda found: known[found[1]], text)

    @property
    def key(self) -> str:
        file = self.temporary / "output"
        return dict(line.split("=", 1) for line in file.read_text().splitlines())["key"] if file.exists() else ""


def program(file: Path, line: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{line}\n")
    file.chmod(0o755)


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=anna", "-c", "user.email=anna@example.com", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", "-C", folder, *who, *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory, certificates: Certificates) -> Iterator[Ministack]:
    emulator = Ministack(tmp_path_factory.mktemp("aws"), certificates)
    try:
        emulator.start()
        bucket = {"LocationConstraint": REGION}
        emulator.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration=bucket)
        yield emulator
    finally:
        emulator.stop()


@pytest.fixture(scope="module")
def roles(emulator: Ministack) -> dict[tuple[str, str], str]:
    return {(repository, uploads): deploy_role(emulator, repository, uploads) for repository, uploads in ROLES}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "checkout"
    write(folder, {**FILES, "dagbranch.yaml": UPLOADED})
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "pipelines")
    return folder


@pytest.fixture
def a_run(
    checkout: Path, tmp_path: Path, emulator: Ministack, certificates: Certificates, roles: dict[tuple[str, str], str]
) -> Callable[..., Run]:
    def a_run(role: tuple[str, str] = ("acme/pipelines", "pull-requests"), **different: Any) -> Run:
        def credentials() -> Values:
            session = taken(emulator, roles[role], a_token(ROLES[role]))
            return {
                "AWS_ACCESS_KEY_ID": session["AccessKeyId"],
                "AWS_SECRET_ACCESS_KEY": session["SecretAccessKey"],
                "AWS_SESSION_TOKEN": session["SessionToken"],
                "AWS_REGION": REGION,
                "AWS_DEFAULT_REGION": REGION,
                "AWS_ENDPOINT_URL": emulator.endpoint,
                "AWS_CA_BUNDLE": str(certificates.authority),
            }

        inputs = {"bucket": BUCKET, "kind": "pull", "aws-region": REGION, "role-to-assume": roles[role]}
        inputs |= different.pop("inputs", {})
        (tmp_path / "runner").mkdir()
        return Run(checkout, tmp_path / "runner", credentials, inputs, **different)

    return a_run


def uploaded(emulator: Ministack, key: str) -> bytes | None:
    try:
        content: bytes = emulator.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read()
    except ClientError:
        return None
    return content


def test_a_pull_requests_archive_is_put_under_its_commit_and_digest(
    a_run: Callable[..., Run], emulator: Ministack
) -> None:
    run = a_run()

    assert run.start(), run.log

    archive = uploaded(emulator, run.key)
    assert archive is not None
    assert run.key == f"sources/acme/pipelines/pull/7/{run.sha}/{source_digest(archive)}.zip"
    assert read_source_archive(archive, Limits()) == {**FILES, "dagbranch.yaml": UPLOADED}


def test_what_was_generated_and_downloaded_after_the_checkout_is_packaged(
    a_run: Callable[..., Run], emulator: Ministack, tmp_path: Path
) -> None:
    run = a_run(inputs={"wheels": str(tmp_path / "more than" / "wheels")})
    requiring(run.folder, tmp_path / "more than")
    write(run.folder, {"dags/generated.py": b"from airflow import DAG\n"})
    write(run.folder, {"dagbranch.yaml": UPLOADED + b"requirements: requirements.txt\n"})

    assert run.start(), run.log

    files = read_source_archive(uploaded(emulator, run.key) or b"", Limits())
    assert {"dags/generated.py", f"{WHEELS}{wheel_name('holidays')}"} <= files.keys()


def test_the_default_branchs_archive_is_put_as_a_release(a_run: Callable[..., Run], emulator: Ministack) -> None:
    run = a_run(("acme/pipelines", "default-branch"), event="push", inputs={"kind": "release"})

    assert run.start(), run.log

    assert run.key.startswith(f"sources/acme/pipelines/release/{run.sha}/")
    assert uploaded(emulator, run.key)


@pytest.mark.parametrize(
    ("role", "different"),
    [
        (("acme/pipelines", "pull-requests"), {"repository": "acme/models"}),
        (("acme/models", "pull-requests"), {}),
        (("acme/pipelines", "pull-requests"), {"event": "push", "inputs": {"kind": "release"}}),
        (("acme/pipelines", "default-branch"), {}),
    ],
    ids=["anothers-prefix", "anothers-role", "a-release-by-a-pull-request", "a-pull-request-by-the-default-branch"],
)
def test_a_role_puts_nothing_under_another_repositorys_prefix_or_for_another_kind(
    a_run: Callable[..., Run], emulator: Ministack, role: tuple[str, str], different: dict[str, Any]
) -> None:
    run = a_run(role, **different)

    assert not run.start()

    assert "AccessDenied" in run.log
    assert run.key.startswith("sources/")
    assert uploaded(emulator, run.key) is None


@pytest.mark.parametrize(
    ("different", "told"),
    [
        ({"sha": "1" * 40}, "the archive is for 1111"),
        ({"event": "push"}, "kind: pull is for workflows on pull_request, this one runs on push"),
        ({"event": "pull_request_target"}, "kind: pull is for workflows on pull_request"),
        ({"inputs": {"kind": "release"}}, "kind: release is for the default branch"),
        (
            {"event": "pull_request_target", "inputs": {"kind": "release"}},
            "kind: release is for the default branch, this workflow runs on pull_request_target",
        ),
        ({"inputs": {"kind": "prod"}}, "kind: expected pull or release"),
        ({"inputs": {"folder": "/nowhere"}}, "there is no checkout"),
        ({"inputs": {"dagbranch-version": "99.0.0"}}, f"of dagbranch {__version__}, and the stack runs 99.0.0"),
    ],
)
def test_what_would_not_be_deployed_is_refused_before_a_role_is_taken(
    a_run: Callable[..., Run], different: dict[str, Any], told: str
) -> None:
    run = a_run(**different)

    assert not run.start()

    assert re.search(rf"^::error::.*{re.escape(told)}", run.log, re.MULTILINE), run.log
    assert "environment" not in run.outputs


def test_a_fault_in_the_file_is_an_annotation_and_nothing_is_uploaded(a_run: Callable[..., Run]) -> None:
    run = a_run()
    write(run.folder, {"dagbranch.yaml": b"version: 1\nlanes: {prod: {retries: -1}}\n"})

    assert not run.start()

    assert "::error file=dagbranch.yaml,line=2::lanes.prod.retries" in run.log
    assert "environment" not in run.outputs


def test_the_stacks_version_lets_the_same_version_pass(a_run: Callable[..., Run]) -> None:
    run = a_run(inputs={"dagbranch-version": __version__})

    assert run.start(), run.log


@pytest.mark.parametrize("name", ["folder", "kind", "dagbranch-version", "bucket", "wheels"])
def test_an_input_is_never_run(a_run: Callable[..., Run], name: str) -> None:
    run = a_run(inputs={name: 'a$(touch "$RUNNER_TEMP/taken")"; touch "$RUNNER_TEMP/taken"; `touch taken` "'})

    run.start()

    assert not list(run.temporary.rglob("taken")) + list(run.folder.rglob("taken"))


def test_no_script_has_an_expression_in_it() -> None:
    assert not [step["name"] for step in STEPS if "${{" in step.get("run", "")]
    assert {step["shell"] for step in STEPS if "run" in step} == {"bash"}


def test_the_only_action_of_others_is_pinned_by_its_commit() -> None:
    used = [step["uses"] for step in STEPS if "uses" in step]

    assert len(used) == 1
    assert re.fullmatch(r"aws-actions/configure-aws-credentials@[0-9a-f]{40}", used[0])


def test_what_is_installed_is_held_against_its_hashes() -> None:
    (install,) = [step["run"] for step in STEPS if "pip install" in step.get("run", "")]
    named = re.findall(r'"\$GITHUB_ACTION_PATH/(\S+)"', install)

    assert {"--require-hashes", "--only-binary", "--no-deps"} <= set(install.split())
    assert all("--hash=sha256:" in (ROOT / file).read_text() for file in named)
    assert len(named) == 2


def test_the_documents_name_every_input() -> None:
    document = (ROOT / "docs/release-lanes.md").read_text()

    assert not [name for name in ACTION["inputs"] if f"`{name}`" not in document and f"{name}:" not in document]
