"""Search queries as predicates: the constraints that a SMART scope puts on what it grants.

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
    """Return a function that tells whether a resource matches a query.

    Return None if a parameter is unknown, or cannot be evaluated on the elements of one resource.
    """
    try:
        parsed = criteria.parse(resource_type, query, zone).criteria
    except FhirError:
        return None
    if len(parsed) != len(query) or not all(criterion.param.expression for criterion in parsed):
        return None
    return lambda resource: all(matches(resource, criterion) for criterion in parsed)
