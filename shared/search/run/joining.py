"""Whether a resource matches chains and `_has`, which depend on other resources.

https://hl7.org/fhir/R4/search.html#chaining
"""

from collections.abc import Iterator
from functools import partial

from shared.fhir.fhirjson import Resource
from shared.fhir.search_values import reference_values
from shared.search.query.criterion import Criterion
from shared.search.query.joins import Chain, Has, Join, JoinCondition
from shared.search.query.matching import matches
from shared.search.run.lookups import Lookups
from shared.search.run.referrers import is_never_target, referrers

_FIRST_ROWS = 8


def satisfies(resource: Resource, condition: JoinCondition, lookups: Lookups) -> bool:
    """Return whether a resource matches a condition, by what the caller sees. Raises OutOfRows.

    A contained resource is passed without its id: nothing but what contains it refers to it.
    """
    if isinstance(condition, Criterion):
        return matches(resource, condition)
    if isinstance(condition, Has):
        if "id" not in resource:
            return False
        name = f"{resource['resourceType']}/{resource['id']}"
        return lookups.cached_answer(
            condition, name, partial(_is_referred_to, resource, name, condition, lookups)
        )
    return any(
        lookups.cached_answer(condition, name, partial(_target_matches, name, condition, lookups))
        for name in lookups.targets(resource, condition.param)
    ) or any(
        satisfies(inner, branch, lookups)
        for inner, branch in _contained_targets(resource, condition, lookups)
    )


def _contained_targets(
    resource: Resource, chain: Chain, lookups: Lookups
) -> Iterator[tuple[Resource, JoinCondition]]:
    """Yield the contained resources that a chain leads to, each with the condition of its type.

    They keep the other contained resources beside them, to which they may refer by `#id`.
    https://hl7.org/fhir/R4/search.html#contained
    """
    contained = {element.get("id"): element for element in resource.get("contained", ())}
    branches = dict(chain.branches)
    for reference in reference_values(resource, chain.param, lookups.zone) if contained else ():
        inner = contained.get(reference.text[1:]) if reference.is_contained else None
        branch = branches.get(inner["resourceType"]) if inner else None
        if inner and branch:
            without_id = {name: element for name, element in inner.items() if name != "id"}
            yield without_id | {"contained": resource["contained"]}, branch


def _is_referred_to(resource: Resource, name: str, has: Has, lookups: Lookups) -> bool:
    return not is_never_target(lookups, resource, has.param) and any(
        satisfies(referrer.resource, has.condition, lookups)
        for referrer in referrers(lookups, has.param, name, first=_FIRST_ROWS)
    )


def _target_matches(name: str, chain: Chain, lookups: Lookups) -> bool:
    condition = dict(chain.branches).get(name.partition("/")[0])
    json = lookups.get(name) if condition else None
    return bool(condition and json and satisfies(lookups.loads(json), condition, lookups))


def prefetch(resources: list[Resource], joins: tuple[Join, ...], lookups: Lookups) -> None:
    """Read together what chains will look at for many resources. Raises OutOfRows."""
    lookups.prefetch(
        name
        for join in joins
        if isinstance(join, Chain) and not lookups.is_answered(join)
        for resource in resources
        for name in lookups.targets(resource, join.param)
        if name.partition("/")[0] in dict(join.branches)
    )
