"""The keys by which a change of a resource finds the Subscriptions that it may concern.

A Subscription with a selective criterion, such as `recipient=Practitioner/1`, has an entry for each
value of that criterion. A change looks for the entries of its own values. All other Subscriptions
to a type are read at each change of that type.
"""

from collections.abc import Iterable, Iterator

from shared.catalog.access_patterns import encode_segment
from shared.catalog.parameters import SEARCH_PARAMS, Index, SearchParam
from shared.fhir.fhirjson import Resource
from shared.fhir.search_values import Reference, values
from shared.search.plan import criterion_partitions
from shared.search.query.criterion import Criterion
from shared.search.query.operands import Operand
from shared.search.query.single_resource import SingleResourceQuery
from shared.settings import settings
from shared.store.index import partitions

# A criterion with more values is not worth an entry for each.
MOST_KEYS = 10
# Parameters whose values are compared by keys. Texts and dates are not.
_KEYED_TYPES = frozenset({"token", "reference", "uri"})


def of_query(query: SingleResourceQuery) -> tuple[str, list[str]]:
    """Return the parameter by which a Subscription is found, and its keys; both empty for none."""
    selective = [
        (_rank(criterion), number, criterion.param.code, keys)
        for number, criterion in enumerate(query.criteria)
        if (keys := _operand_keys(criterion))
    ]
    *_, code, keys = min(selective, default=("", []))
    return code, keys


def _rank(criterion: Criterion) -> tuple[bool, int]:
    """Return what is smaller, the fewer resources share a value."""
    param = criterion.param
    return param.index is Index.FILTER, 1 if param.code == "_id" else param.resources_per_value


def _operand_keys(criterion: Criterion) -> list[str]:
    """Return a key for each value that matches a criterion, none if not all of them have one."""
    if criterion.modifier or criterion.param.type not in _KEYED_TYPES:
        return []
    by_operand = [[*_keys_of_operand(criterion.param, operand)] for operand in criterion.operands]
    found = dict.fromkeys(key for keys in by_operand for key in keys)
    return list(found) if all(by_operand) and len(found) <= MOST_KEYS else []


def _keys_of_operand(param: SearchParam, operand: Operand) -> Iterator[str]:
    if keyed := criterion_partitions.keyed_operand(param, operand):
        yield _key(param, keyed.text)
    for key in criterion_partitions.value_keys(param, operand):
        yield _key(param, key)


def of_resource(resource: Resource, parameters: Iterable[str]) -> list[str]:
    """Return the keys of a resource's values of some parameters."""
    own = SEARCH_PARAMS.of(resource["resourceType"])
    found: dict[str, None] = {}
    for param in (own[code] for code in parameters if code in own):
        for value in values(resource, param, settings().zone):
            if isinstance(value, Reference) and partitions.is_keyed(param, value):
                found[_key(param, value.text)] = None
            for key in partitions.value_keys(param, value):
                found[_key(param, key)] = None
    return list(found)


def _key(param: SearchParam, value: str) -> str:
    return f"{param.code}={encode_segment(value)}"
