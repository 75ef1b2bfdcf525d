"""R4's invariants of data types with severity error, as functions by key.

Each returns whether an element satisfies it. An element of the wrong shape is reported elsewhere
and satisfies every invariant. definitions/core.json says which type has which invariants.
https://hl7.org/fhir/R4/conformance-rules.html#constraints
"""

from collections.abc import Callable
from datetime import tzinfo
from decimal import Decimal
from typing import Any, NamedTuple

from shared.catalog.code_systems import UCUM
from shared.fhir import instants
from shared.fhir.validation import narrative

_MEALS = frozenset({"C", "CM", "CD", "CV"})
Object = dict[str, Any]


class Context(NamedTuple):
    """The surroundings of an element: the ids that a `#fragment` may name, and the time zone."""

    fragments: frozenset[str]
    zone: tzinfo


Invariant = Callable[[Object, Context], bool]


def _has(element: Object, name: str) -> bool:
    """Return whether an element exists, with a value or with extensions only."""
    return name in element or f"_{name}" in element


def _has_choice(element: Object, stem: str) -> bool:
    """Return whether a choice exists in one of its types (`valueString` for `value`)."""
    size = len(stem)
    names = (name.removeprefix("_") for name in element)
    return any(name.startswith(stem) and name[size : size + 1].isupper() for name in names)


def _number(element: object) -> int | Decimal | None:
    value = element.get("value") if isinstance(element, dict) else None
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    return value


def _needs(name: str, other: str) -> Invariant:
    """Return the invariant that an element needs another one beside it."""
    return lambda element, _: not _has(element, name) or _has(element, other)


def _one_of(name: str, other: str) -> Invariant:
    """Return the invariant that exactly one of two elements exists."""
    return lambda element, _: _has(element, name) != _has(element, other)


def _not_negative(name: str) -> Invariant:
    return lambda element, _: (_number({"value": element.get(name)}) or 0) >= 0


def _extension(element: Object, _: Context) -> bool:
    return ("extension" in element) != _has_choice(element, "value")


def _measured(element: Object, _: Context) -> bool:
    """Return whether a value has a code, in UCUM if it names a system."""
    is_coded = _has(element, "code") or not _has(element, "value")
    return is_coded and element.get("system", UCUM) == UCUM


def _age(element: Object, context: Context) -> bool:
    value = _number(element)
    return _measured(element, context) and (value is None or value > 0)


def _count(element: Object, context: Context) -> bool:
    is_whole = "." not in str(getattr(element.get("value"), "text", element.get("value")))
    return _measured(element, context) and element.get("code", "1") == "1" and is_whole


def _duration(element: Object, _: Context) -> bool:
    if not _has(element, "code"):
        return True
    return element.get("system") == UCUM and _has(element, "value")


def _period(element: Object, context: Context) -> bool:
    """Return whether the latest instant of the end is not before the earliest of the start."""
    start, end = element.get("start"), element.get("end")
    if not isinstance(start, str) or not isinstance(end, str):
        return True
    try:
        latest = instants.parse(end, context.zone).high - 1
        return latest >= instants.parse(start, context.zone).low
    except (ValueError, OverflowError):
        return True


def _range(element: Object, _: Context) -> bool:
    low, high = element.get("low", {}), element.get("high", {})
    least, most = _number(low), _number(high)
    if least is None or most is None:
        return True
    return least <= most or _unit(low) != _unit(high)


def _unit(quantity: Object) -> tuple[object, ...]:
    """Return the unit of a quantity: its coded unit, or its unit for people if there is no code."""
    if _has(quantity, "code"):
        return quantity.get("system"), quantity.get("code")
    return (quantity.get("unit"),)


def _ratio(element: Object, _: Context) -> bool:
    numerator, denominator = "numerator" in element, "denominator" in element
    return numerator == denominator and (numerator or "extension" in element)


def _reference(element: Object, context: Context) -> bool:
    text = element.get("reference")
    return not isinstance(text, str) or text[:1] != "#" or text[1:] in context.fragments


def _meal(element: Object, _: Context) -> bool:
    when = element.get("when")
    if not _has(element, "offset"):
        return True
    return isinstance(when, list) and not any(
        code in _MEALS for code in when if isinstance(code, str)
    )


def _trigger(element: Object, _: Context) -> bool:
    kind = element.get("type")
    if kind == "named-event":
        return _has(element, "name")
    if kind == "periodic":
        return _has_choice(element, "timing")
    return not (isinstance(kind, str) and kind.startswith("data-")) or "data" in element


def _div(check: Callable[[str], bool]) -> Invariant:
    def holds(element: Object, _: Context) -> bool:
        div = element.get("div")
        return not isinstance(div, str) or check(div)

    return holds


INVARIANTS: dict[str, Invariant] = {
    "age-1": _age,
    "att-1": _needs("data", "contentType"),
    "cnt-3": _count,
    "cpt-2": _needs("value", "system"),
    "dis-1": _measured,
    "drq-1": _one_of("path", "searchParam"),
    "drq-2": _one_of("path", "searchParam"),
    "drt-1": _duration,
    "exp-1": lambda element, _: _has(element, "expression") or _has(element, "reference"),
    "ext-1": _extension,
    "per-1": _period,
    "qty-3": _needs("code", "system"),
    "rat-1": _ratio,
    "ref-1": _reference,
    "rng-2": _range,
    "sqty-1": lambda element, _: not _has(element, "comparator"),
    "tim-1": _needs("duration", "durationUnit"),
    "tim-2": _needs("period", "periodUnit"),
    "tim-4": _not_negative("duration"),
    "tim-5": _not_negative("period"),
    "tim-6": _needs("periodMax", "period"),
    "tim-7": _needs("durationMax", "duration"),
    "tim-8": _needs("countMax", "count"),
    "tim-9": _meal,
    "tim-10": lambda element, _: not (_has(element, "timeOfDay") and _has(element, "when")),
    "trd-1": lambda element, _: not ("data" in element and _has_choice(element, "timing")),
    "trd-2": lambda element, _: "condition" not in element or "data" in element,
    "trd-3": _trigger,
    "txt-1": _div(narrative.is_plain),
    "txt-2": _div(narrative.has_content),
}


# DomainResource's invariants about what it contains. They are checked on each contained resource,
# so that the issue can name it. The second argument says whether the contained resource is referred
# to, or refers to the resource that contains it.
CONTAINED_INVARIANTS: dict[str, Callable[[Object, bool], bool]] = {
    "dom-2": lambda element, _: "contained" not in element,
    "dom-3": lambda element, is_linked: is_linked or "id" not in element,
    "dom-4": lambda element, _: not {"versionId", "lastUpdated"} & _meta(element),
    "dom-5": lambda element, _: "security" not in _meta(element),
}


def _meta(resource: Object) -> set[str]:
    meta = resource.get("meta")
    return {name.removeprefix("_") for name in meta} if isinstance(meta, dict) else set()
