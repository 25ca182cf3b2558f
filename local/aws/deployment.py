"""``sam build`` and ``sam deploy``, without docker and without an account, and what they made of each function."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from local.aws.functions import PROXY_VARIABLE
from local.aws.sandbox import Function
from local.toolchain import CACHE, REQUIREMENTS, script_of

_STAMP = ".inputs.sha256"
_CODE = {"AWS::Serverless::Function": "CodeUri", "AWS::Serverless::LayerVersion": "ContentUri"}


def sam_build(template: Path, build_folder: Path) -> None:
    """Builds ``template`` into ``build_folder``, or leaves it as it is when template, sources and tools are the same.

    Raises CalledProcessError with SAM's own words as a note.
    """
    digest, stamp = inputs_digest(template), build_folder / _STAMP
    with _locked(build_folder):
        if stamp.exists() and stamp.read_text() == digest:
            return
        stamp.unlink(missing_ok=True)
        _sam(
            [
                "build",
                "--cached",
                "--cache-dir",
                CACHE / "sam" / "builds",
                "--build-dir",
                build_folder,
                "--template",
                template,
            ],
            cwd=template.parent,
            env=_sam_environment(),
        )
        stamp.write_text(digest)


def inputs_digest(template: Path) -> str:
    """A digest of everything that a build reads: the template, the code it names, and the pinned tools."""
    digest = hashlib.sha256(f"{template.resolve()}\0{sys.version}\0".encode())
    for path in [template, REQUIREMENTS / "sam.txt", *_sources(template)]:
        digest.update(f"{path}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def sam_deploy(
    build_folder: Path, *, stack_name: str, bucket: str, parameters: Mapping[str, str], environment: Mapping[str, str]
) -> None:
    """Deploys the built template into the account that ``environment`` names.

    Raises CalledProcessError with SAM's own words as a note.
    """
    overrides = [f"ParameterKey={key},ParameterValue={_quoted(value)}" for key, value in parameters.items()]
    capabilities = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
    _sam(
        [
            *("deploy", "--template-file", build_folder / "template.yaml", "--stack-name", stack_name),
            *("--s3-bucket", bucket, "--no-confirm-changeset", "--no-fail-on-empty-changeset"),
            *("--capabilities", *capabilities),
            *(("--parameter-overrides", *overrides) if overrides else ()),
        ],
        cwd=build_folder,
        env={**_sam_environment(), **environment, "SAM_CLI_POLL_DELAY": "0.2"},
    )


def deployed_functions(administrator: Any, stack_name: str, build_folder: Path) -> Iterator[tuple[Function, int]]:
    """Every function of the stack with where it was built, and how many of it may run at once."""
    stack = stack_resources(administrator, stack_name)
    template = read_template(build_folder / "template.yaml")
    layers = _built_layers(template, stack, build_folder)
    aws_lambda = administrator("lambda")
    for logical_id, properties in _resources(template, "AWS::Serverless::Function"):
        deployed = aws_lambda.get_function_configuration(FunctionName=stack[logical_id])
        yield (
            Function(
                logical_id=logical_id,
                name=deployed["FunctionName"],
                arn=deployed["FunctionArn"],
                role=deployed["Role"],
                region=deployed["FunctionArn"].split(":")[3],
                handler=deployed["Handler"],
                timeout_seconds=deployed["Timeout"],
                memory_mb=deployed["MemorySize"],
                code=build_folder / properties["CodeUri"],
                layers=tuple(layers[layer["Arn"]] for layer in deployed.get("Layers", [])),
                environment=_variables(deployed),
            ),
            _concurrency(aws_lambda, deployed["FunctionName"]),
        )


def stack_resources(administrator: Any, stack_name: str) -> dict[str, str]:
    """The physical ids of a stack by logical id."""
    pages = administrator("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack_name)
    return {
        resource["LogicalResourceId"]: resource["PhysicalResourceId"]
        for page in pages
        for resource in page["StackResourceSummaries"]
    }


def template_functions(template: Path) -> dict[str, str]:
    """The logical ids of a template's functions by the names of their folders."""
    functions = _resources(read_template(template), "AWS::Serverless::Function")
    return {Path(properties["CodeUri"]).name: logical_id for logical_id, properties in functions}


def template_parameters(template: Path) -> list[str]:
    return list(read_template(template).get("Parameters", {}))


def read_template(path: Path) -> dict[str, Any]:
    """A template with its short forms (``!Ref``) as plain values: enough to find resources and their folders."""
    loaded = yaml.load(path.read_text(), _TemplateLoader)
    return dict(loaded)


class _TemplateLoader(yaml.SafeLoader):
    """Reads CloudFormation's tags as what they tag."""


def _untagged(loader: yaml.SafeLoader, _: str, node: yaml.Node) -> object:
    match node:
        case yaml.ScalarNode():
            return loader.construct_scalar(node)
        case yaml.SequenceNode():
            return loader.construct_sequence(node, deep=True)
        case yaml.MappingNode():
            return loader.construct_mapping(node, deep=True)
    raise TypeError(f"unknown kind of node: {node}")


_TemplateLoader.add_multi_constructor("!", _untagged)


def _resources(template: Mapping[str, Any], kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for logical_id, resource in template["Resources"].items():
        if resource["Type"] == kind:
            yield logical_id, resource.get("Properties", {})


def _sources(template: Path) -> Iterator[Path]:
    read = read_template(template)
    folders = {
        (template.parent / properties[key]).resolve()
        for kind, key in _CODE.items()
        for _, properties in _resources(read, kind)
    }
    for folder in sorted(folders):
        for path in sorted(folder.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path


def _built_layers(template: Mapping[str, Any], stack: Mapping[str, str], build_folder: Path) -> dict[str, Path]:
    """Where each deployed layer version was built; SAM adds a hash to a layer's logical id."""
    built = {}
    for logical_id, properties in _resources(template, "AWS::Serverless::LayerVersion"):
        deployed = next(arn for key, arn in stack.items() if re.fullmatch(logical_id + "[0-9a-f]{10}", key))
        built[deployed] = build_folder / properties["ContentUri"]
    return built


def _variables(deployed: Mapping[str, Any]) -> dict[str, str]:
    variables = deployed.get("Environment", {}).get("Variables", {})
    return {key: value for key, value in variables.items() if key != PROXY_VARIABLE}


def _concurrency(aws_lambda: Any, name: str) -> int:
    mappings = aws_lambda.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
    limits = [limit for mapping in mappings if (limit := mapping.get("ScalingConfig", {}).get("MaximumConcurrency"))]
    return min(limits, default=sys.maxsize)


def _sam(command: list[str | Path], *, cwd: Path, env: Mapping[str, str]) -> None:
    """Runs SAM with a temporary folder of its own, because it leaves empty folders behind in it."""
    with tempfile.TemporaryDirectory(prefix="sam-") as temporary:
        try:
            subprocess.run(
                [script_of("sam", "sam"), *command],
                cwd=cwd,
                env={**env, "TMPDIR": temporary},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=True,
            )
        except subprocess.CalledProcessError as error:
            error.add_note(error.stdout)
            raise


def _sam_environment() -> dict[str, str]:
    """The caller's environment, for pip's sake, without its AWS account and Python, and with a whole Python 3.12."""
    foreign = ("AWS_", "SAM_", "PYTHON", "VIRTUAL_ENV")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(foreign) or key == "AWS_CA_BUNDLE"}
    return {
        **kept,
        "PATH": os.pathsep.join([f"{sys.base_prefix}/bin", os.environ.get("PATH", os.defpath)]),
        "SAM_CLI_TELEMETRY": "0",
        "__SAM_CLI_APP_DIR": str(CACHE / "sam"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


@contextmanager
def _locked(build_folder: Path) -> Iterator[None]:
    build_folder.mkdir(parents=True, exist_ok=True)
    with build_folder.with_name(f"{build_folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
