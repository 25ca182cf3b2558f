"""What is in a SAM template, as far as the local stack asks: functions, layers, parameters, and their folders."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

FUNCTION = "AWS::Serverless::Function"
LAYER = "AWS::Serverless::LayerVersion"


def read_template(path: Path) -> dict[str, Any]:
    """A template with its short forms (``!Ref``) as plain values: enough to find resources and their folders."""
    loaded = yaml.load(path.read_text(), _TemplateLoader)
    return dict(loaded)


def resources(template: Mapping[str, Any], kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The logical ids and properties of all resources of one type."""
    for logical_id, resource in template["Resources"].items():
        if resource["Type"] == kind:
            yield logical_id, resource.get("Properties", {})


def template_functions(path: Path) -> dict[str, str]:
    """The logical ids of a template's functions by the names of their folders."""
    return {Path(properties["CodeUri"]).name: name for name, properties in resources(read_template(path), FUNCTION)}


def template_parameters(path: Path) -> list[str]:
    return list(read_template(path).get("Parameters", {}))


def source_folders(path: Path) -> list[Path]:
    """The folders that a build reads beside the template."""
    template = read_template(path)
    named = [
        *(properties["CodeUri"] for _, properties in resources(template, FUNCTION)),
        *(properties["ContentUri"] for _, properties in resources(template, LAYER)),
    ]
    return sorted({(path.parent / folder).resolve() for folder in named})


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
