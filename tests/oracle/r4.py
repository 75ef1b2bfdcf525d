"""What R4's own definitions of search parameters read of a resource, followed word by word.

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
# What is not searched by: how names sound, how far places are, several values as one, numbers.
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
# The types of a choice that say when something was.
DATES = {"DateTime", "Period", "Timing", "Instant"}
STEP = re.compile(r"\.(ofType\(\w+\)|where\(resolve\(\) is \w+\)|where\(\w+='\w+'\)|\w+)")
STRINGS = ["text", "family", "given", "prefix", "suffix", "line", "city", "district", "state"]
STRINGS += ["postalCode", "country"]


class Defined(NamedTuple):
    """A parameter: the parts of its expression, each with the steps it goes."""

    code: str
    type: str
    parts: list[list[str]]
    targets: list[str]
    only_whether: bool


@cache
def defined(kind: str) -> dict[str, Defined]:
    found = {}
    for one in json.loads(FIXTURE.read_text()):
        of_type = {kind, "Resource"} & {*one["base"]}
        if of_type and one["type"] not in NOT_SEARCHED and one["code"] != "phonetic":
            text, _, whether = one["expression"].partition(".exists() and ")
            texts = [part.strip("( ") for part in text.split(" | ")]
            found[one["code"]] = Defined(
                one["code"],
                one["type"],
                [STEP.findall(part) for part in texts if part.split(".")[0] in of_type],
                one.get("target", []),
                bool(whether),
            )
    return found


def follow(element: Any, steps: list[str], kind: str) -> Iterator[Any]:
    """What steps lead to; a choice without a type is whatever says when, for dates."""
    if not steps:
        yield element
        return
    name, *rest = steps
    if rest and rest[0].startswith("ofType"):
        of = rest.pop(0)[7:-1]
        name += of[0].upper() + of[1:]
    condition = rest.pop(0)[6:-1] if rest and rest[0].startswith("where") else ""
    for each in [name] if rest or name in element else choices(element, name, kind):
        for one in many(element.get(each)):
            if not condition or holds(one, condition):
                is_instant = each.removeprefix(name) == "Instant"
                yield from follow(Instant(one) if is_instant else one, rest, kind)


def choices(element: Resource, name: str, kind: str) -> list[str]:
    found = [each for each in element if re.fullmatch(rf"{name}[A-Z]\w+", each)]
    return [each for each in found if kind != "date" or each.removeprefix(name) in DATES]


def holds(one: Resource, condition: str) -> bool:
    having, _, value = condition.partition("=")
    if value:
        return bool(one.get(having) == value.strip("'"))
    link = link_of(one)
    return link is not None and link.type == condition.rpartition(" ")[2]


def leaf(kind: str, steps: list[str]) -> Element:
    """The element that steps lead to."""
    name, found = kind, None
    plain = [one for one in steps if not one.startswith("where")]
    for number, step in enumerate(plain):
        if step.startswith("ofType"):
            continue
        following = plain[number + 1] if number + 1 < len(plain) else ""
        of = following[7:-1] if following.startswith("ofType") else ""
        elements = type_named(name).elements
        found = elements.get(step + of[:1].upper() + of[1:]) or next(
            one for key, one in elements.items() if one.choice == step
        )
        name = found.type
    assert found
    return found


@cache
def flavour(kind: str, code: str) -> str:
    """How a parameter is asked for: its type, but for tokens that have no text."""
    param = defined(kind)[code]
    if param.type == "token":
        of = leaf(kind, param.parts[0]).type
        return {"ContactPoint": "contact", "CodeableConcept": "token", "Coding": "token"}.get(
            of, "token" if of == "Identifier" else "code"
        )
    return param.type


def reader(kind: str, code: str) -> Reader:
    param = defined(kind)[code]

    is_instant = param.type == "date" and all(
        leaf(kind, steps).type == "instant" for steps in param.parts
    )

    def read(resource: Resource) -> list[Any]:
        found = [one for steps in param.parts for one in follow(resource, [*steps], param.type)]
        found = [Instant(one) for one in found] if is_instant else found
        if param.only_whether:
            return [Coded(code=str(any(one is not False for one in found)).lower())]
        return [value for one in found for value in _values(kind, param, one)]

    return read


def _values(kind: str, param: Defined, one: Any) -> Iterator[Any]:
    match param.type:
        case "token":
            yield from _coded(kind, param, one)
        case "reference":
            link = link_of(one)
            if link:
                yield link
        case "date":
            when = _when(one)
            if when and when != ALWAYS:
                yield when
        case "quantity":
            yield from _measured(one)
        case "string":
            yield from [one] if isinstance(one, str) else _parts(one)
        case "uri":
            yield one


def _coded(kind: str, param: Defined, one: Any) -> Iterator[Coded]:
    if isinstance(one, bool):
        yield Coded(code=str(one).lower())
    elif isinstance(one, str):
        of_type, of_all = SYSTEMS.get(f"{kind}?{param.code}"), SYSTEMS.get(param.code)
        name = of_type or of_all
        is_code = leaf(kind, param.parts[0]).type == "code"
        system = f"{FHIR}/{name}" if name else OTHER_SYSTEMS.get(param.code, "")
        yield Coded(system if is_code else "", one)
    elif flavour(kind, param.code) == "contact":
        yield Coded(code=one["value"].lower())
    elif "coding" in one or "text" in one:
        yield from map(coding_of, one.get("coding", ()))
        if "text" in one:
            yield Coded(text=one["text"])
    else:
        yield identifier_of(one) if "value" in one else coding_of(one)


def _when(one: Any) -> Time | None:
    if not isinstance(one, dict) or not {"event", "repeat"} & one.keys():
        return time_of(one)
    limits = [time(each) for each in one.get("event", ())]
    limits += [time_of(each) for each in many(one.get("repeat", {}).get("boundsPeriod"))]
    return (min(low for low, _ in limits), max(high for _, high in limits)) if limits else None


def _measured(one: Resource) -> Iterator[Measure]:
    if "currency" in one:
        money = one["currency"]
        yield Measure(Decimal(str(one["value"])), "urn:iso:std:iso:4217", money, money)
    elif "value" in one:
        names = (one.get(name, "") for name in ("system", "code", "unit"))
        yield Measure(Decimal(str(one["value"])), *names)


def _parts(one: Resource) -> list[str]:
    return [text for part in STRINGS for text in many(one.get(part))]


def readers(kind: str) -> dict[str, tuple[str, Reader]]:
    """How each parameter of a type is asked for, and what a resource says for it."""
    own = (code for code in defined(kind) if not code.startswith("_"))
    every = {code: row for code, row in COMMON.items() if code.startswith("_")}
    return every | {code: (flavour(kind, code), reader(kind, code)) for code in own}
