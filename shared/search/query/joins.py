"""Parsing of chains and `_has`: conditions on the resources that a match is linked with.

https://hl7.org/fhir/R4/search.html#chaining
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import tzinfo

from shared.catalog.parameters import SEARCH_PARAMS, Index, SearchParam
from shared.catalog.types import STORED_TYPES
from shared.errors import FhirError, Invalid
from shared.search.query import criterion
from shared.search.query.criterion import Criterion, UnknownParameter

HAS = "_has"
# Each reference multiplies the resources that are read to decide whether one matches.
_MOST_LINKS = 5


# Compared by identity, as keys of what is remembered of them: several may share a branch, so that
# comparing them by value could take exponentially long.
@dataclass(frozen=True, slots=True, eq=False)
class Chain:
    """A reference to a resource that matches a condition; each target type has its own.

    `text` is the parameter as the query has it, with its name and value.
    """

    param: SearchParam
    branches: tuple[tuple[str, "JoinCondition"], ...]
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class Has:
    """A `_has`: another resource refers to this one by `param` and matches a condition.

    `text` is the parameter as the query has it, with its name and value.
    """

    param: SearchParam
    condition: "JoinCondition"
    text: str


type Join = Chain | Has
type JoinCondition = Criterion | Join


def parse(resource_type: str, name: str, value: str, zone: tzinfo) -> Join:
    """Parse a chain or `_has`. Raises Invalid, with the whole name as its expression."""
    try:
        join = _Parser(value, zone).condition(resource_type, name)
    except FhirError as error:
        error_class = type(error) if isinstance(error, UnknownParameter) else Invalid
        raise error_class(
            issues=[replace(issue, expression=name) for issue in error.issues]
        ) from None
    if isinstance(join, Criterion):
        raise AssertionError(name)  # noqa: TRY004 - callers pass joins only
    return join


def compares_quantities(condition: JoinCondition) -> bool:
    """Return whether a condition, or one within it, compares quantities."""
    return any(
        isinstance(nested, Criterion) and nested.param.type == "quantity"
        for nested in _nested([condition])
    )


def joined_types(conditions: Iterable[JoinCondition]) -> Iterator[str]:
    """Yield the types of the other resources that conditions look at."""
    for condition in _nested(conditions):
        if isinstance(condition, Has):
            yield condition.param.resource
        elif isinstance(condition, Chain):
            yield from (resource_type for resource_type, _ in condition.branches)


def reverse_params(conditions: Iterable[JoinCondition]) -> Iterator[SearchParam]:
    """Yield the parameter of each `_has`: by it other resources refer to those searched."""
    for condition in _nested(conditions):
        if isinstance(condition, Has):
            yield condition.param


def _nested(conditions: Iterable[JoinCondition]) -> Iterator[JoinCondition]:
    """Yield conditions and the conditions within them, each object once."""
    seen, pending = set[Join](), [*conditions]
    while pending:
        condition = pending.pop()
        if isinstance(condition, Criterion):
            yield condition
        elif condition not in seen:
            seen.add(condition)
            yield condition
            if isinstance(condition, Has):
                pending.append(condition.condition)
            elif isinstance(condition, Chain):
                pending += (branch for _, branch in condition.branches)


class _Parser:
    """Parses the conditions of one chain or `_has`, which ends in one value.

    Several types may have a parameter of the same name, so branches can meet again. The outcome of
    each type and name is kept, also if it is an error: without that, the work would grow
    exponentially.
    """

    def __init__(self, value: str, zone: tzinfo) -> None:
        self._value, self._zone = value, zone
        self._outcomes: dict[tuple[str, str], JoinCondition | FhirError] = {}

    def condition(self, resource_type: str, name: str, depth: int = 0) -> JoinCondition:
        """Parse a condition on resources of a type. Raises Invalid."""
        if depth > _MOST_LINKS:
            raise Invalid(f"A chain or _has may follow at most {_MOST_LINKS} references in a row")
        key = resource_type, name
        if key not in self._outcomes:
            try:
                self._outcomes[key] = self._parse(resource_type, name, depth)
            except FhirError as error:
                self._outcomes[key] = error
        outcome = self._outcomes[key]
        if isinstance(outcome, FhirError):
            raise outcome
        return outcome

    def _parse(self, resource_type: str, name: str, depth: int) -> JoinCondition:
        if name.partition(":")[0] == HAS:
            return self._parse_has(resource_type, name, depth)
        if "." in name:
            return self._parse_chain(resource_type, name, depth)
        last = criterion.parse(resource_type, name, self._value, self._zone)
        if not last.param.expression:
            raise Invalid(f"{last.param.code} cannot be searched in a chain or _has")
        return last

    def _parse_has(self, resource_type: str, name: str, depth: int) -> Has:
        _, source, code, rest, *_ = *name.split(":", 3), "", "", ""
        if not (source and code and rest):
            raise Invalid(f"{name} must be _has:Type:reference-parameter:search-parameter")
        if source not in STORED_TYPES:
            raise Invalid(f"{source} is not stored here; use one of {', '.join(STORED_TYPES)}")
        params = {
            param.code: param
            for param in _reference_params(source)
            if (not param.targets or resource_type in param.targets) and param.index is Index.ROW
        }
        if code not in params:
            raise Invalid(
                f"{source} cannot be looked up by its reference {code} to {resource_type}; use "
                + (" or ".join(params) or "none")
            )
        return Has(params[code], self.condition(source, rest, depth + 1), f"{name}={self._value}")

    def _parse_chain(self, resource_type: str, name: str, depth: int) -> Chain:
        head, _, rest = name.partition(".")
        code, _, target = head.partition(":")
        params = {
            param.code: param
            for param in _reference_params(resource_type)
            if _stored_targets(param)
        }
        if code not in params:
            error_class = Invalid if code in SEARCH_PARAMS.of(resource_type) else UnknownParameter
            raise error_class(
                f"{code} of {resource_type} refers to nothing that is stored here; chain by one of "
                + ", ".join(params)
            )
        targets = _stored_targets(params[code])
        if target and target not in targets:
            raise Invalid(f"A chain by {code} leads to {' or '.join(targets)}, not to {target}")
        branches: list[tuple[str, JoinCondition]] = []
        problems: list[FhirError] = []
        for target_type in (target,) if target else targets:
            try:
                branches.append((target_type, self.condition(target_type, rest, depth + 1)))
            except FhirError as error:
                problems.append(error)
        if not branches:
            # Rather report a wrong value than a parameter that one of the types does not have.
            raise min(problems, key=lambda error: isinstance(error, UnknownParameter))
        return Chain(params[code], tuple(branches), f"{name}={self._value}")


def _reference_params(resource_type: str) -> list[SearchParam]:
    params = SEARCH_PARAMS.of(resource_type).values()
    return [param for param in params if param.type == "reference" and param.expression]


def _stored_targets(param: SearchParam) -> tuple[str, ...]:
    return tuple(
        resource_type
        for resource_type in STORED_TYPES
        if not param.targets or resource_type in param.targets
    )
