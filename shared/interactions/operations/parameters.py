"""Reading an operation's parameters from a Parameters resource, a single resource or a query.

https://hl7.org/fhir/R4/operations.html#request
"""

from collections.abc import Iterator, Sequence
from typing import Any

from shared.catalog.operations import Operation, Parameter
from shared.errors import BusinessRule, Invalid, Issue
from shared.fhir import references
from shared.sessions.intake import validated_resource

type Values = dict[str, list[Any]]
type Resource = dict[str, Any]

_WITHOUT_EFFECT = frozenset({"_format", "_pretty"})
_MANY = "*"


def parse(operation: Operation, body: Any, query: Sequence[tuple[str, str]]) -> Values:
    """Return the values of each parameter. Raises Invalid naming all that are wrong."""
    declared = {row.name: row for row in operation.parameters}
    given = [*_of_body(operation, body), *_of_query(declared, query)]
    values: Values = {name: [] for name in declared}
    issues = [*_unknown(operation, [name for name, _ in given])]
    for name, value in given:
        if name in declared:
            values[name].append(value)
    issues += [issue for row in operation.parameters for issue in _miscounted(row, values)]
    issues += [issue for row in operation.parameters for issue in _mistyped(row, values)]
    if issues:
        raise Invalid(issues=issues)
    return values


def _of_body(operation: Operation, body: Any) -> Iterator[tuple[str, Any]]:
    """Yield the parameters of a body: none, a Parameters resource, or a single resource."""
    whole_body = next((row for row in operation.parameters if row.is_resource), None)
    if body is None:
        return
    if whole_body and _is_a(whole_body.type, body):
        yield whole_body.name, body
        return
    properties = {row.name: row.property for row in operation.parameters}
    for part in validated_resource(body, "Parameters").get("parameter", ()):
        # A value of another type than the parameter's is read as None, which `_mistyped` refuses.
        yield part.get("name", ""), part.get(properties.get(part.get("name", ""), ""))


def _of_query(
    declared: dict[str, Parameter], query: Sequence[tuple[str, str]]
) -> Iterator[tuple[str, Any]]:
    for name, text in query:
        if name in _WITHOUT_EFFECT:
            continue
        row = declared.get(name)
        for value in text.split(",") if row and row.max == _MANY else [text]:
            yield name, {"reference": value} if row and row.type == "Reference" else value


def _unknown(operation: Operation, names: list[str]) -> Iterator[Issue]:
    declared = [row.name for row in operation.parameters]
    advice = f"Its parameters are {', '.join(declared)}" if declared else "It takes no parameters"
    for name in dict.fromkeys(names):
        if name not in declared:
            text = f"{operation.name} has no parameter {name}"
            yield Issue(Invalid.code, text, name, advice)


def _miscounted(row: Parameter, values: Values) -> Iterator[Issue]:
    count = len(values[row.name])
    if count < row.min:
        yield Issue("required", f"{row.name} is missing", row.name)
    if row.max != _MANY and count > int(row.max):
        text = f"{row.name} is given {count} times, but at most {row.max} is allowed"
        yield Issue(Invalid.code, text, row.name)


def _mistyped(row: Parameter, values: Values) -> Iterator[Issue]:
    for value in values[row.name]:
        if value is None or (row.is_resource and not _is_a(row.type, value)):
            yield Issue(Invalid.code, f"{row.name} must be given as {row.property}", row.name)
        elif row.type == "Reference" and not _is_allowed(row, value):
            allowed = " or ".join(row.targets)
            text = f"{row.name} must be a reference to {allowed} on this server"
            yield Issue(Invalid.code, text, row.name)


def _is_a(resource_type: str, value: Any) -> bool:
    return isinstance(value, dict) and value.get("resourceType") == resource_type


def _is_allowed(row: Parameter, element: Resource) -> bool:
    """Return whether a parameter takes a Reference's target.

    Raises BusinessRule for a Group where only a Patient is allowed.
    """
    target = references.target(element)
    if target and target.type == "Group" and row.targets == ("Patient",):
        raise BusinessRule(f"{row.name} must be one Patient, not a Group", expression=row.name)
    return target is not None and target.type in row.targets


def relative_reference(element: Resource) -> Resource:
    """Return a Reference to a resource on this server in the relative form `Type/id`."""
    return element | {"reference": str(references.target(element))}
