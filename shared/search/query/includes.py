"""Parsing of `_include` and `_revinclude`: which references to follow from the matches.

https://hl7.org/fhir/R4/search.html#revinclude
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import orjson

from shared.catalog import parameters
from shared.catalog.parameters import SEARCH_PARAMS, Index, SearchParam
from shared.catalog.types import STORED_TYPES
from shared.errors import Invalid

ITERATE = "iterate"
# `Type:parameter` or `Type:parameter:TargetType`.
_LENGTHS = (2, 3)


@dataclass(frozen=True, slots=True)
class Include:
    """A reference parameter to follow: from the resource that has it, or to it if `reverse`.

    `target` is the type that is referred to, empty for any. `iterate` follows the parameter from
    included resources, too.
    """

    param: SearchParam
    target: str
    reverse: bool
    iterate: bool


def parse(name: str, value: str) -> list[Include]:
    """Parse an `_include` or `_revinclude`; return nothing if its types are not stored here.

    Raises Invalid, naming what would be right.
    """
    code, _, modifier = name.partition(":")
    if modifier not in ("", ITERATE):
        raise Invalid(
            f"{code} does not support :{modifier}, only :{ITERATE}", expression=f"{code}:{modifier}"
        )
    reverse = code == "_revinclude"
    source, param, target = _split(name, value)
    names = _params_of(source, name)
    if param != "*" and param not in names:
        supported = ", ".join(f"{source}:{code}" for code in names) or f"no parameter of {source}"
        raise Invalid(
            f"{name}={value} is not a reference parameter; supported: {supported}",
            expression=name,
        )
    if target and target not in _reference_params():
        raise Invalid(f"{name}={value}: {target} is not a resource type", expression=name)
    return [
        Include(followed, target, reverse, bool(modifier))
        for resource_type in (STORED_TYPES if source == "*" else (source,))
        for followed in _followed(resource_type, param, target, name, reverse=reverse)
    ]


def _split(name: str, value: str) -> tuple[str, str, str]:
    parts = ["*", "*"] if value == "*" else value.split(":")
    if len(parts) not in _LENGTHS or not all(parts) or (parts[0] == "*" and value != "*"):
        raise Invalid(
            f"{name}={value} must be Type:parameter, Type:parameter:TargetType, Type:* or *",
            expression=name,
        )
    source, param, *target = parts
    return source, param, "".join(target)


def _params_of(source: str, name: str) -> list[str]:
    """Return the reference parameters of a type. Raises Invalid if there is no such type."""
    if source == "*":
        return []
    if source in STORED_TYPES:
        return [
            code
            for code, param in SEARCH_PARAMS.of(source).items()
            if param.type == "reference" and param.expression
        ]
    if source not in _reference_params():
        raise Invalid(f"{name}: {source} is not a resource type", expression=name)
    return _reference_params()[source].split()


@cache
def _reference_params() -> dict[str, str]:
    """Return R4's resource types, each with its reference parameters separated by blanks."""
    file = Path(parameters.__file__).parents[1] / "reference-parameters.json"
    types: dict[str, str] = orjson.loads(file.read_bytes())
    return types


def _followed(
    source: str, param: str, target: str, name: str, *, reverse: bool
) -> Iterator[SearchParam]:
    """Yield the parameters to follow: those that can refer to a type stored here.

    In reverse, a wildcard stands for all parameters that are indexed by value. Raises Invalid for
    another one that is named, because the resources that refer by it cannot be looked up.
    """
    if source not in STORED_TYPES or (target and target not in STORED_TYPES):
        return
    targets = {target} if target else set(STORED_TYPES)
    for code in _params_of(source, name) if param == "*" else (param,):
        search_param = SEARCH_PARAMS.of(source)[code]
        if search_param.targets and targets.isdisjoint(search_param.targets):
            continue
        if not reverse or search_param.index is Index.ROW:
            yield search_param
        elif param != "*":
            raise Invalid(
                f"{name}={source}:{code} is not supported: {code} is not indexed", expression=name
            )
