"""Translation of plain-JSON queries into FHIR searches."""

import re
from collections.abc import Iterator, Sequence

from shared.catalog.controls import LARGEST_COUNT
from shared.errors import Invalid, Issue
from shared.fhir import references
from shared.fhir.references import External, Local
from shared.fhir.validation.primitives import PRIMITIVES
from shared.fhir.validation.schema import code_predicate, value_set_codes
from shared.plain.collections.rows import (
    CONTROLS,
    COUNT,
    CURSOR,
    SORT,
    SORTS,
    Collection,
    Param,
)

type Pair = tuple[str, str]

_COUNT = re.compile(r"[1-9][0-9]{0,3}", re.ASCII)
# The characters that have to be escaped in the value of a search parameter.
_SPECIAL = re.compile(r"[\\$|,]")


def names(collection: Collection) -> list[str]:
    """Return the names of a collection's query parameters."""
    return [*(param.name for param in collection.params), *CONTROLS]


def translated(collection: Collection, query: Sequence[Pair]) -> list[Pair]:
    """Return the FHIR search of a collection's query.

    Raises Invalid naming each parameter that is wrong.
    """
    issues = [*_issues(collection, query)]
    if issues:
        raise Invalid(issues=issues)
    given = dict(query)
    search = [pair for param in collection.params for pair in _criteria(param, given)]
    if collection.narrowing.isdisjoint(given):
        search = [*collection.all, *search]
    if SORT in given:
        search.append(("_sort", given[SORT].replace("date", collection.date)))
    return search + [(f"_{name}", given[name]) for name in (COUNT, CURSOR) if name in given]


def _issues(collection: Collection, query: Sequence[Pair]) -> Iterator[Issue]:
    params = {param.name: param for param in collection.params}
    seen = set[str]()
    for name, value in query:
        if name in seen:
            yield Issue("invalid", "This parameter must not be repeated", name)
        seen.add(name)
        if name in params:
            yield from (Issue("value", text, name) for text in _param_problems(params[name], value))
        elif name == SORT and value not in SORTS:
            yield Issue("value", f"Must be one of {', '.join(SORTS)}", name)
        elif name == COUNT and not (_COUNT.fullmatch(value) and int(value) <= LARGEST_COUNT):
            yield Issue("value", f"Must be a number from 1 to {LARGEST_COUNT}", name)
        elif name not in names(collection):
            text = f"There is no such parameter: the parameters are {', '.join(names(collection))}"
            yield Issue("invalid", text, name)


def _param_problems(param: Param, value: str) -> Iterator[str]:
    if param.prefix:
        if not PRIMITIVES["dateTime"].is_valid(value):
            yield f"Must be {PRIMITIVES['dateTime'].form}"
    elif param.target or param.is_reference:
        is_reference = isinstance(references.parse(value), Local | External) and "," not in value
        if not is_reference and not references.is_id(value, param.target):
            yield f"Must be {'an id or ' if param.target else ''}a reference (Type/id)"
    else:
        for code in value.split(","):
            yield from _code_problems(param, code)


def _code_problems(param: Param, code: str) -> Iterator[str]:
    if param.value_set and not code_predicate(param.value_set)(code):
        codes = ", ".join(value_set_codes(param.value_set))
        yield f"Must be one of {codes}, or several with commas"
    elif param.codes and code not in param.codes and "|" not in code:
        yield f"Must be one of {', '.join(param.codes)}, or system|code"
    elif not code.strip("|"):
        yield "Must be a code, or several with commas"


def _criteria(param: Param, given: dict[str, str]) -> Iterator[Pair]:
    value = given.get(param.name)
    if value is None:
        return
    if param.prefix:
        yield param.code, f"{param.prefix}{value}"
    elif param.target or param.is_reference:
        is_id = references.is_id(value, param.target)
        yield param.code, _escaped(f"{param.target}/{value}" if is_id else value)
    else:
        yield param.code, ",".join(_token(param, code) for code in value.split(","))


def _token(param: Param, code: str) -> str:
    system, bar, bare_code = code.partition("|")
    if not bar:
        bare_code = _escaped(code)
        return f"{param.system}|{bare_code}" if param.system else bare_code
    return f"{_escaped(system)}|{_escaped(bare_code)}"


def _escaped(value: str) -> str:
    return _SPECIAL.sub(r"\\\g<0>", value)


def plain_name(collection: Collection, name: str) -> str:
    """Return the plain name of a FHIR search parameter."""
    plain_names = {param.code: param.name for param in reversed(collection.params)}
    plain_names |= {f"_{control}": control for control in (COUNT, CURSOR, SORT)}
    return plain_names.get(name.partition(":")[0], name)
