"""Whether a resource matches chains and `_has`, which look at other resources.

https://hl7.org/fhir/R4/search.html#chaining
"""

from collections.abc import Iterator
from functools import partial
from typing import TypeGuard

from shared.fhir.search_values import Reference, Value, values
from shared.search.query.criterion import Criterion
from shared.search.query.joins import Chain, Condition, Has, Join
from shared.search.query.matching import matches
from shared.search.run.lookups import Lookups, Resource

_FIRST_ROWS = 8


def holds(resource: Resource, condition: Condition, lookups: Lookups) -> bool:
    """Return whether a resource matches a condition, as far as the caller sees. Raises OutOfRows.

    A contained resource is given without an id: nothing but what contains it refers to it.
    """
    if isinstance(condition, Criterion):
        return matches(resource, condition)
    if isinstance(condition, Has):
        if "id" not in resource:
            return False
        name = f"{resource['resourceType']}/{resource['id']}"
        return lookups.remembered(condition, name, partial(_is_had, resource, condition, lookups))
    return any(
        lookups.remembered(condition, name, partial(_is_met, name, condition, lookups))
        for name in lookups.targets(resource, condition.param)
    ) or any(
        holds(inner, branch, lookups) for inner, branch in _inside(resource, condition, lookups)
    )


def _inside(
    resource: Resource, chain: Chain, lookups: Lookups
) -> Iterator[tuple[Resource, Condition]]:
    """Return the contained resources that a chain goes to, each with the condition of its type.

    What they refer to with `#id` is contained beside them.
    https://hl7.org/fhir/R4/search.html#contained
    """
    contents = {each.get("id"): each for each in resource.get("contained", ())}
    branches = dict(chain.branches)
    for value in values(resource, chain.param, lookups.zone) if contents else ():
        inner = contents.get(value.text[1:]) if _is_contained(value) else None
        branch = branches.get(inner["resourceType"]) if inner else None
        if inner and branch:
            without_id = {name: each for name, each in inner.items() if name != "id"}
            yield without_id | {"contained": resource["contained"]}, branch


def _is_contained(value: Value) -> TypeGuard[Reference]:
    return isinstance(value, Reference) and value.is_contained


def _is_had(resource: Resource, has: Has, lookups: Lookups) -> bool:
    if lookups.has_no_parts(resource, has.param):
        return False
    name = f"{resource['resourceType']}/{resource['id']}"
    found = lookups.referring(has.param, name, first=_FIRST_ROWS)
    return any(holds(one.resource, has.condition, lookups) for one in found)


def _is_met(name: str, chain: Chain, lookups: Lookups) -> bool:
    condition = dict(chain.branches).get(name.partition("/")[0])
    json = lookups.get(name) if condition else None
    return bool(condition and json and holds(lookups.loads(json), condition, lookups))


def fetch(resources: list[Resource], joins: tuple[Join, ...], lookups: Lookups) -> None:
    """Read at once what chains of many resources will look at. Raises OutOfRows."""
    lookups.fetch(
        name
        for join in joins
        if isinstance(join, Chain) and not lookups.is_answered(join)
        for resource in resources
        for name in lookups.targets(resource, join.param)
        if name.partition("/")[0] in dict(join.branches)
    )
