"""Searches that constrain what a scope grants.

https://hl7.org/fhir/smart-app-launch/STU2/scopes-and-launch-context.html
"""

from collections.abc import Callable, Sequence
from datetime import tzinfo
from typing import Any

from shared.errors import FhirError
from shared.search.query import criteria
from shared.search.query.criteria import Pair
from shared.search.query.matching import matches


def predicate(
    resource_type: str, query: Sequence[Pair], zone: tzinfo
) -> Callable[[dict[str, Any]], bool] | None:
    """Return whether a resource matches a query, as a function of the resource.

    Return None if the type cannot be searched by the whole query, or by elements of a resource.
    """
    try:
        asked = criteria.parse(resource_type, query, zone).criteria
    except FhirError:
        return None
    if len(asked) != len(query) or not all(criterion.param.expression for criterion in asked):
        return None
    return lambda resource: all(matches(resource, criterion) for criterion in asked)
