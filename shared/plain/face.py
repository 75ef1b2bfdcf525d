"""The plain-JSON API as the decorator of handlers takes it."""

from collections.abc import Container

from shared.http import routing
from shared.http.endpoint import ApiVariant
from shared.http.requests import Event
from shared.plain import problems
from shared.plain.collections import COLLECTIONS


def _parameters(event: Event) -> Container[str]:
    """Return the names of the query parameters that a request may have."""
    collection = COLLECTIONS.get(routing.path_variables(event).get("collection", ""))
    return collection.query.names if collection else ()


PLAIN = ApiVariant(problems.refused, problems.broken, _parameters)
