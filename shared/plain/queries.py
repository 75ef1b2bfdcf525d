"""A query of the plain-JSON face as one of FHIR's."""

import re
from collections.abc import Iterator, Sequence

from shared import references
from shared.errors import Invalid, Issue
from shared.plain.collections.rows import (
    CONTROLS,
    COUNT,
    CURSOR,
    LARGEST_COUNT,
    SORT,
    SORTS,
    Collection,
    Param,
)
from shared.references import Elsewhere, Local
from shared.resources.primitives import PRIMITIVES
from shared.resources.schema import binding, listed

type Pair = tuple[str, str]

_COUNT = re.compile(r"[1-9][0-9]{0,3}", re.ASCII)
# What means something in the value of a search parameter.
_SPECIAL = re.compile(r"[\\$|,]")


def names(collection: Collection) -> list[str]:
    """Give the names of a collection's parameters."""
    return [*(param.name for param in collection.params), *CONTROLS]


def translated(collection: Collection, query: Sequence[Pair]) -> list[Pair]:
    """Give FHIR's query for one of a collection. Raises Invalid naming each wrong parameter."""
    issues = [*_wrong(collection, query)]
    if issues:
        raise Invalid(issues=issues)
    given = dict(query)
    asked = [pair for param in collection.params for pair in _asked(param, given)]
    if collection.narrowing.isdisjoint(given):
        asked = [*collection.all, *asked]
    if SORT in given:
        asked.append(("_sort", given[SORT].replace("date", collection.date)))
    return asked + [(f"_{name}", given[name]) for name in (COUNT, CURSOR) if name in given]


def _wrong(collection: Collection, query: Sequence[Pair]) -> Iterator[Issue]:
    params = {param.name: param for param in collection.params}
    seen = set[str]()
    for name, value in query:
        if name in seen:
            yield Issue("invalid", "This parameter is given twice", name)
        seen.add(name)
        if name in params:
            yield from (Issue("value", text, name) for text in _param_wrong(params[name], value))
        elif name == SORT and value not in SORTS:
            yield Issue("value", f"Expected here is one of {', '.join(SORTS)}", name)
        elif name == COUNT and not (_COUNT.fullmatch(value) and int(value) <= LARGEST_COUNT):
            yield Issue("value", f"Expected here is a number from 1 to {LARGEST_COUNT}", name)
        elif name not in names(collection):
            text = f"There is no such parameter; there are {', '.join(names(collection))}"
            yield Issue("invalid", text, name)


def _param_wrong(param: Param, value: str) -> Iterator[str]:
    if param.prefix:
        if not PRIMITIVES["dateTime"].holds(value):
            yield f"Expected here is {PRIMITIVES['dateTime'].form}"
    elif param.target or param.is_reference:
        is_named = isinstance(references.read(value), Local | Elsewhere) and "," not in value
        if not is_named and not references.is_id(value, param.target):
            yield f"Expected here is {'an id or ' if param.target else ''}a reference as Type/id"
    else:
        for code in value.split(","):
            yield from _code_wrong(param, code)


def _code_wrong(param: Param, code: str) -> Iterator[str]:
    if param.value_set and not binding(param.value_set)(code):
        yield f"Expected here is one of {', '.join(listed(param.value_set))}, or several, by commas"
    elif param.codes and code not in param.codes and "|" not in code:
        yield f"Expected here is one of {', '.join(param.codes)}, or system|code"
    elif not code.strip("|"):
        yield "Expected here is a code, or several, by commas"


def _asked(param: Param, given: dict[str, str]) -> Iterator[Pair]:
    value = given.get(param.name)
    if value is None:
        return
    if param.prefix:
        yield param.code, f"{param.prefix}{value}"
    elif param.target or param.is_reference:
        bare = references.is_id(value, param.target)
        yield param.code, _escaped(f"{param.target}/{value}" if bare else value)
    else:
        yield param.code, ",".join(_token(param, code) for code in value.split(","))


def _token(param: Param, code: str) -> str:
    system, bar, own = code.partition("|")
    if not bar:
        own = _escaped(code)
        return f"{param.system}|{own}" if param.system else own
    return f"{_escaped(system)}|{_escaped(own)}"


def _escaped(value: str) -> str:
    return _SPECIAL.sub(r"\\\g<0>", value)


def plain_name(collection: Collection, name: str) -> str:
    """Give the name that was asked with for one of FHIR's."""
    plain = {param.code: param.name for param in reversed(collection.params)}
    plain |= {f"_{each}": each for each in (COUNT, CURSOR, SORT)}
    return plain.get(name.partition(":")[0], name)
