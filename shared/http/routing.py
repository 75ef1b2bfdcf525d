"""From the gateway's route to the catalogue's row: HTTP API takes no `$` in a route's own text."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from shared.catalog.interactions import (
    BELOW_BASE,
    BY_ROUTE,
    COLLECTIONS,
    PLAIN,
    ROOTED,
    Interaction,
)
from shared.catalog.operations import INSTANCE, TYPE, Operation, offered
from shared.catalog.types import TYPES
from shared.errors import FhirError, NotFound, NotSupported
from shared.settings import Settings, settings


class MethodNotAllowed(NotSupported):
    """The path has other methods."""

    def __init__(self, method: str, offered: list[str]) -> None:
        """Name the method and those that are there."""
        self.offered = ", ".join(offered)
        super().__init__(f"{method} does not exist here", diagnostics=f"Here are {self.offered}")


def interaction(event: Mapping[str, Any], known: Settings) -> Interaction:
    """Find the catalogue's row of a route, with an operation's code and roles where it names one.

    Raises NotFound and MethodNotAllowed: `$default` catches what has no route.
    """
    variables = path(event)
    row = _of_route(event, known)
    if row and _is_here(row, variables):
        return _permitted(row, variables) if "operation" in variables else row
    raise _refusal(event, known)


def path(event: Mapping[str, Any]) -> Mapping[str, str]:
    """Give the path's variables; a collection has the type of what is in it."""
    variables: Mapping[str, str] = event.get("pathParameters") or {}
    kind = COLLECTIONS.get(variables.get("collection", ""))
    return {**variables, "type": kind} if kind else variables


def settled(event: dict[str, Any]) -> dict[str, Any]:
    """Return an event as that of its path without a slash at the end, where no route took it.

    A route's key cannot end in a slash, so the gateway brings such a path to `$default`, or to a
    route of `SLASHED`.
    """
    asked = _asked(event)
    if row(event) or not asked.endswith("/"):
        return event
    method, base = event["requestContext"]["http"]["method"], settings().base_path
    if is_plain(event):
        plain = [known for known in ROOTED.values() if known.is_plain]
        key, variables = _route_of(plain, method, asked)
    elif _is_below(asked, base):
        key, variables = route(method, asked.removeprefix(base))
        key = key.replace(" ", f" {base}", 1)
    else:
        return event
    return {**event, "routeKey": key, "pathParameters": variables}


def is_plain(event: Mapping[str, Any]) -> bool:
    """Tell whether a path, whatever it is, belongs to the plain-JSON face."""
    asked, base = _asked(event), settings().base_path
    return _is_below(asked, PLAIN) and not (base and _is_below(asked, base))


def _is_below(path: str, base: str) -> bool:
    return f"{path}/".startswith(f"{base}/")


def _asked(event: Mapping[str, Any]) -> str:
    """Give the path as it was asked for, without the stage."""
    path: str = event.get("rawPath", "")  # an entry of a Bundle may have none
    return path.removeprefix(f"/{event['requestContext']['stage']}")


def route(method: str, path: str) -> tuple[str, dict[str, str]]:
    """Return the route of a path below the base, with or without a slash, and its variables."""
    return _route_of(BELOW_BASE, method, path)


def _route_of(routes: Iterable[Interaction], method: str, path: str) -> tuple[str, dict[str, str]]:
    rows = [row for row in routes if row.method == method and row.matches(path)]
    if not rows:
        return "$default", {}
    row = min(rows, key=lambda row: row.path.count("{"))
    pairs = zip(row.path.split("/"), path.removesuffix("/").split("/"), strict=True)
    variables = {part[1:-1]: unquote(given) for part, given in pairs if part.startswith("{")}
    return row.route, variables


def function_of(event: Mapping[str, Any]) -> str:
    """Give the module of the function that the gateway calls for an event."""
    found = row(event)
    return found.function if found else "fallback"


def row(event: Mapping[str, Any]) -> Interaction | None:
    """Give the catalogue's row of an event's route; None where it has no route."""
    return _of_route(event, settings())


def _of_route(event: Mapping[str, Any], known: Settings) -> Interaction | None:
    method, _, path = event["routeKey"].partition(" ")
    if beside := ROOTED.get(event["routeKey"]):
        return beside
    return BY_ROUTE.get(f"{method} {path.removeprefix(known.base_path)}")


def _is_here(row: Interaction, path: Mapping[str, str]) -> bool:
    """Tell a resource from what a variable of a route catches beside, as `_search`."""
    is_known = path.get("type", TYPES[0]) in TYPES
    return is_known and path.get("id", "")[:1] != "_" and row.takes(path)


def _refusal(event: Mapping[str, Any], known: Settings) -> FhirError:
    """Say that nothing is at a path, or that the method is not."""
    method, asked = event["requestContext"]["http"]["method"], _asked(event)
    path = asked.removeprefix(known.base_path)
    # A path of a resource begins with its type; all others are a route's own words.
    is_typed = path.lstrip("/").partition("/")[0] in TYPES
    rows = [row for row in BELOW_BASE if row.matches(path) and row.code != "preflight"]
    rows = [row for row in rows if is_typed == row.path.startswith("/{type}")]
    rows += [row for row in ROOTED.values() if row.matches(asked) and row.code != "preflight"]
    methods = {row.method for row in rows}
    if not methods or method in methods:
        there = f"The types here are {', '.join(TYPES)}"
        if is_plain(event):
            there = f"The collections are {', '.join(COLLECTIONS)}"
        return NotFound("There is nothing at this path", diagnostics=there)
    return MethodNotAllowed(method, sorted(methods))


def operation(path: Mapping[str, str]) -> Operation:
    """Find the operation that a path names. Raises NotFound naming those that there are."""
    resource_type, level = path["type"], INSTANCE if "id" in path else TYPE
    known = offered(resource_type, level)
    if path["operation"] not in known:
        raise NotFound(
            f"{resource_type} has no operation {path['operation']} on the {level}",
            diagnostics=f"There are {', '.join(known)}",
        )
    return known[path["operation"]]


def _permitted(route: Interaction, path: Mapping[str, str]) -> Interaction:
    """Give the route as that of its operation. Raises MethodNotAllowed where it has another."""
    named = operation(path)
    if route.method not in named.methods:
        raise MethodNotAllowed(route.method, [*named.methods])
    return replace(route, code=named.name, roles=named.roles, needs=named.needs)
