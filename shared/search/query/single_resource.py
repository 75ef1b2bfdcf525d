"""The criteria of a Subscription: a search that one resource, by itself, does or does not match.

https://hl7.org/fhir/R4/subscription-definitions.html#Subscription.criteria
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import tzinfo
from functools import lru_cache

from shared.catalog.types import SERVICE_TYPES, STORED_TYPES
from shared.errors import BusinessRule, FhirError, Issue
from shared.fhir import references
from shared.fhir.fhirjson import Resource
from shared.search.query import controls, criteria
from shared.search.query.criterion import Criterion
from shared.search.query.matching import matches

_EXPRESSION = "Subscription.criteria"


@dataclass(frozen=True, slots=True)
class SingleResourceQuery:
    """A resource type and the criteria that a resource of it must all meet."""

    type: str
    criteria: tuple[Criterion, ...]

    def matches(self, resource: Resource) -> bool:
        """Return whether a resource of the type meets the criteria."""
        return all(matches(resource, criterion) for criterion in self.criteria)


def split(text: str) -> tuple[str, str]:
    """Return the resource type of criteria, and their query."""
    resource_type, _, query = text.removeprefix("/").partition("?")
    return resource_type, query


@lru_cache(maxsize=1024)
def parse(text: str, zone: tzinfo) -> SingleResourceQuery:
    """Parse criteria such as `Communication?recipient=Practitioner/1`.

    Raises BusinessRule naming each parameter that is unknown, wrong, or says more than whether one
    resource matches: chains, `_has`, includes, the order and size of pages.
    """
    resource_type, query = split(text)
    if resource_type not in STORED_TYPES or resource_type in SERVICE_TYPES:
        offered = [name for name in STORED_TYPES if name not in SERVICE_TYPES]
        raise BusinessRule(
            "The criteria must be a search of one type, such as Communication?status=completed",
            expression=_EXPRESSION,
            diagnostics=f"The types are {', '.join(offered)}",
        )
    try:
        pairs = references.parse_query(query)
        refused = [*_refused(pairs)]
        parsed = criteria.parse(resource_type, pairs, zone) if not refused else None
    except FhirError as error:
        raise BusinessRule(issues=[*map(_issue, error.issues)]) from None
    if parsed is None:
        raise BusinessRule(issues=refused)
    if without := [one for one in parsed.criteria if not one.param.expression]:
        raise BusinessRule(issues=[_cannot(one.param.code) for one in without])
    return SingleResourceQuery(resource_type, parsed.criteria)


def _refused(pairs: list[criteria.Pair]) -> Iterator[Issue]:
    for name, _ in pairs:
        code = name.partition(":")[0]
        if code in controls.NAMES or code in criteria.INCLUDES or criteria.is_join(name):
            yield _cannot(name)


def _cannot(name: str) -> Issue:
    return Issue(
        BusinessRule.code,
        f"{name} cannot be matched on a single resource",
        _EXPRESSION,
        "Leave it out: criteria are parameters that look at elements of the resource itself",
    )


def _issue(issue: Issue) -> Issue:
    return Issue(BusinessRule.code, issue.text, _EXPRESSION, issue.diagnostics)
