"""From the gateway's route to the catalogue's row: HTTP API takes no `$` in a route's own text."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from shared.catalog.interactions import BY_ROUTE, DEFINITIONS, INTERACTIONS, TYPES, Interaction
from shared.catalog.operations import INSTANCE, TYPE, Operation, offered
from shared.errors import FhirError, NotFound, NotSupported
from shared.settings import Settings


def interaction(event: Mapping[str, Any], known: Settings) -> Interaction:
    """Find the catalogue's row of a route, with an operation's code and roles where it names one.

    Raises NotFound and NotSupported: `$default` catches what has no route.
    """
    variables = event.get("pathParameters") or {}
    method, _, path = event["routeKey"].partition(" ")
    row = BY_ROUTE.get(f"{method} {path.removeprefix(known.base_path)}")
    if row and row.takes(variables):
        return _permitted(row, variables) if "operation" in variables else row
    raise _refusal(event, known)


def _refusal(event: Mapping[str, Any], known: Settings) -> FhirError:
    """Say that nothing is at a path, or that the method is not."""
    stage = event["requestContext"]["stage"]
    asked = event["rawPath"].removeprefix(f"/{stage}").removeprefix(known.base_path)
    methods = sorted(row.method for row in INTERACTIONS if row.matches(asked))
    if not methods or asked.split("/")[1] not in (*TYPES, *DEFINITIONS, "metadata"):
        return NotFound("There is nothing at this path")
    return NotSupported(
        f"{event['requestContext']['http']['method']} does not exist here",
        diagnostics=f"Here are {', '.join(methods)}",
    )


def operation(path: Mapping[str, str]) -> Operation:
    """Find the operation that a path names. Raises NotFound naming those that there are."""
    resource_type, level = path["type"], INSTANCE if "id" in path else TYPE
    known = offered(resource_type, level)
    if path["operation"] not in known:
        raise NotFound(
            f"{resource_type} has no operation {path['operation']} on the {level}",
            diagnostics=f"There are {', '.join(known)}" if known else "There is none",
        )
    return known[path["operation"]]


def _permitted(route: Interaction, path: Mapping[str, str]) -> Interaction:
    """Give the route as that of its operation. Raises NotSupported where it has not the method."""
    named = operation(path)
    if route.method not in named.methods:
        raise NotSupported(
            f"{named.name} is not called by {route.method}",
            diagnostics=f"Here are {', '.join(named.methods)}",
        )
    return replace(route, code=named.name, roles=named.roles)
