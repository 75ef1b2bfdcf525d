"""What a search is asked to include beside its matches: the references that are followed.

https://hl7.org/fhir/R4/search.html#revinclude
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import orjson

from shared.catalog import parameters
from shared.catalog.parameters import SEARCH_PARAMS, Index, SearchParam
from shared.catalog.types import TYPES
from shared.errors import Invalid

ITERATE = "iterate"
# Type and parameter, and where it is said the type that is referred to.
_LENGTHS = (2, 3)


@dataclass(frozen=True, slots=True)
class Include:
    """A parameter to follow, from what has it (`reverse`: to what has it).

    `target` is the type that is referred to, empty for any; `iterate` follows it from what is
    included, too.
    """

    param: SearchParam
    target: str
    reverse: bool
    iterate: bool


def parse(name: str, value: str) -> list[Include]:
    """Read an `_include` or `_revinclude`; none where it is about types that are not stored here.

    Raises Invalid naming what would be right.
    """
    code, _, modifier = name.partition(":")
    if modifier not in ("", ITERATE):
        raise Invalid(
            f"{code} takes no modifier :{modifier}, but :{ITERATE}", expression=f"{code}:{modifier}"
        )
    reverse = code == "_revinclude"
    source, param, target = _parts(name, value)
    known = _known(source, name)
    if param != "*" and param not in known:
        there = ", ".join(f"{source}:{one}" for one in known) or f"nothing of {source}"
        raise Invalid(
            f"{name}={value} is no parameter that refers to resources; there is {there}",
            expression=name,
        )
    if target and target not in _types():
        raise Invalid(f"{name}={value}: {target} is no resource type", expression=name)
    return [
        Include(row, target, reverse, bool(modifier))
        for each in (TYPES if source == "*" else (source,))
        for row in _followed(each, param, target, name, reverse=reverse)
    ]


def _parts(name: str, value: str) -> tuple[str, str, str]:
    parts = ["*", "*"] if value == "*" else value.split(":")
    if len(parts) not in _LENGTHS or not all(parts) or (parts[0] == "*" and value != "*"):
        raise Invalid(
            f"{name}={value} is neither Type:parameter, Type:parameter:TargetType, Type:* nor *",
            expression=name,
        )
    source, param, *target = parts
    return source, param, "".join(target)


def _known(source: str, name: str) -> list[str]:
    """Give the parameters of a type that refer to resources. Raises Invalid for no type."""
    if source == "*":
        return []
    if source in TYPES:
        return [
            code
            for code, row in SEARCH_PARAMS.of(source).items()
            if row.type == "reference" and row.expression
        ]
    if source not in _types():
        raise Invalid(f"{name}: {source} is no resource type", expression=name)
    return _types()[source].split()


@cache
def _types() -> dict[str, str]:
    """Read R4's types, each with its parameters that refer to resources."""
    file = Path(parameters.__file__).parents[1] / "reference-parameters.json"
    types: dict[str, str] = orjson.loads(file.read_bytes())
    return types


def _followed(
    source: str, param: str, target: str, name: str, *, reverse: bool
) -> Iterator[SearchParam]:
    """Give the parameters to follow: those that can refer to what is stored here.

    Backwards a wildcard is all those that have rows; one without is refused where it is named.
    """
    if source not in TYPES or (target and target not in TYPES):
        return
    for code in _known(source, name):
        row = SEARCH_PARAMS.of(source)[code]
        if reverse and param == "*" and row.index is not Index.ROW:
            continue
        reached = {target} if target else set(TYPES)
        if param in ("*", code) and (not row.targets or reached & set(row.targets)):
            if reverse and row.index is not Index.ROW:
                raise Invalid(
                    f"{name}={source}:{code}: what refers by {code} cannot be looked up",
                    expression=name,
                )
            yield row
