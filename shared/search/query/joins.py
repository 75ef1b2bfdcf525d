"""Chains and `_has`: what a resource must refer to, or be referred to by.

https://hl7.org/fhir/R4/search.html#chaining
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import tzinfo

from shared.catalog.parameters import SEARCH_PARAMS, Index, SearchParam
from shared.catalog.types import TYPES
from shared.errors import FhirError, Invalid
from shared.search.query import criterion
from shared.search.query.criterion import Criterion, UnknownParameter

HAS = "_has"
# Whether one resource matches may need as many others.
_MOST_LINKS = 5


@dataclass(frozen=True, slots=True)
class Chain:
    """A reference to a resource of one of the types that matches the condition of its type."""

    param: SearchParam
    branches: tuple[tuple[str, "Condition"], ...]
    text: str

    def __str__(self) -> str:
        """Write it as the query has it."""
        return self.text


@dataclass(frozen=True, slots=True)
class Has:
    """A resource that refers to this one by a parameter of its own and matches a condition."""

    param: SearchParam
    condition: "Condition"
    text: str

    def __str__(self) -> str:
        """Write it as the query has it."""
        return self.text


type Join = Chain | Has
type Condition = Criterion | Join


def parse(resource_type: str, name: str, value: str, zone: tzinfo) -> Join:
    """Read a chain or `_has`. Raises Invalid, under the whole name."""
    try:
        join = _Reader(value, zone).condition(resource_type, name)
    except FhirError as error:
        kind = type(error) if isinstance(error, UnknownParameter) else Invalid
        raise kind(issues=[replace(one, expression=name) for one in error.issues]) from None
    if isinstance(join, Criterion):
        raise AssertionError(name)  # noqa: TRY004 - what is no join is not read here
    return join


def looks_at_numbers(condition: Condition) -> bool:
    """Return whether a condition compares quantities."""
    return any(
        isinstance(each, Criterion) and each.param.type == "quantity" for each in _each([condition])
    )


def types(conditions: Iterable[Condition]) -> Iterator[str]:
    """Yield the types of the other resources that conditions look at."""
    for condition in _each(conditions):
        if isinstance(condition, Has):
            yield condition.param.resource
        elif isinstance(condition, Chain):
            yield from (resource_type for resource_type, _ in condition.branches)


def referring(conditions: Iterable[Condition]) -> Iterator[SearchParam]:
    """Yield the parameters of `_has`, by which other resources refer to those searched."""
    for condition in _each(conditions):
        if isinstance(condition, Has):
            yield condition.param


def _each(conditions: Iterable[Condition]) -> Iterator[Condition]:
    """Yield conditions, and those within them, each of them once."""
    seen, pending = set[int](), [*conditions]
    while pending:
        condition = pending.pop()
        if id(condition) not in seen:
            seen.add(id(condition))
            yield condition
            if isinstance(condition, Has):
                pending.append(condition.condition)
            elif isinstance(condition, Chain):
                pending += (branch for _, branch in condition.branches)


class _Reader:
    """Reads the conditions on the way of one parameter, which ends in one value.

    Several types may have a parameter of the same name, so that ways meet again: what has been read
    of a type is kept, be it a refusal.
    """

    def __init__(self, value: str, zone: tzinfo) -> None:
        self._value, self._zone = value, zone
        self._known: dict[tuple[str, str], Condition | FhirError] = {}

    def condition(self, resource_type: str, name: str, depth: int = 0) -> Condition:
        """Read a condition about resources of a type. Raises Invalid."""
        if depth > _MOST_LINKS:
            raise Invalid(f"A search follows at most {_MOST_LINKS} references, one after the other")
        key = resource_type, name
        if key not in self._known:
            try:
                self._known[key] = self._read(resource_type, name, depth)
            except FhirError as error:
                self._known[key] = error
        known = self._known[key]
        if isinstance(known, FhirError):
            raise known
        return known

    def _read(self, resource_type: str, name: str, depth: int) -> Condition:
        if name.partition(":")[0] == HAS:
            return self._has(resource_type, name, depth)
        if "." in name:
            return self._chain(resource_type, name, depth)
        last = criterion.read(resource_type, name, self._value, self._zone)
        if not last.param.expression:
            raise Invalid(f"{last.param.code} is no element, and cannot be looked at from afar")
        return last

    def _has(self, resource_type: str, name: str, depth: int) -> Has:
        _, source, code, rest, *_ = *name.split(":", 3), "", "", ""
        if not (source and code and rest):
            raise Invalid(f"{name} is not _has:Type:parameter:searched")
        if source not in TYPES:
            raise Invalid(f"{source} is not stored here, only {' and '.join(TYPES)}")
        known = {
            row.code: row
            for row in _referring(source)
            if (not row.targets or resource_type in row.targets) and row.index is Index.ROW
        }
        if code not in known:
            raise Invalid(
                f"{source} does not refer to {resource_type} by {code}, but by "
                + (", ".join(known) or "nothing")
            )
        return Has(known[code], self.condition(source, rest, depth + 1), f"{name}={self._value}")

    def _chain(self, resource_type: str, name: str, depth: int) -> Chain:
        head, _, rest = name.partition(".")
        code, _, of = head.partition(":")
        known = {row.code: row for row in _referring(resource_type) if _stored(row)}
        if code not in known:
            kind = Invalid if code in SEARCH_PARAMS.of(resource_type) else UnknownParameter
            raise kind(
                f"{code} of {resource_type} refers to nothing that is stored here; chains go by "
                + ", ".join(known)
            )
        types = _stored(known[code])
        if of and of not in types:
            raise Invalid(f"By {code} a chain goes to {' or '.join(types)}, not to {of}")
        branches: list[tuple[str, Condition]] = []
        problems: list[FhirError] = []
        for each in (of,) if of else types:
            try:
                branches.append((each, self.condition(each, rest, depth + 1)))
            except FhirError as error:
                problems.append(error)
        if not branches:
            # What one type does not know says less than what is wrong with a value.
            raise min(problems, key=lambda one: isinstance(one, UnknownParameter))
        return Chain(known[code], tuple(branches), f"{name}={self._value}")


def _referring(resource_type: str) -> list[SearchParam]:
    rows = SEARCH_PARAMS.of(resource_type).values()
    return [row for row in rows if row.type == "reference" and row.expression]


def _stored(param: SearchParam) -> tuple[str, ...]:
    return tuple(one for one in TYPES if not param.targets or one in param.targets)
