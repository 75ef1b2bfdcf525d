"""template.yaml as data."""

from pathlib import Path
from typing import Any

import yaml

PATH = Path(__file__).resolve().parents[2] / "template.yaml"


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms: `!Sub x` is `{"Fn::Sub": x}`."""


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
    """Return a template, its intrinsic functions in their long form."""
    template: dict[str, Any] = yaml.load(path.read_text(), _Loader)  # noqa: S506 - a SafeLoader
    return template


def resources(template: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    """Give the resources of one type by logical id."""
    return {
        name: resource
        for name, resource in template["Resources"].items()
        if resource["Type"] == kind
    }


def table_requests(template: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Give what CreateTable needs for each table, without its name, by logical id."""
    wanted = ("AttributeDefinitions", "KeySchema", "BillingMode")
    return {
        name: {key: table["Properties"][key] for key in wanted}
        for name, table in resources(template, "AWS::DynamoDB::Table").items()
    }


def function_environment(
    template: dict[str, Any], names: dict[str, str] | None = None
) -> dict[str, str]:
    """Give the functions' environment: parameters at their defaults, resources by `names`."""
    parameters = {name: str(p.get("Default", "")) for name, p in template["Parameters"].items()}
    known = parameters | (names or {})
    variables = template["Globals"]["Function"]["Environment"]["Variables"]
    # What depends on a condition is about the user pool, which is not there.
    return {
        name: known.get(value["Ref"], "") if "Ref" in value else ""
        for name, value in variables.items()
        if isinstance(value, dict)
    } | {name: value for name, value in variables.items() if isinstance(value, str)}
