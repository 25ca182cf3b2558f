"""``sam deploy`` into the emulator, and what it made of each function."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from local.aws.building import PACKAGED
from local.aws.functions import PROXY_VARIABLE
from local.aws.sam import run_sam
from local.aws.sandbox import Function
from local.aws.template import FUNCTION, LAYER, read_template, resources


def sam_deploy(
    build_folder: Path, *, stack_name: str, bucket: str, parameters: Mapping[str, str], environment: Mapping[str, str]
) -> None:
    """Deploys the built template into the account that ``environment`` names.

    Raises CalledProcessError with SAM's own words as a note.
    """
    overrides = [f"ParameterKey={key},ParameterValue={_quoted(value)}" for key, value in parameters.items()]
    capabilities = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
    run_sam(
        [
            *("deploy", "--template-file", build_folder / PACKAGED, "--stack-name", stack_name),
            *("--s3-bucket", bucket, "--no-confirm-changeset", "--no-fail-on-empty-changeset"),
            *("--capabilities", *capabilities),
            *(("--parameter-overrides", *overrides) if overrides else ()),
        ],
        cwd=build_folder,
        environment={**environment, "SAM_CLI_POLL_DELAY": "0.2"},
    )


def deployed_functions(administrator: Any, stack_name: str, build_folder: Path) -> Iterator[tuple[Function, int]]:
    """Every function of the stack with where it was built, and how many of it may run at once."""
    stack = stack_resources(administrator, stack_name)
    template = read_template(build_folder / "template.yaml")
    layers = _built_layers(template, stack, build_folder)
    aws_lambda = administrator("lambda")
    for logical_id, properties in resources(template, FUNCTION):
        if logical_id not in stack:  # its condition does not hold in this lane
            continue
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


def _built_layers(template: Mapping[str, Any], stack: Mapping[str, str], build_folder: Path) -> dict[str, Path]:
    """Where each deployed layer version was built; SAM adds a hash to a layer's logical id."""
    built = {}
    for logical_id, properties in resources(template, LAYER):
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


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
