"""The values of each search parameter of a resource, by R4's text, without the service's code.

https://hl7.org/fhir/R4/encounter.html#search and https://hl7.org/fhir/R4/communication.html#search
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

type Resource = dict[str, Any]
# The first and the last nanosecond since 1970. An open bound of a Period is infinite.
type Time = tuple[float, float]

BASE = "https://fhir.example.org/fhir/R4"
ZONE = ZoneInfo("Europe/Berlin")
# The time of the searches. The resources are of the 500 days from June 2025 on.
NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)
ALWAYS: Time = (-float("inf"), float("inf"))
SECOND = 10**9


@dataclass(frozen=True)
class Coded:
    """A Coding, code or Identifier. `kinds` has the codings of an Identifier's type."""

    system: str = ""
    code: str = ""
    text: str = ""
    kinds: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Link:
    """A reference, relative if it is to this server, and its identifier."""

    to: str
    type: str
    identifier: Coded | None = None


@dataclass(frozen=True)
class Measure:
    number: Decimal
    system: str
    code: str
    unit: str


class Instant(str):
    """A time that is a point, in whatever precision it is written."""

    __slots__ = ()


def time(text: str) -> Time:
    """Return the interval that a date or time covers. Without a zone it is local.

    https://hl7.org/fhir/R4/search.html#date: an instant is a fixed point in time, and so is any
    time with a fraction.
    """
    day, _, clock = text.partition("T")
    numbers = [int(part) for part in day.split("-")]
    if not clock:
        return _calendar(numbers)
    zone = re.search(r"(Z|[+-]\d\d:\d\d)$", clock)
    local = _offset(zone[1]) if zone else ZONE
    whole, _, fraction = clock.removesuffix(zone[1] if zone else "").partition(".")
    parts = [int(part) for part in whole.split(":")]
    low = _instant((*numbers, *parts), local)
    if fraction or isinstance(text, Instant):
        point = low + int(Decimal(f"0.{fraction or 0}") * SECOND)
        return point, point
    return low, low + (SECOND if len(parts) == 3 else 60 * SECOND) - 1


def _calendar(numbers: list[int]) -> Time:
    year, month, day = (*numbers, 1, 1)[:3]
    following = {
        1: (year + 1, 1, 1),
        2: (year + month // 12, month % 12 + 1, 1),
        3: (datetime(year, month, day, tzinfo=UTC) + timedelta(days=1)).timetuple()[:3],
    }[len(numbers)]
    return _instant((year, month, day), ZONE), _instant(following, ZONE) - 1


def _instant(numbers: tuple[int, ...], zone: tzinfo) -> int:
    year, month, day, hour, minute, second = (*numbers, 0, 0, 0)[:6]
    begin = datetime(year, month, day, hour, minute, second, tzinfo=zone)
    return round(begin.timestamp()) * SECOND


def _offset(text: str) -> timezone:
    if text == "Z":
        return UTC
    sign = -1 if text[0] == "-" else 1
    return timezone(sign * timedelta(hours=int(text[1:3]), minutes=int(text[4:])))


def many(element: Any) -> list[Any]:
    if element is None:
        return []
    return element if isinstance(element, list) else [element]


def at(resource: Resource, path: str) -> list[Any]:
    elements: list[Any] = [resource]
    for name in path.split("."):
        elements = [child for parent in elements for child in many(parent.get(name))]
    return elements


def coding(path: str) -> Callable[[Resource], list[Coded]]:
    return lambda resource: [coding_of(element) for element in at(resource, path)]


def coding_of(part: Resource) -> Coded:
    return Coded(part.get("system", ""), part.get("code", ""), part.get("display", ""))


def concept(path: str) -> Callable[[Resource], list[Coded]]:
    def read(resource: Resource) -> list[Coded]:
        concepts = at(resource, path)
        codings = [coding_of(part) for element in concepts for part in element.get("coding", ())]
        return codings + [Coded(text=element["text"]) for element in concepts if "text" in element]

    return read


def code(path: str, system: str = "") -> Callable[[Resource], list[Coded]]:
    return lambda resource: [Coded(system, text) for text in at(resource, path)]


def identifier(resource: Resource) -> list[Coded]:
    return [identifier_of(element) for element in resource.get("identifier", ())]


def identifier_of(element: Resource) -> Coded:
    kind = element.get("type", {})
    kinds = tuple((part["system"], part["code"]) for part in kind.get("coding", ()))
    return Coded(element.get("system", ""), element["value"], kind.get("text", ""), kinds)


def link(path: str, only: str = "") -> Callable[[Resource], list[Link]]:
    def read(resource: Resource) -> list[Link]:
        links = [link_of(element) for element in at(resource, path)]
        return [element for element in links if element and only in ("", element.type)]

    return read


def link_of(value: Any) -> Link | None:
    element: Resource = {"reference": value} if isinstance(value, str) else value
    to = here(element.get("reference", ""))
    named = re.search(r"(?:^|/)([A-Z]\w+)/[^/|]+$", to)
    identified = element.get("identifier")
    if not to and not identified:
        return None
    kind = named[1] if named else element.get("type", "")
    return Link(to, kind, identifier_of(identified) if identified else None)


def here(reference: str) -> str:
    """Return a reference to this server as relative and without a version, others unchanged."""
    relative = reference.removeprefix(BASE + "/")
    return relative if "://" in relative else relative.partition("/_history/")[0]


def times(path: str) -> Callable[[Resource], list[Time]]:
    def read(resource: Resource) -> list[Time]:
        intervals = [time_of(element) for element in at(resource, path)]
        return [element for element in intervals if element != ALWAYS]

    return read


def time_of(value: Any) -> Time:
    if isinstance(value, str):
        return time(value)
    low = time(value["start"])[0] if "start" in value else ALWAYS[0]
    high = time(value["end"])[1] if "end" in value else ALWAYS[1]
    return low, high


def measure(path: str) -> Callable[[Resource], list[Measure]]:
    return lambda resource: [
        Measure(
            Decimal(str(quantity["value"])),
            quantity.get("system", ""),
            quantity.get("code", ""),
            quantity.get("unit", ""),
        )
        for quantity in at(resource, path)
    ]


def uri(path: str) -> Callable[[Resource], list[str]]:
    return lambda resource: at(resource, path)


type Reader = Callable[[Resource], list[Any]]
FHIR = "http://hl7.org/fhir"
COMMON: dict[str, tuple[str, Reader]] = {
    "_id": ("token", code("id")),
    "_lastUpdated": ("date", times("meta.lastUpdated")),
    "_profile": ("uri", uri("meta.profile")),
    "_security": ("token", coding("meta.security")),
    "_source": ("uri", uri("meta.source")),
    "_tag": ("token", coding("meta.tag")),
    "identifier": ("token", identifier),
    "patient": ("reference", link("subject", "Patient")),
    "subject": ("reference", link("subject")),
    "based-on": ("reference", link("basedOn")),
    "part-of": ("reference", link("partOf")),
}
READERS: dict[str, dict[str, tuple[str, Reader]]] = {
    "Encounter": COMMON
    | {
        "account": ("reference", link("account")),
        "appointment": ("reference", link("appointment")),
        "class": ("token", coding("class")),
        "date": ("date", times("period")),
        "diagnosis": ("reference", link("diagnosis.condition")),
        "episode-of-care": ("reference", link("episodeOfCare")),
        "length": ("quantity", measure("length")),
        "location": ("reference", link("location.location")),
        "location-period": ("date", times("location.period")),
        "participant": ("reference", link("participant.individual")),
        "participant-type": ("token", concept("participant.type")),
        "practitioner": ("reference", link("participant.individual", "Practitioner")),
        "reason-code": ("token", concept("reasonCode")),
        "reason-reference": ("reference", link("reasonReference")),
        "service-provider": ("reference", link("serviceProvider")),
        "special-arrangement": ("token", concept("hospitalization.specialArrangement")),
        "status": ("token", code("status", f"{FHIR}/encounter-status")),
        "type": ("token", concept("type")),
    },
    "Communication": COMMON
    | {
        "category": ("token", concept("category")),
        "encounter": ("reference", link("encounter")),
        "instantiates-canonical": ("reference", link("instantiatesCanonical")),
        "instantiates-uri": ("uri", uri("instantiatesUri")),
        "medium": ("token", concept("medium")),
        "priority": ("token", code("priority", f"{FHIR}/request-priority")),
        "received": ("date", times("received")),
        "recipient": ("reference", link("recipient")),
        "sender": ("reference", link("sender")),
        "sent": ("date", times("sent")),
        "status": ("token", code("status", f"{FHIR}/event-status")),
        "topic": ("token", concept("topic")),
    },
}
