"""What an operation is called with: a Parameters resource, a resource alone, or a query.

https://hl7.org/fhir/R4/operations.html#request
"""

from collections.abc import Iterator, Sequence
from typing import Any

from shared import references
from shared.catalog.operations import Operation, Parameter
from shared.errors import BusinessRule, Invalid, Issue
from shared.interactions.accepted import accepted

type Values = dict[str, list[Any]]
type Resource = dict[str, Any]

_WITHOUT_EFFECT = frozenset({"_format", "_pretty"})
_MANY = "*"


def read(operation: Operation, body: Any, query: Sequence[tuple[str, str]]) -> Values:
    """Give the values of each parameter. Raises Invalid naming those that are wrong."""
    known = {row.name: row for row in operation.parameters}
    given = [*_of_body(operation, body), *_of_query(known, query)]
    values: Values = {name: [] for name in known}
    issues = [*_unknown(operation, [name for name, _ in given])]
    for name, value in given:
        if name in known:
            values[name].append(value)
    issues += [issue for row in operation.parameters for issue in _miscounted(row, values)]
    issues += [issue for row in operation.parameters for issue in _mistyped(row, values)]
    if issues:
        raise Invalid(issues=issues)
    return values


def _of_body(operation: Operation, body: Any) -> Iterator[tuple[str, Any]]:
    """Give the parameters of a body, which may be none, or a resource that alone is one."""
    alone = next((row for row in operation.parameters if row.is_resource), None)
    if body is None:
        return
    if alone and _is_a(alone.type, body):
        yield alone.name, body
        return
    properties = {row.name: row.property for row in operation.parameters}
    for part in accepted(body, "Parameters").get("parameter", ()):
        # A value of another type than the parameter's is None here, and refused as such.
        yield part.get("name", ""), part.get(properties.get(part.get("name", ""), ""))


def _of_query(
    known: dict[str, Parameter], query: Sequence[tuple[str, str]]
) -> Iterator[tuple[str, Any]]:
    for name, text in query:
        if name in _WITHOUT_EFFECT:
            continue
        row = known.get(name)
        for value in text.split(",") if row and row.max == _MANY else [text]:
            yield name, {"reference": value} if row and row.type == "Reference" else value


def _unknown(operation: Operation, names: list[str]) -> Iterator[Issue]:
    known = [row.name for row in operation.parameters]
    there = f"there are {', '.join(known)}" if known else "it has none"
    for name in dict.fromkeys(names):
        if name not in known:
            yield Issue(Invalid.code, f"{operation.name} has no parameter {name}; {there}", name)


def _miscounted(row: Parameter, values: Values) -> Iterator[Issue]:
    count = len(values[row.name])
    if count < row.min:
        yield Issue("required", f"{row.name} is missing", row.name)
    if row.max != _MANY and count > int(row.max):
        yield Issue(Invalid.code, f"{row.name} is given {count} times", row.name)


def _mistyped(row: Parameter, values: Values) -> Iterator[Issue]:
    for value in values[row.name]:
        if value is None or (row.is_resource and not _is_a(row.type, value)):
            yield Issue(Invalid.code, f"{row.name} is not given as {row.property}", row.name)
        elif row.type == "Reference" and not _names(row, value):
            allowed = " or ".join(row.targets)
            yield Issue(Invalid.code, f"{row.name} is not a reference to {allowed} here", row.name)


def _is_a(resource_type: str, value: Any) -> bool:
    return isinstance(value, dict) and value.get("resourceType") == resource_type


def _names(row: Parameter, element: Resource) -> bool:
    """Tell whether a Reference names what the parameter takes.

    Raises BusinessRule for a Group of patients.
    """
    target = references.target(element)
    if target and target.type == "Group" and row.targets == ("Patient",):
        raise BusinessRule(f"{row.name} is one person, not a Group", expression=row.name)
    return target is not None and target.type in row.targets


def relative(element: Resource) -> Resource:
    """Give a Reference to this server with its literal in the short form."""
    return element | {"reference": str(references.target(element))}
