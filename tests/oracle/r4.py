"""The values of a resource by R4's own definitions of search parameters, followed literally.

https://hl7.org/fhir/R4/searchparameter-registry.html
"""

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from shared.fhir.validation.schema import Element, type_named
from tests.oracle.values import (
    ALWAYS,
    COMMON,
    FHIR,
    Coded,
    Instant,
    Measure,
    Reader,
    Resource,
    Time,
    coding_of,
    identifier_of,
    link_of,
    many,
    time,
    time_of,
)

FIXTURE = Path(__file__).parents[1] / "fixtures/r4-search-parameters/search-parameters.json"
# Unsupported parameters: phonetic ones, distances, composites and numbers.
NOT_SEARCHED = {"composite", "number", "special"}
SYSTEMS = {
    "gender": "administrative-gender",
    "address-use": "address-use",
    "priority": "request-priority",
    "part-status": "participationstatus",
    "relation": "document-relationship-type",
    "Location?status": "location-status",
    "Group?type": "group-type",
    "CareTeam?status": "care-team-status",
    "Appointment?status": "appointmentstatus",
    "Observation?status": "observation-status",
    "Procedure?status": "event-status",
    "DocumentReference?status": "document-reference-status",
    "ClinicalImpression?status": "event-status",
    "MedicationRequest?status": "CodeSystem/medicationrequest-status",
    "MedicationRequest?intent": "CodeSystem/medicationrequest-intent",
    "ServiceRequest?status": "request-status",
    "ServiceRequest?intent": "request-intent",
    "QuestionnaireResponse?status": "questionnaire-answers-status",
    "Task?status": "task-status",
    "Task?intent": "request-intent",
}
OTHER_SYSTEMS = {"contenttype": "urn:ietf:bcp:13", "language": "urn:ietf:bcp:47"}
# The types of a choice that hold a date or time.
DATES = {"DateTime", "Period", "Timing", "Instant"}
NUMBERS = {"phone", "sms"}
STEP = re.compile(r"\.(ofType\(\w+\)|where\(resolve\(\) is \w+\)|where\(\w+='\w+'\)|\w+)")
STRINGS = ["text", "family", "given", "prefix", "suffix", "line", "city", "district", "state"]
STRINGS += ["postalCode", "country"]


class Defined(NamedTuple):
    """A parameter: the parts of its expression, each as a list of steps."""

    code: str
    type: str
    parts: list[list[str]]
    targets: list[str]
    only_whether: bool


@cache
def defined(kind: str) -> dict[str, Defined]:
    parameters = {}
    for definition in json.loads(FIXTURE.read_text()):
        of_type = {kind, "Resource"} & {*definition["base"]}
        if of_type and definition["type"] not in NOT_SEARCHED and definition["code"] != "phonetic":
            text, _, whether = definition["expression"].partition(".exists() and ")
            texts = [part.strip("( ") for part in text.split(" | ")]
            parameters[definition["code"]] = Defined(
                definition["code"],
                definition["type"],
                [STEP.findall(part) for part in texts if part.split(".")[0] in of_type],
                definition.get("target", []),
                bool(whether),
            )
    return parameters


def follow(element: Any, steps: list[str], kind: str) -> Iterator[Any]:
    """Yield the values that steps lead to. For dates, an untyped choice is one of a date type."""
    if not steps:
        yield element
        return
    name, *rest = steps
    if rest and rest[0].startswith("ofType"):
        chosen_type = rest.pop(0)[7:-1]
        name += chosen_type[0].upper() + chosen_type[1:]
    condition = rest.pop(0)[6:-1] if rest and rest[0].startswith("where") else ""
    for property_name in [name] if rest or name in element else choices(element, name, kind):
        for child in many(element.get(property_name)):
            if not condition or holds(child, condition):
                is_instant = property_name.removeprefix(name) == "Instant"
                yield from follow(Instant(child) if is_instant else child, rest, kind)


def choices(element: Resource, name: str, kind: str) -> list[str]:
    properties = [
        property_name
        for property_name in element
        if re.fullmatch(rf"{name}[A-Z]\w+", property_name)
    ]
    return [
        property_name
        for property_name in properties
        if kind != "date" or property_name.removeprefix(name) in DATES
    ]


def holds(element: Resource, condition: str) -> bool:
    having, _, value = condition.partition("=")
    if value:
        return bool(element.get(having) == value.strip("'"))
    link = link_of(element)
    return link is not None and link.type == condition.rpartition(" ")[2]


def leaf(kind: str, steps: list[str]) -> Element:
    """Return the element that steps lead to."""
    name, element = kind, None
    plain = [candidate for candidate in steps if not candidate.startswith("where")]
    for number, step in enumerate(plain):
        if step.startswith("ofType"):
            continue
        following = plain[number + 1] if number + 1 < len(plain) else ""
        chosen_type = following[7:-1] if following.startswith("ofType") else ""
        elements = type_named(name).elements
        element = elements.get(step + chosen_type[:1].upper() + chosen_type[1:]) or next(
            candidate for key, candidate in elements.items() if candidate.choice == step
        )
        name = element.type
    assert element
    return element


@cache
def flavour(kind: str, code: str) -> str:
    """Return how a parameter is searched: by its type, or for some tokens by one without a text."""
    param = defined(kind)[code]
    if param.type == "token":
        element_type = leaf(kind, param.parts[0]).type
        return {"ContactPoint": "contact", "CodeableConcept": "token", "Coding": "token"}.get(
            element_type, "token" if element_type == "Identifier" else "code"
        )
    return param.type


def reader(kind: str, code: str) -> Reader:
    param = defined(kind)[code]

    is_instant = param.type == "date" and all(
        leaf(kind, steps).type == "instant" for steps in param.parts
    )

    def read(resource: Resource) -> list[Any]:
        elements = [
            element for steps in param.parts for element in follow(resource, [*steps], param.type)
        ]
        elements = [Instant(element) for element in elements] if is_instant else elements
        if param.only_whether:
            return [Coded(code=str(any(element is not False for element in elements)).lower())]
        return [value for element in elements for value in _values(kind, param, element)]

    return read


def _values(kind: str, param: Defined, element: Any) -> Iterator[Any]:
    match param.type:
        case "token":
            yield from _coded(kind, param, element)
        case "reference":
            link = link_of(element)
            if link:
                yield link
        case "date":
            interval = _when(element)
            if interval and interval != ALWAYS:
                yield interval
        case "quantity":
            yield from _measured(element)
        case "string":
            yield from [element] if isinstance(element, str) else _parts(element)
        case "uri":
            yield element


def _coded(kind: str, param: Defined, element: Any) -> Iterator[Coded]:
    if isinstance(element, bool):
        yield Coded(code=str(element).lower())
    elif isinstance(element, str):
        of_type, of_all = SYSTEMS.get(f"{kind}?{param.code}"), SYSTEMS.get(param.code)
        name = of_type or of_all
        is_code = leaf(kind, param.parts[0]).type == "code"
        system = f"{FHIR}/{name}" if name else OTHER_SYSTEMS.get(param.code, "")
        yield Coded(system if is_code else "", element)
    elif flavour(kind, param.code) == "contact":
        yield Coded(code=element["value"].lower())
    elif "coding" in element or "text" in element:
        yield from map(coding_of, element.get("coding", ()))
        if "text" in element:
            yield Coded(text=element["text"])
    else:
        yield identifier_of(element) if "value" in element else coding_of(element)


def _when(element: Any) -> Time | None:
    if not isinstance(element, dict) or not {"event", "repeat"} & element.keys():
        return time_of(element)
    limits = [time(part) for part in element.get("event", ())]
    limits += [time_of(part) for part in many(element.get("repeat", {}).get("boundsPeriod"))]
    return (min(low for low, _ in limits), max(high for _, high in limits)) if limits else None


def _measured(element: Resource) -> Iterator[Measure]:
    if "currency" in element:
        money = element["currency"]
        yield Measure(Decimal(str(element["value"])), "urn:iso:std:iso:4217", money, money)
    elif "value" in element:
        names = (element.get(name, "") for name in ("system", "code", "unit"))
        yield Measure(Decimal(str(element["value"])), *names)


def _parts(element: Resource) -> list[str]:
    return [text for part in STRINGS for text in many(element.get(part))]


def readers(kind: str) -> dict[str, tuple[str, Reader]]:
    """Return how each parameter of a type is searched, and a reader of its values."""
    codes = (code for code in defined(kind) if not code.startswith("_"))
    common = {code: row for code, row in COMMON.items() if code.startswith("_")}
    is_contact = kind in ("Patient", "RelatedPerson")
    own = {"phone-ending": ("contact", phone_endings)} if is_contact else {}
    return common | own | {code: (flavour(kind, code), reader(kind, code)) for code in codes}


def phone_endings(resource: Resource) -> list[Any]:
    """Read the one parameter of people that is this server's own."""
    numbers = [point for point in many(resource.get("telecom")) if point["system"] in NUMBERS]
    # An extension follows a comma or semicolon.
    texts = [re.sub("[^0-9]", "", re.split("[,;]", point["value"])[0]) for point in numbers]
    return [Coded(code=text[-7:]) for text in texts if text]
