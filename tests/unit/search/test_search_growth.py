"""Searches by one indexed value that more resources have than a request reads."""

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest

from shared.catalog import access_patterns as patterns
from shared.catalog.parameters import SEARCH_PARAMS, Index
from shared.errors import TooCostly
from shared.fhir import ulids
from shared.search.run.search import Result
from shared.store import codec
from tests.oracle import r4
from tests.oracle.values import BASE, READERS, Coded, Link
from tests.support import care
from tests.support.memory_reads import Memory
from tests.support.search_page import search_page
from tests.support.stored_clinic import instant_at, meta, open_clinic

MANY = 2100
# In milliseconds since 1970; all messages have this time and no finer one.
DAY = 1_767_225_600_000
# One type of the directory and one record, with a value for each row.
OTHERS: dict[str, dict[str, Any]] = {
    "Patient": {
        "identifier": [{"system": "urn:a", "value": "7"}],
        "name": [{"given": ["Homer", "Jay"], "family": "Simpson", "text": "Homer J. Simpson"}],
        "telecom": [
            {"system": "phone", "value": "+15550100"},
            {"system": "email", "value": "Homer@Example.org"},
        ],
        "generalPractitioner": [care.reference("Practitioner/1")],
        "link": [{"type": "seealso", "other": care.reference("Patient/1")}],
    },
    "Observation": {
        "identifier": [{"system": "urn:a", "value": "7"}],
        "basedOn": [care.reference("ServiceRequest/1")],
        "derivedFrom": [care.reference("Observation/1")],
        "effectiveDateTime": instant_at(0),
        "encounter": care.reference("Encounter/e1"),
        "focus": [care.reference("Condition/1")],
        "hasMember": [care.reference("Observation/1")],
        "partOf": [care.reference("Procedure/1")],
        "performer": [care.reference("Practitioner/1")],
        "subject": care.reference("Patient/1"),
    },
}


def many(kind: str) -> Iterator[dict[str, Any]]:
    """Return resources that share every searchable value."""
    refer = care.reference
    shared: dict[str, Any] = {
        "identifier": [{"system": "urn:a", "value": "7"}],
        "basedOn": [refer("ServiceRequest/1")],
    }
    if kind == "Encounter":
        shared |= {
            "period": {"start": instant_at(0), "end": instant_at(1)},
            "account": [refer("Account/1")],
            "appointment": [refer("Appointment/1")],
            "diagnosis": [{"condition": refer("Condition/1")}],
            "episodeOfCare": [refer("EpisodeOfCare/1")],
            "location": [{"location": refer("Location/1")}],
            "partOf": refer("Encounter/whole"),
            "reasonCode": [{"coding": [{"system": "urn:r", "code": "cough"}]}],
            "reasonReference": [refer("Condition/1")],
            "serviceProvider": refer("Organization/1"),
        }
    else:
        shared |= {
            "partOf": [refer("Communication/h"), refer("Procedure/1")],
            "encounter": refer("Encounter/whole"),
            "instantiatesCanonical": ["PlanDefinition/1"],
            "instantiatesUri": ["http://u.example/1"],
        }
    if kind in OTHERS:
        shared = OTHERS[kind]
    make = (
        care.session
        if kind == "Encounter"
        else lambda **more: care.message("h", instant_at(0), **more)
    )
    for number in range(MANY):
        known = meta(f"h.{ulids.prefix(DAY)}{number:016}", number)
        known["meta"]["tag"] = [{"system": "urn:t", "code": "tagged"}]
        if kind in OTHERS:
            known["id"] = f"p{number}"
            yield {"resourceType": kind, **shared} | known
        else:
            yield make(**shared) | known


def values(code: str, value: Any) -> list[tuple[str, str]]:
    """Return every way to search for a value."""
    if code in ("date", "_lastUpdated"):
        return [(code, f"{prefix}2026-01") for prefix in ("", "ge", "le")] + [(code, "ap2026")]
    match value:
        case Coded():
            return [(code, value.code)] + (
                [(code, f"{value.system}|{value.code}")] * (code != "_id")
            )
        case Link():
            name, _, own_id = value.to.partition("/")
            ways = [(code, value.to), (code, own_id), (code, f"{BASE}/{value.to}")]
            return [*ways, (f"{code}:{name}", own_id)]
        case str() if "name" in code or code in ("family", "given"):
            return [(code, value), (code, value[:3]), (f"{code}:exact", value)]
    return [(code, value)]


READ = READERS | {kind: r4.readers(kind) for kind in OTHERS}
EVERY = {
    f"{kind}?{name}={text}": (kind, name, text)
    for kind in READ
    for sample in islice(many(kind), 1)
    for row in SEARCH_PARAMS.of(kind).values()
    if row.expression and row.index is not Index.FILTER
    for value in READ[kind][row.code][1](sample)
    for name, text in values(row.code, value)
}


@pytest.fixture(scope="module", autouse=True)
def memory() -> Iterator[Memory]:
    with open_clinic() as archive:
        for one in (resource for kind in ("Encounter", *OTHERS) for resource in many(kind)):
            archive.index(one)
        for resource in many("Communication"):
            archive.index(resource)
            packed = {"resource": {"B": codec.pack(json.dumps(resource).encode())}}
            archive.put(patterns.THREAD, "-#h", f"m#{resource['id'].rpartition('.')[2]}", **packed)
        yield archive.memory


def ask(kind: str, *query: tuple[str, str]) -> Result:
    return search_page(kind, query)


def test_every_indexed_parameter_is_covered() -> None:
    asked = {f"{kind}?{name.partition(':')[0]}" for kind, name, _ in EVERY.values()}
    rows = [row for kind in READ for row in SEARCH_PARAMS.of(kind).values()]
    indexed = {row.name for row in rows if row.index is not Index.FILTER}
    # A session's messages belong to its threads: they have no element or partition of their own.
    assert asked == indexed - {"Communication?session"}


@pytest.mark.parametrize("query", [query for query in EVERY if "?_id=" not in query])
def test_pages_are_full_and_read_no_more_than_twice_what_they_show(
    query: str, memory: Memory
) -> None:
    kind, name, text = EVERY[query]
    page = ask(kind, (name, text))
    for _ in range(3):
        assert len(page.resources) == 20
        assert page.next
        memory.clear()
        page = ask(kind, *page.next)
        assert memory.rows <= 40


def test_a_contains_search_over_too_many_resources_needs_another_criterion() -> None:
    with pytest.raises(TooCostly, match="More than 2000 resources") as refused:
        ask("Patient", ("name:contains", "nobody"))
    (issue,) = refused.value.issues
    assert issue.expression == "name:contains"
    assert "Narrow the search by one of" in issue.diagnostics
    page = ask("Patient", ("name:contains", "imps"), ("identifier", "7"))
    assert len(page.resources) == 20
    for narrowed in (("identifier", "8"), ("name", "bart")):
        page = ask("Patient", ("name:contains", "imps"), narrowed)
        assert (page.resources, page.next) == ([], None)


def test_a_thread_whose_messages_share_an_instant_can_be_paged_through(memory: Memory) -> None:
    """Like a thread whose messages only have a date: their keys differ by their ids alone."""
    for asked in ("h", "Communication/h"):
        page = ask("Communication", ("part-of", asked), ("_count", "300"))
        found = len(page.resources)
        while page.next:
            memory.clear()
            page = ask("Communication", *page.next)
            found += len(page.resources)
            assert memory.rows < 700
        assert found == MANY


@pytest.mark.parametrize("prefix", ["", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"])
@pytest.mark.parametrize("query", ["Encounter?_lastUpdated", "Communication?_lastUpdated"])
def test_no_page_with_a_next_link_is_empty_when_searching_by_last_updated(
    query: str, prefix: str
) -> None:
    kind, _, name = query.partition("?")
    for text in ("2025", "2026-01-01", "2026-01-01T12:00Z", instant_at(MANY - 1), "2027"):
        page = ask(kind, (name, prefix + text))
        assert page.resources or not page.next


@pytest.mark.parametrize(
    "query",
    [
        ("class", f"|{care.session()['class']['code']}"),
        ("class", f"{care.ACT_CODE.replace('http:', 'https:')}|VR"),
        ("identifier", "|7"),
        ("_tag", "|tagged"),
        ("patient", "Group/1"),
        ("practitioner", "RelatedPerson/1"),
        ("appointment", "Appointment/2"),
        ("status", "entered-in-progress"),
    ],
)
def test_a_value_that_no_resource_has_is_answered_at_once(
    query: tuple[str, str], memory: Memory
) -> None:
    memory.clear()
    page = ask("Encounter", query)
    assert (page.resources, page.next, memory.rows) == ([], None, 0)
