"""Routing of events to rows of the catalogue, including operations.

An HTTP API allows no `$` in a route's static text, so operations are dispatched here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from shared.catalog.interactions import (
    BELOW_BASE,
    BY_ROUTE,
    COLLECTIONS,
    PLAIN_PATH,
    ROOT_ROUTES,
    Interaction,
)
from shared.catalog.operations import INSTANCE, TYPE, Operation, operations_on
from shared.catalog.types import STORED_TYPES
from shared.errors import FhirError, NotFound, NotSupported
from shared.settings import settings


class MethodNotAllowed(NotSupported):
    """The path exists, but not with this method."""

    def __init__(self, verb: str, allowed: list[str]) -> None:
        """Name the method, and those that the path supports."""
        self.allowed_methods = ", ".join(allowed)
        super().__init__(
            f"{verb} is not supported at this path",
            diagnostics=f"The path supports {self.allowed_methods}",
        )


def interaction(event: Mapping[str, Any]) -> Interaction:
    """Return the catalogue's row of an event's route; that of an operation has its code and roles.

    Raises NotFound and MethodNotAllowed, because `$default` catches every request without a route.
    """
    variables = path_variables(event)
    row = find_interaction(event)
    if row and _is_valid(row, variables):
        return _of_operation(row, variables) if "operation" in variables else row
    raise _refusal(event)


def path_variables(event: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the path's variables. For a collection, they include its resource type."""
    variables: Mapping[str, str] = event.get("pathParameters") or {}
    kind = COLLECTIONS.get(variables.get("collection", ""))
    return {**variables, "type": kind} if kind else variables


def resolve_final_slash(event: dict[str, Any]) -> dict[str, Any]:
    """Return an event whose path ends in a slash with the route of the path without it.

    Any other event, and one that has a route already, is returned as it is. A route's key cannot
    end in a slash, so the gateway sends such a path to `$default`, or to a greedy route.
    """
    requested = _requested_path(event)
    if find_interaction(event) or not requested.endswith("/"):
        return event
    base = settings().base_path
    if is_plain(event):
        plain_rows = [row for row in ROOT_ROUTES.values() if row.is_plain]
        key, variables = _route_of(plain_rows, method(event), requested)
    elif _is_below(requested, base):
        key, variables = match_route(method(event), requested.removeprefix(base))
        key = key.replace(" ", f" {base}", 1)
    else:
        return event
    return {**event, "routeKey": key, "pathParameters": variables}


def method(event: Mapping[str, Any]) -> str:
    """Return the HTTP method of an event."""
    return str(event["requestContext"]["http"]["method"])


def is_plain(event: Mapping[str, Any]) -> bool:
    """Return whether an event's path belongs to the plain-JSON API, even if it has no route."""
    requested, base = _requested_path(event), settings().base_path
    return _is_below(requested, PLAIN_PATH) and not (base and _is_below(requested, base))


def _is_below(path: str, base: str) -> bool:
    return f"{path}/".startswith(f"{base}/")


def _requested_path(event: Mapping[str, Any]) -> str:
    """Return the path as the client sent it, without the stage."""
    path: str = event.get("rawPath", "")  # an entry of a Bundle may have none
    return path.removeprefix(f"/{event['requestContext']['stage']}")


def match_route(verb: str, path: str) -> tuple[str, dict[str, str]]:
    """Return the route and variables of a path below the base, with or without a final slash."""
    return _route_of(BELOW_BASE, verb, path)


def _route_of(
    candidates: Iterable[Interaction], verb: str, path: str
) -> tuple[str, dict[str, str]]:
    rows = [row for row in candidates if row.method == verb and row.matches(path)]
    if not rows:
        return "$default", {}
    row = min(rows, key=lambda row: row.path.count("{"))
    pairs = zip(row.path.split("/"), path.removesuffix("/").split("/"), strict=True)
    variables = {part[1:-1]: unquote(value) for part, value in pairs if part.startswith("{")}
    return row.route, variables


def function_name(event: Mapping[str, Any]) -> str:
    """Return the name of the function that the gateway calls for an event."""
    route_row = find_interaction(event)
    return route_row.function if route_row else "fallback"


def find_interaction(event: Mapping[str, Any]) -> Interaction | None:
    """Return the catalogue's row of an event's route, or None if it has no route."""
    verb, _, path = event["routeKey"].partition(" ")
    below_base = f"{verb} {path.removeprefix(settings().base_path)}"
    return ROOT_ROUTES.get(event["routeKey"]) or BY_ROUTE.get(below_base)


def _is_valid(row: Interaction, variables: Mapping[str, str]) -> bool:
    """Return whether a route's variables have valid values: `{id}` also matches `_search`."""
    is_known_type = variables.get("type", STORED_TYPES[0]) in STORED_TYPES
    return is_known_type and variables.get("id", "")[:1] != "_" and row.accepts_variables(variables)


def _refusal(event: Mapping[str, Any]) -> FhirError:
    """Return the error for a path that does not exist, or that lacks the method."""
    requested = _requested_path(event)
    path = requested.removeprefix(settings().base_path)
    # The path of a resource begins with its type; every other path is a route's static text.
    is_typed = path.lstrip("/").partition("/")[0] in STORED_TYPES
    below_base = (row for row in BELOW_BASE if is_typed == row.path.startswith("/{type}"))
    rows = [row for row in below_base if row.matches(path)]
    rows += [row for row in ROOT_ROUTES.values() if row.matches(requested)]
    methods = {row.method for row in rows if row.code != "preflight"}
    if not methods or method(event) in methods:
        hint = f"The resource types are {', '.join(STORED_TYPES)}"
        if is_plain(event):
            hint = f"The collections are {', '.join(COLLECTIONS)}"
        return NotFound("There is nothing at this path", diagnostics=hint)
    return MethodNotAllowed(method(event), sorted(methods))


def operation(path: Mapping[str, str]) -> Operation:
    """Return the operation that a path names. Raises NotFound naming those that exist."""
    resource_type, level = path["type"], INSTANCE if "id" in path else TYPE
    operations = operations_on(resource_type, level)
    if path["operation"] not in operations:
        raise NotFound(
            f"{resource_type} has no operation {path['operation']} on the {level}",
            diagnostics=f"The supported ones are {', '.join(operations)}",
        )
    return operations[path["operation"]]


def _of_operation(row: Interaction, variables: Mapping[str, str]) -> Interaction:
    """Return the row of an operation's route as that of the operation. Raises MethodNotAllowed."""
    target = operation(variables)
    if row.method not in target.methods:
        raise MethodNotAllowed(row.method, [*target.methods])
    return replace(row, code=target.name, roles=target.roles, scope_override=target.scope_override)
