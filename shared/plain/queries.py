"""Translation of plain-JSON queries into FHIR searches."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from shared.errors import Invalid, Issue
from shared.fhir import references
from shared.plain.collection import Collection
from shared.plain.parameters import COUNT, CURSOR, SORT, Param
from shared.plain.validation import issues

type Pair = tuple[str, str]

# The characters that have to be escaped in the value of a search parameter.
_SPECIAL = re.compile(r"[\\$|,]")


def to_fhir(collection: Collection, query: Sequence[Pair]) -> list[Pair]:
    """Return the FHIR search of a collection's query.

    Raises Invalid naming each parameter that is wrong.
    """
    given = dict(query)
    problems = [*_repeated(query), *issues(collection.query, given, lambda name: str(name[0]))]
    if problems:
        places = {name: place for place, name in enumerate(given)}
        raise Invalid(issues=sorted(problems, key=lambda issue: places[issue.expression]))
    search = [pair for param in collection.params for pair in _criteria(param, given)]
    if collection.narrowing.isdisjoint(given):
        search = [*collection.all, *search]
    if SORT in given:
        search.append(("_sort", given[SORT].replace("date", collection.date)))
    return search + [(f"_{name}", given[name]) for name in (COUNT, CURSOR) if name in given]


def _repeated(query: Sequence[Pair]) -> Iterator[Issue]:
    for name, number in Counter(name for name, _ in query).items():
        if number > 1:
            yield Issue("invalid", "This parameter must not be repeated", name)


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
