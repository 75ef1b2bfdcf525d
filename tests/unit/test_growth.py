"""Work grows at most linearly with the input, counted in steps rather than in machine time.

Each rule is run on bodies of one size and of twice that size, of kinds that tend to be slow.
"""

from collections.abc import Callable
from datetime import UTC
from typing import Any

import pytest

from shared.errors import Invalid, TooCostly, TooLong
from shared.fhir import fhirjson, references, urls, words
from shared.fhir.bundle_links import has_valid_links, replace_links
from shared.fhir.empties import strip
from shared.fhir.outcome import operation_outcome
from shared.fhir.patch.json_patch import MOST_OPERATIONS
from shared.fhir.patch.patching import JSON_PATCH, MERGE_PATCH, patch
from shared.fhir.validation import fhirpath, narrative, styles
from shared.fhir.validation.fhirpath_budget import StepBudget
from shared.fhir.validation.validation import issues
from shared.http import negotiation
from shared.plain import mapping
from shared.plain.collections import COLLECTIONS
from shared.plain.mapping import patched
from shared.search.query import criteria
from shared.store.index import rows
from tests.support import care
from tests.support.growth import SLACK, growth

type Json = dict[str, Any]

XHTML = '<div xmlns="http://www.w3.org/1999/xhtml">'
CREATED = "2026-01-01T00:00:00.000Z"
EXTENDED = {"extension": [{"url": "http://x.example", "valueCode": "x"}]}


def uris(size: int, name: str = "u") -> Json:
    """Return an Encounter-like resource with an array of values, each with an extension."""
    values = [f"{name}{number}" for number in range(size)]
    return {
        "resourceType": "Communication",
        "id": "a",
        "status": "completed",
        "instantiatesUri": values,
        "_instantiatesUri": [EXTENDED] * size,
    }


def replaced(name: str, *, back: bool) -> Callable[[int], tuple[Json, Any, str]]:
    """Return a merge patch and its resource; all values differ, or are in another order."""

    def make(size: int) -> tuple[Json, Any, str]:
        values = uris(size, name)["instantiatesUri"]
        return uris(size), {"instantiatesUri": values[::-1] if back else values}, MERGE_PATCH

    return make


def operations(*steps: Json) -> Callable[[int], tuple[Json, Any, str]]:
    return lambda size: (uris(size), [*steps] * size, JSON_PATCH)


def once(step: Json) -> Callable[[int], tuple[Json, Any, str]]:
    return lambda size: (uris(size), [step], JSON_PATCH)


FIRST = "/instantiatesUri/0"
PATCHES: dict[str, Callable[[int], tuple[Json, Any, str]]] = {
    "other values": replaced("v", back=False),
    "values in reverse": replaced("u", back=True),
    "additions": operations({"op": "add", "path": FIRST, "value": "x"}),
    "moves": operations({"op": "move", "path": FIRST, "from": "/instantiatesUri/1"}),
    "removal of an extension": once({"op": "remove", "path": "/_instantiatesUri/0"}),
    "removal of a value": once({"op": "remove", "path": FIRST}),
}


@pytest.mark.parametrize("name", PATCHES)
def test_the_work_of_a_patch_grows_linearly(name: str) -> None:
    assert growth(PATCHES[name], lambda sent: patch(*sent), 200) < 2 * SLACK


def test_a_patch_has_at_most_a_thousand_operations_and_copies_no_more_than_a_million() -> None:
    addition = {"op": "add", "path": FIRST, "value": "x"}
    patch(uris(1), [addition] * MOST_OPERATIONS, JSON_PATCH)
    with pytest.raises(TooLong):
        patch(uris(1), [addition] * (MOST_OPERATIONS + 1), JSON_PATCH)
    copied = {"op": "copy", "path": "/more", "from": "/instantiatesUri"}
    with pytest.raises(TooLong):
        patch(uris(10_000), [copied] * 100, JSON_PATCH)


def nested(depth: int) -> Json:
    extension: Json = {"url": "http://x.example", "valueCode": "x"}
    for _ in range(depth):
        extension = {"url": "http://x.example", "extension": [extension]}
    return care.session(extension=[extension])


def fragments(size: int) -> Json:
    """Return contained resources that refer to each other and are referred to."""
    contained = [
        {"resourceType": "Group", "id": f"g{number}", "type": "person", "actual": True}
        | {"member": [{"entity": {"reference": f"#g{other}"}} for other in range(number, 5)]}
        for number in range(size)
    ]
    links = [{"url": "urn:x", "valueUri": f"#g{number}"} for number in range(size)]
    return care.session(contained=contained, extension=links)


def team(size: int) -> Json:
    """Return a CareTeam whose members are fragments, each resolved by an invariant."""
    people = [{"resourceType": "Practitioner", "id": f"p{number}"} for number in range(size)]
    members = [
        {"member": {"reference": f"#p{number}"}, "onBehalfOf": {"reference": "Organization/1"}}
        for number in range(size)
    ]
    teams = [{"resourceType": "CareTeam", "id": "t", "participant": members}]
    return care.session(contained=people + teams)


def guide(size: int) -> Json:
    numbers = range(size)
    guide = {
        "resourceType": "ImplementationGuide",
        "id": "g",
        "url": "http://x.example",
        "name": "X",
        "status": "draft",
        "packageId": "x",
        "fhirVersion": ["4.0.1"],
        "definition": {
            "grouping": [{"id": f"g{number}", "name": "x"} for number in numbers],
            "resource": [
                {
                    "reference": {"reference": "Group/1"},
                    "groupingId": f"g{number}",
                    "fhirVersion": ["4.0.1"],
                }
                for number in numbers
            ],
        },
    }
    return care.session(contained=[guide])


def definition(size: int) -> Json:
    elements = [
        {"id": f"Patient.x{number}", "path": f"Patient.x{number}", "definition": "x"}
        for number in range(size)
    ]
    of_type = {"id": "Patient", "path": "Patient", "definition": "x"}
    made = {
        "resourceType": "StructureDefinition",
        "id": "s",
        "url": "http://x.example",
        "name": "X",
        "status": "draft",
        "kind": "resource",
        "abstract": False,
        "type": "Patient",
        "snapshot": {"element": [of_type, *elements]},
        "differential": {"element": [of_type, *elements]},
    }
    return care.session(contained=[made])


def observation(size: int) -> Json:
    codings = [{"code": f"c{number}"} for number in range(size)]
    components = [{"code": {"coding": [{"code": f"d{number}"}]}} for number in range(size)]
    return care.session(
        contained=[
            {
                "resourceType": "Observation",
                "id": "o",
                "status": "final",
                "code": {"coding": codings},
                "valueString": "x",
                "component": components,
            }
        ]
    )


def questionnaire(size: int) -> Json:
    items: list[Json] = [{"linkId": f"q{number}", "type": "string"} for number in range(size)]
    for number in range(5):
        items = [{"linkId": f"g{number}", "type": "group", "item": items}]
    made = {"resourceType": "Questionnaire", "id": "q", "status": "draft", "item": items}
    return care.session(contained=[made])


def profiled(size: int) -> Json:
    url = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-encounter"
    return care.session(meta={"profile": [url] * size}, type=[{"text": "x"}] * size)


def nulls(size: int) -> Json:
    return {**uris(0), "instantiatesUri": [None] * size, "_instantiatesUri": [None, {}] * size}


BODIES: dict[str, tuple[Callable[[int], Json], int]] = {
    "nesting": (nested, 20),
    "fragments": (fragments, 45),
    "a team": (team, 45),
    "a guide": (guide, 100),
    "a definition": (definition, 50),
    "an observation": (observation, 100),
    "a questionnaire": (questionnaire, 100),
    "profiles": (profiled, 100),
    "tags": (lambda size: care.session(meta={"tag": [{"code": f"c{n}"} for n in range(size)]}), 99),
    "nulls": (nulls, 100),
    "unknown properties": (lambda size: care.session() | {f"x{n}": {} for n in range(size)}, 100),
    "a long name": (
        lambda size: care.session() | {"x" * size: {f"y{n}": {} for n in range(9)}},
        99,
    ),
}
LINK = "Patient/p"
READERS: dict[str, Callable[[Json], object]] = {
    "validation": lambda body: issues(body, str(body["resourceType"])),
    "empties": strip,
    "links": lambda body: replace_links(body, lambda _: None),
    "replaced links": lambda body: has_valid_links(body, replace_links(body, lambda _: LINK), ()),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("body", BODIES)
def test_the_work_of_reading_a_body_grows_linearly(body: str, reader: str) -> None:
    make, size = BODIES[body]
    assert growth(make, READERS[reader], size) < 2 * SLACK


MARKUP = ("<", "&", "<![CDATA[", "]]>", "<!--", "<div>", "<p>x</p>", '<b title="x">', " ", "&lt;")


@pytest.mark.parametrize("part", MARKUP)
def test_the_work_of_reading_a_narrative_grows_linearly(part: str) -> None:
    def read(div: str) -> None:
        narrative.is_plain(div)
        narrative.has_content(div)

    assert growth(lambda size: f"{XHTML}{part * size}</div>", read, 500) < 2 * SLACK


STYLES = ("/*", "/**/", "url(", "url( ", "url(x)", "\\", "\\61", "'", '"', "(", "a(", "@", "\\\n")


@pytest.mark.parametrize("before", ["", "url(", "/*", "'"])
@pytest.mark.parametrize("part", STYLES)
def test_the_work_of_reading_a_style_grows_linearly(before: str, part: str) -> None:
    assert growth(lambda size: before + part * size, styles.is_plain, 500) < 2 * SLACK


def patient(**more: Any) -> Json:
    return {"resourceType": "Patient", "id": "p", "meta": {"lastUpdated": CREATED}, **more}


@pytest.mark.parametrize("letter", ["\ufdfa", "x ", "\u0315\u0300", "Ł"])
def test_the_work_of_folding_a_search_text_is_bounded(letter: str) -> None:
    """One character may expand to 18, and combining marks are sorted one by one."""
    assert growth(lambda size: letter * size, words.normalize, 1000) < SLACK
    assert words.normalize("x" * 1000) == words.normalize("x" * 2000)


def test_the_work_of_index_rows_grows_linearly_with_the_names() -> None:
    def make(size: int) -> Json:
        return patient(name=[{"given": [f"g{number}" for number in range(size)]}])

    assert growth(make, lambda body: rows.row_keys(body, CREATED, "-", UTC), 200) < 2 * SLACK


type Query = list[tuple[str, str]]

QUERIES: dict[str, Callable[[int], Query]] = {
    "values": lambda size: [("identifier", ",".join(f"a|{number}" for number in range(size)))],
    "parameters": lambda size: [("identifier", "a|b")] * size,
    "escapes": lambda size: [("identifier", ",".join(["\\,|"] * size))],
    "sorts": lambda size: [("_sort", ",".join(["name", "-family"] * size))],
    "elements": lambda size: [("_elements", ",".join(["name"] * size))],
    "unknown parameters": lambda size: [(f"x{number}", "1") for number in range(size)],
    "numbers": lambda size: [("birthdate", f"2026-01-01T00:00:00.{'1' * size}Z")],
    "includes": lambda size: [("_revinclude", "Encounter:patient")] * size,
}


@pytest.mark.parametrize("name", QUERIES)
def test_the_work_of_parsing_a_search_grows_linearly(name: str) -> None:
    def read(query: Query) -> None:
        criteria.parse("Patient", query, UTC)

    assert growth(QUERIES[name], read, 200) < 2 * SLACK


TEXTS: dict[str, tuple[str, Callable[[str], object]]] = {
    "query": ("a=%20&", references.parse_query),
    "Accept": ("a/b;q=0,", lambda text: negotiation.check_format(text, ())),
    "Prefer": ("a=b;", negotiation.preferences),
    "If-None-Match": ('W/"1",', lambda text: [*negotiation.entity_tags(text)]),
    "a URL": ("a/../", lambda text: urls.normalize(f"https://x.example/{text}")),
    "a URL upwards": ("../", lambda text: urls.normalize(f"https://x.example/{text}")),
    "JSON": ("1e999999,", lambda text: fhirjson.loads(f"[{text}1]")),
}


@pytest.mark.parametrize("name", TEXTS)
def test_the_work_of_parsing_a_text_grows_linearly(name: str) -> None:
    part, read = TEXTS[name]
    assert growth(lambda size: part * size, read, 300) < 2 * SLACK


def test_the_work_of_a_change_through_plain_json_grows_linearly() -> None:
    """Sent items are matched with shown ones in any order."""

    def make(size: int) -> tuple[Json, Json]:
        codes = [{"coding": [{"code": f"c{number}", "system": "urn:x"}]} for number in range(size)]
        before = {**care.session(reasonCode=codes), "id": "a"}
        reasons = [{"code": f"c{number}", "system": "urn:x"} for number in range(size)]
        return before, {"reasonCodes": reasons[::-1]}

    def change(sent: tuple[Json, Json]) -> None:
        after = patched(COLLECTIONS["encounters"], *sent)
        assert after["reasonCode"] == sent[0]["reasonCode"][::-1]

    assert growth(make, change, 100) < 2 * SLACK


def test_the_work_of_naming_places_in_plain_json_grows_linearly_with_body_and_issues() -> None:
    def make(size: int) -> Json:
        return {"practitionerIds": [f"p{number}" for number in range(size)]}

    def name(body: Json) -> None:
        encounters = COLLECTIONS["encounters"]
        people = [
            care.reference(f"Practitioner/{practitionerid}")
            for practitionerid in body["practitionerIds"]
        ]
        resource = care.session(participant=[{"individual": person} for person in people])
        pointers = mapping.Pointers(encounters, resource, body)
        for number, _ in enumerate(people):
            place = f"Encounter.participant[{number}].individual.reference"
            assert pointers.of(place) == f"#/practitionerIds/{number}"

    assert growth(make, name, 100) < 2 * SLACK


def test_evaluating_invariants_over_too_many_items_is_refused_as_too_costly() -> None:
    body = {"resourceType": "Basic", "extension": [{"url": f"u{number}"} for number in range(100)]}
    assert fhirpath.holds(
        "extension.all(url.exists())", body, body, budget=StepBudget(body, steps=5000)
    )
    rule = "extension.all(url.combine(%resource.extension.url).exists())"
    with pytest.raises(TooCostly):
        fhirpath.holds(rule, body, body, budget=StepBudget(body, steps=5000))


def test_the_number_of_listed_issues_is_limited() -> None:
    body = care.session() | {f"x{number}": 1 for number in range(500)}
    problems = issues(body, "Encounter")
    listed = operation_outcome(problems)["issue"]
    assert len(listed) == 101
    assert [name["severity"] for name in listed] == ["error"] * 100 + ["information"]
    assert listed[-1]["details"]["text"] == "There are more issues"
    refusal = Invalid("x" * 5_000_000, expression="y" * 5_000_000)
    assert len(fhirjson.dumps(operation_outcome(refusal.issues))) < 10_000
