"""Extract the values of a search parameter from a resource, as typed values.

The paths are the part of FHIRPath that R4's expressions for these types use:
https://hl7.org/fhir/R4/search.html#table
"""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, tzinfo
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from shared.catalog.parameters import CHOICES, SearchParam
from shared.fhir import instants, references
from shared.fhir.elements import elements_at
from shared.fhir.fhirjson import Resource
from shared.fhir.instants import ALWAYS, Range

CONTACT_POINT, INSTANT = "ContactPoint", "instant"
# The national prefix and the code of the country, which not everybody writes, come before these.
_ENDING_DIGITS = 7
# From the first digit to the last before a letter or mark, as of an extension.
_NUMBER = re.compile(r"\d(?:[^\w;,#]*\d)*")
CURRENCIES = "urn:iso:std:iso:4217"
# The elements of a HumanName or Address that are strings.
_PARTS = (
    *("text", "family", "given", "prefix", "suffix"),
    *("line", "city", "district", "state", "postalCode", "country"),
)
_STEP = re.compile(r"\.(?P<name>\w+)(?:\.(?:ofType|as)\((?P<type>\w+)\))?", re.ASCII)
_EXPRESSION = re.compile(
    rf"(?P<type>\w+)(?P<path>(?:{re.sub(r'\?P<\w+>', '?:', _STEP.pattern)})+?)"
    r"(?:\.where\((?:resolve\(\) is (?P<only>\w+)|(?P<having>\w+)='(?P<value>[\w-]+)')\))?",
    re.ASCII,
)
# A part in parentheses, in which `as` may select the type of a choice.
_GROUP = re.compile(
    r"^\((?P<path>[\w.]+(?:\(\w+\))?)(?: as (?P<type>\w+))?\)(?P<rest>.*)", re.ASCII
)
_EXISTS = re.compile(r"(?P<path>[\w.]+)\.exists\(\) and (?P=path) != false", re.ASCII)


class Path(NamedTuple):
    """A path of an expression: the properties along it, and conditions on the elements at its end.

    `only` is the type that references must have, `where` a property and the value it must have.
    `exists` only asks whether there is an element other than false. `kind` is the data type, if the
    path selects one of a choice.
    """

    names: tuple[str, ...]
    only: str = ""
    where: tuple[str, str] | None = None
    exists: bool = False
    kind: str = ""


class Token(NamedTuple):
    """A code and its system, either of which may be empty. An Identifier may also have types."""

    system: str
    code: str
    text: str = ""
    identifier_types: tuple[tuple[str, str], ...] = ()


class Reference(NamedTuple):
    """A reference: relative where it is one of this server, else as written.

    `text` is empty for one that only has an identifier; `version` is that of a reference to one.
    """

    text: str
    type: str = ""
    identifier: Token | None = None
    version: str = ""

    @property
    def is_contained(self) -> bool:
        """Return whether it refers to a contained resource."""
        return self.text.startswith("#")


class Quantity(NamedTuple):
    """A number with its unit, as system and code and as text."""

    value: Decimal
    system: str = ""
    code: str = ""
    unit: str = ""


type Value = Token | Reference | Range | Quantity | str


def parse_path(expression: str) -> Path:
    """Return the path of an expression, or the first path of a union. Raises ValueError."""
    return parse_paths(expression)[0]


@lru_cache(maxsize=1024)
def parse_paths(expression: str) -> tuple[Path, ...]:
    """Return the paths of an expression: several of a union, and of a choice without a type.

    Raises ValueError if the expression uses more of FHIRPath than is supported.
    """
    exists = _EXISTS.fullmatch(expression)
    if exists:
        return tuple(path._replace(exists=True) for path in _paths(exists["path"]))
    return tuple(path for part in expression.split(" | ") for path in _paths(part))


def _paths(expression: str) -> Iterator[Path]:
    match = _EXPRESSION.fullmatch(_GROUP.sub(_ungrouped, expression))
    if match is None:
        raise ValueError(f"{expression} is not a path this index can follow")
    *names, last = (step["name"] + _suffix(step["type"]) for step in _STEP.finditer(match["path"]))
    where = (match["having"], match["value"]) if match["having"] else None
    for kind in CHOICES.get(match["type"] + match["path"], ("",)):
        yield Path((*names, last + _suffix(kind)), match["only"] or "", where, kind=kind)


def _ungrouped(group: "re.Match[str]") -> str:
    kind = f".ofType({group['type']})" if group["type"] else ""
    return group["path"] + kind + group["rest"]


def _suffix(kind: str | None) -> str:
    """Return the name of a type as it ends the JSON property of a choice."""
    return kind[:1].upper() + kind[1:] if kind else ""


def values(resource: Resource, param: SearchParam, zone: tzinfo = UTC) -> list[Value]:
    """Return the values of a parameter; a time without a zone is read in `zone`."""
    if not param.expression:
        return []
    paths = parse_paths(param.expression)
    if paths[0].exists:
        elements = (element for path in paths for element in elements_at(resource, path.names))
        return [Token("", str(any(element is not False for element in elements)).lower())]
    return [
        value
        for path in paths
        if path.names[0] in resource
        for element in elements_at(resource, path.names)
        if element is not None and _has(element, path.where)
        for value in _typed(resource, _reader(param, path)(element, param, zone))
        if not path.only or (isinstance(value, Reference) and value.type == path.only)
    ]


def reference_values(resource: Resource, param: SearchParam, zone: tzinfo = UTC) -> list[Reference]:
    """Return the values of a parameter that are references."""
    return [value for value in values(resource, param, zone) if isinstance(value, Reference)]


def _reader(param: SearchParam, path: Path) -> "_Reader":
    """Return the function that reads the values of a parameter at one of its paths."""
    return _instants if INSTANT in (param.element, path.kind) else _READERS[param.type]


def _typed(resource: Resource, untyped: Iterator[Value]) -> Iterator[Value]:
    """Yield values; a reference to a contained resource gets the type of that resource."""
    for value in untyped:
        if isinstance(value, Reference) and value.is_contained:
            contents = references.contained_types(resource)
            yield value._replace(type=contents.get(value.text[1:], value.type))
        else:
            yield value


def _has(element: Any, where: tuple[str, str] | None) -> bool:
    """Return whether a property of an element has the value that an expression asks for."""
    return not where or (isinstance(element, dict) and element.get(where[0]) == where[1])


def _tokens(element: Any, param: SearchParam, _: tzinfo) -> Iterator[Token]:
    """Read a code, boolean, Coding, CodeableConcept, Identifier or ContactPoint."""
    if isinstance(element, bool):
        yield Token("", str(element).lower())
    elif isinstance(element, str):
        yield Token(param.system, element)
    elif param.element == CONTACT_POINT:
        if text := normalize_contact(element.get("value", ""), param):
            yield Token("", text)
    elif "value" in element:
        yield _identifier(element)
    elif "coding" in element or "text" in element:
        codings = elements_at(element, ("coding",))
        yield from (_coding(coding) for coding in codings if coding is not None)
        if "text" in element:
            yield Token("", "", element["text"])
    else:
        yield _coding(element)


def normalize_contact(text: str, param: SearchParam) -> str:
    """Return a telephone number or e-mail address in the form in which a parameter compares it.

    Case does not matter. A space at the beginning is an unescaped plus of a URL.
    """
    return phone_ending(text) if param.by_ending else re.sub("^ ", "+", text).lower()


def phone_ending(text: str) -> str:
    """Return the last digits of a telephone number, however it is written; all of a short one."""
    number = _NUMBER.search(text)
    digits = (letter for letter in number[0] if letter.isdecimal()) if number else ()
    return "".join(str(int(digit)) for digit in digits)[-_ENDING_DIGITS:]


def _coding(element: Resource) -> Token:
    return Token(element.get("system", ""), element.get("code", ""), element.get("display", ""))


def _identifier(element: Resource) -> Token:
    types = tuple(
        (coding.get("system", ""), coding.get("code", ""))
        for coding in elements_at(element, ("type", "coding"))
        if coding is not None
    )
    text = next(iter(elements_at(element, ("type", "text"))), "")
    return Token(element.get("system", ""), element.get("value", ""), text, types)


def parse_reference(text: str) -> Reference:
    """Return a reference as it is indexed: one to this server is relative, without its version."""
    parsed = references.parse(text)
    if isinstance(parsed, references.Local):
        return Reference(str(parsed.target), parsed.type, version=parsed.version)
    return Reference(text, parsed.type if parsed else "")


def _references(element: Any, _param: SearchParam, _: tzinfo) -> Iterator[Reference]:
    """Read a Reference or canonical; a Reference with a display only refers to nothing."""
    if isinstance(element, str):
        yield parse_reference(element)
        return
    identifier = element.get("identifier")
    reference = parse_reference(element.get("reference", ""))
    if identifier or (reference.text and not reference.type):
        yield reference._replace(
            type=reference.type or references.declared_type(element),
            identifier=_identifier(identifier) if identifier else None,
        )
    elif reference.text:
        yield reference


def _instants(element: Any, _: SearchParam, zone: tzinfo) -> Iterator[Range]:
    """Read an instant."""
    yield instants.parse_instant(element, zone)


def _ranges(element: Any, _: SearchParam, zone: tzinfo) -> Iterator[Range]:
    """Read a date, dateTime, Period or Timing; a Period without bounds has no value."""
    if isinstance(element, str):
        yield instants.parse(element, zone)
    else:
        limits = _limits(element, zone) or instants.period_range(element, zone)
        if limits != ALWAYS:
            yield limits


def _limits(element: Resource, zone: tzinfo) -> Range | None:
    """Return the outer limits of a Timing, all that searches use of it; None for other types."""
    periods = elements_at(element, ("repeat", "boundsPeriod"))
    events = filter(None, elements_at(element, ("event",)))
    ranges = [
        *(instants.period_range(period, zone) for period in periods),
        *(instants.parse(event, zone) for event in events),
    ]
    return Range(min(low for low, _ in ranges), max(high for _, high in ranges)) if ranges else None


def _quantities(element: Any, _param: SearchParam, _: tzinfo) -> Iterator[Quantity]:
    """Read a Quantity or Money; a Range or SampledData has no value that is searched."""
    value, get = element.get("value"), element.get
    if value is not None:
        number = value if isinstance(value, Decimal) else Decimal(str(value))
        if "currency" in element:
            yield Quantity(number, CURRENCIES, element["currency"], element["currency"])
        else:
            yield Quantity(number, get("system", ""), get("code", ""), get("unit", ""))


def _strings(element: Any, _param: SearchParam, _: tzinfo) -> Iterator[str]:
    """Read a string or uri, or every string of a HumanName or Address except its codes."""
    if isinstance(element, str):
        yield element
    else:
        yield from (text for part in _PARTS for text in elements_at(element, (part,)) if text)


type _Reader = Callable[[Any, SearchParam, tzinfo], Iterator[Value]]

_READERS: dict[str, _Reader] = {
    "token": _tokens,
    "reference": _references,
    "date": _ranges,
    "quantity": _quantities,
    "string": _strings,
    "uri": _strings,
}
