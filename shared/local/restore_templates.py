"""The template of a stack whose tables are replaced by restored ones, step by step.

CloudFormation imports tables into a stack only if nothing else changes, and only if the stack does
not have them. So the stack first releases its own tables, and names the restored ones in their
place; then it imports these; then it refers to them again. These functions are pure.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

type Template = dict[str, Any]

# A variable in the environment of every function. A version is published only of what has changed.
MARK = "RESTORED"
_FUNCTION, _VERSION = "AWS::Lambda::Function", "AWS::Lambda::Version"
_NAMED = re.compile(r"\${([^}!]+)}")


@dataclass(frozen=True, slots=True)
class RestoredTable:
    """A restored table, with the values of the template's references to it."""

    name: str
    arn: str
    stream: str

    def value(self, attribute: str) -> str:
        """Return the value that Fn::GetAtt would have for an attribute."""
        return {"Arn": self.arn, "StreamArn": self.stream}[attribute]


def without_tables(template: Template, tables: Mapping[str, RestoredTable], label: str) -> Template:
    """Return a template without its tables, in which names and ARNs stand for the restored ones."""
    marked = with_republished_functions(template, label)
    rest = {
        name: _without(resource, tables)
        for name, resource in marked["Resources"].items()
        if name not in tables
    }
    literal: Template = _literal(marked | {"Resources": rest}, tables)
    return literal


def with_restored_tables(
    template: Template, tables: Mapping[str, RestoredTable], label: str
) -> Template:
    """Return a template as `without_tables` does, but with its tables."""
    rest = without_tables(template, tables, label)
    return rest | {
        "Resources": rest["Resources"] | {name: template["Resources"][name] for name in tables}
    }


def with_republished_functions(template: Template, label: str) -> Template:
    """Return a template with the same tables, whose functions are published again."""
    functions = {
        name
        for name, resource in template["Resources"].items()
        if resource["Type"] == _FUNCTION and "Environment" in resource["Properties"]
    }
    versions = {
        name: f"{name}{label}"
        for name, resource in template["Resources"].items()
        if resource["Type"] == _VERSION
        and resource["Properties"]["FunctionName"].get("Ref") in functions
    }
    resources = {}
    for name, resource in template["Resources"].items():
        changed = _marked(resource, label) if name in functions else resource
        resources[versions.get(name, name)] = changed
    renamed: Template = _renamed(template | {"Resources": resources}, versions)
    return renamed


def _marked(function: dict[str, Any], label: str) -> dict[str, Any]:
    properties = function["Properties"]
    variables = properties["Environment"]["Variables"] | {MARK: label}
    return function | {"Properties": properties | {"Environment": {"Variables": variables}}}


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    """Return a part of a template in which some resources have other names."""
    match value:
        case {"Ref": str(name)} if name in names:
            return {"Ref": names[name]}
        case {"Fn::GetAtt": [name, attribute]} if name in names:
            return {"Fn::GetAtt": [names[name], attribute]}
    return _each(value, lambda part: _renamed(part, names))


def _without(resource: dict[str, Any], tables: Mapping[str, RestoredTable]) -> dict[str, Any]:
    """Return a resource that depends on none of the tables."""
    if "DependsOn" not in resource:
        return resource
    needs = resource["DependsOn"]
    others = [name for name in ([needs] if isinstance(needs, str) else needs) if name not in tables]
    return resource | {"DependsOn": others}


def _literal(value: Any, tables: Mapping[str, RestoredTable]) -> Any:
    """Return a part of a template with the values of its references to tables."""
    match value:
        case {"Ref": str(name)} if name in tables:
            return tables[name].name
        case {"Fn::GetAtt": [name, attribute]} if name in tables:
            return tables[name].value(attribute)
        case {"Fn::Sub": str(text)}:
            return {"Fn::Sub": _substituted(text, tables)}
        case {"Fn::Sub": [str(text), variables]}:
            return {"Fn::Sub": [_substituted(text, tables), _literal(variables, tables)]}
    return _each(value, lambda part: _literal(part, tables))


def _each(value: Any, change: Callable[[Any], Any]) -> Any:
    """Return a part of a template with each of its own parts changed."""
    if isinstance(value, dict):
        return {key: change(part) for key, part in value.items()}
    return [change(part) for part in value] if isinstance(value, list) else value


def _substituted(text: str, tables: Mapping[str, RestoredTable]) -> str:
    def value(match: re.Match[str]) -> str:
        name, _, attribute = match[1].partition(".")
        if name not in tables:
            return match[0]
        return tables[name].value(attribute) if attribute else tables[name].name

    return _NAMED.sub(value, text)
