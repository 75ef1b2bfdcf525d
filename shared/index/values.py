"""What a resource says for a search parameter, as typed values.

The paths are the part of FHIRPath that R4's expressions for these types use:
https://hl7.org/fhir/R4/search.html#table
"""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, tzinfo
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from shared import instants, references
from shared.catalog.parameters import SearchParam
from shared.instants import ALWAYS, Range

type Resource = dict[str, Any]

_EXPRESSION = re.compile(
    r"(?P<type>\w+)(?P<path>(?:\.\w+)+?)(?:\.where\(resolve\(\) is (?P<only>\w+)\))?", re.ASCII
)
_TYPE_OF_URL = re.compile(
    r"(?:.*/)?(?P<type>[A-Z][A-Za-z]+)/[A-Za-z0-9.-]{1,64}(?:/_history/[A-Za-z0-9.-]{1,64})?",
    re.ASCII,
)


class Path(NamedTuple):
    """An expression: the elements it goes through, and the one type its references must have."""

    names: tuple[str, ...]
    only: str


class Token(NamedTuple):
    """A code of a system, either of which may be empty; `kinds` are an Identifier's types."""

    system: str
    code: str
    text: str = ""
    kinds: tuple[tuple[str, str], ...] = ()


class Reference(NamedTuple):
    """A reference: relative where it is one of this server, else as written.

    `text` is empty for one that only has an identifier.
    """

    text: str
    type: str = ""
    identifier: Token | None = None


class Quantity(NamedTuple):
    """A number with its unit as system and code, and in words."""

    value: Decimal
    system: str = ""
    code: str = ""
    unit: str = ""


type Value = Token | Reference | Range | Quantity | str


def path(expression: str) -> Path:
    """Read an expression, of a union its first. Raises ValueError where it is not understood."""
    return paths(expression)[0]


@lru_cache(maxsize=256)
def paths(expression: str) -> tuple[Path, ...]:
    """Read an expression that may be a union. Raises ValueError where it is not understood."""
    return tuple(map(_path, expression.split(" | ")))


def _path(expression: str) -> Path:
    match = _EXPRESSION.fullmatch(expression)
    if match is None:
        raise ValueError(f"{expression} is not a path this index can follow")
    return Path(tuple(match["path"][1:].split(".")), match["only"] or "")


def elements(resource: Resource, names: tuple[str, ...]) -> list[Any]:
    """Give the elements at a path, through arrays anywhere."""
    found: list[Any] = [resource]
    for name in names:
        found = [element for parent in found for element in _members(parent, name)]
    return found


def _members(parent: Any, name: str) -> list[Any]:
    element = parent.get(name) if isinstance(parent, dict) else None
    if element is None:
        return []
    return element if isinstance(element, list) else [element]


def values(resource: Resource, param: SearchParam, zone: tzinfo = UTC) -> list[Value]:
    """Give the values of a parameter; a time without a zone is read in `zone`."""
    if not param.expression:
        return []
    read = _READERS[param.type]
    return [
        value
        for names, only in paths(param.expression)
        for element in elements(resource, names)
        if element is not None
        for value in read(element, param, zone)
        if not only or (isinstance(value, Reference) and value.type == only)
    ]


def _tokens(element: Any, param: SearchParam, _: tzinfo) -> Iterator[Token]:
    """Read a code, boolean, Coding, CodeableConcept, Identifier or ContactPoint."""
    if isinstance(element, bool):
        yield Token("", str(element).lower())
    elif isinstance(element, str):
        yield Token(param.system, element)
    elif "value" in element:
        yield _identifier(element)
    elif "coding" in element or "text" in element:
        for coding in _members(element, "coding"):
            if coding is not None:
                yield _coding(coding)
        if "text" in element:
            yield Token("", "", element["text"])
    else:
        yield _coding(element)


def _coding(element: Resource) -> Token:
    get = element.get
    return Token(get("system", ""), get("code", ""), get("display", ""))


def _identifier(element: Resource) -> Token:
    kinds = tuple(
        (coding.get("system", ""), coding.get("code", ""))
        for coding in elements(element, ("type", "coding"))
        if coding is not None
    )
    text = next(iter(elements(element, ("type", "text"))), "")
    return Token(element.get("system", ""), element.get("value", ""), text, kinds)


def canonical(text: str) -> Reference:
    """Write a reference as the index knows it: relative without version where it is one of ours."""
    literal = references.literal(text)
    if literal:
        return Reference(str(literal), literal.type)
    match = _TYPE_OF_URL.fullmatch(text)
    return Reference(text, match["type"] if match else "")


def _references(element: Any, _param: SearchParam, _: tzinfo) -> Iterator[Reference]:
    """Read a Reference or canonical; one that has only a display refers to nothing."""
    if isinstance(element, str):
        yield canonical(element)
        return
    identifier = element.get("identifier")
    known = canonical(element.get("reference", ""))
    if known.text or identifier:
        yield Reference(
            known.text,
            known.type or element.get("type", ""),
            _identifier(identifier) if identifier else None,
        )


def _ranges(element: Any, _: SearchParam, zone: tzinfo) -> Iterator[Range]:
    """Read a date, dateTime, instant or Period; a Period without bounds says nothing."""
    if isinstance(element, str):
        yield instants.parse(element, zone)
    else:
        found = instants.period(element, zone)
        if found != ALWAYS:
            yield found


def _quantities(element: Any, _param: SearchParam, _: tzinfo) -> Iterator[Quantity]:
    value = element.get("value")
    if value is not None:
        number = value if isinstance(value, Decimal) else Decimal(str(value))
        get = element.get
        yield Quantity(number, get("system", ""), get("code", ""), get("unit", ""))


def _strings(element: Any, _param: SearchParam, _: tzinfo) -> Iterator[str]:
    """Read a string or uri, or every string in an element of several."""
    if isinstance(element, str):
        yield element
    elif isinstance(element, dict):
        for part in element.values():
            for text in part if isinstance(part, list) else [part]:
                if isinstance(text, str):
                    yield text


_READERS: dict[str, Callable[[Any, SearchParam, tzinfo], Iterator[Value]]] = {
    "token": _tokens,
    "reference": _references,
    "date": _ranges,
    "quantity": _quantities,
    "string": _strings,
    "uri": _strings,
}
