"""Readers of template.yaml: its resources, tables and the functions' environment."""

from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import yaml

PATH = Path(__file__).resolve().parents[2] / "template.yaml"


class _Loader(yaml.CSafeLoader):
    """A YAML loader for CloudFormation's short forms: `!Sub x` is `{"Fn::Sub": x}`.

    libyaml reads the template in a seventh of the time that PyYAML itself takes.
    """


def _intrinsic(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        raise yaml.constructor.ConstructorError(
            None, None, f"!{suffix} of a mapping", node.start_mark
        )
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _intrinsic)


def load(path: Path = PATH) -> dict[str, Any]:
    """Return a template with its intrinsic functions in their long form.

    A file is parsed once in a process; each call returns a copy.
    """
    return deepcopy(_parsed(path))


@cache
def _parsed(path: Path) -> dict[str, Any]:
    template: dict[str, Any] = yaml.load(path.read_text(), _Loader)  # noqa: S506 - it is a SafeLoader
    return template


def resources(template: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    """Return the resources of one type, by logical id."""
    return {
        name: resource
        for name, resource in template["Resources"].items()
        if resource["Type"] == kind
    }


def table_requests(template: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the arguments of CreateTable for each table, except its name, by logical id."""
    arguments = ("AttributeDefinitions", "KeySchema", "BillingMode")
    return {
        name: {argument: table["Properties"][argument] for argument in arguments}
        for name, table in resources(template, "AWS::DynamoDB::Table").items()
    }


def function_environment(
    template: dict[str, Any], names: dict[str, str] | None = None
) -> dict[str, str]:
    """Return the functions' environment variables.

    Parameters have their defaults. References to resources have the values in `names`, by logical
    id.
    """
    parameters = {
        name: str(parameter.get("Default", ""))
        for name, parameter in template["Parameters"].items()
    }
    values = parameters | (names or {})
    variables = template["Globals"]["Function"]["Environment"]["Variables"]
    # Conditional values are about the user pool, which does not exist here: they stay empty.
    return {
        name: values.get(value["Ref"], "") if "Ref" in value else ""
        for name, value in variables.items()
        if isinstance(value, dict)
    } | {name: value for name, value in variables.items() if isinstance(value, str)}
