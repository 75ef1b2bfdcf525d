"""The invariants that R4's own FHIRPath says: of what is contained, and of most stored types."""

from typing import Any

import pytest

from shared.catalog.types import TYPES
from shared.resources import fhirpath, schema
from shared.resources.validation import issues
from tests import care

INVARIANTS: dict[str, list[str]] = schema._file("contained")["invariants"]
HERE = "Encounter.contained[0]"


def containing(kind: str, /, **elements: Any) -> dict[str, Any]:
    inner = {"resourceType": kind, "id": "c", **elements}
    extension = {"url": "urn:x", "valueReference": care.reference("#c")}
    return care.session(contained=[inner], extension=[extension])


def broken(resource: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        (each.text.partition(":")[0], each.expression) for each in issues(resource, "Encounter")
    ]


def coded(system: str, code: str) -> dict[str, Any]:
    return {"coding": [{"system": f"http://terminology.hl7.org/CodeSystem/{system}", "code": code}]}


CODE = {"text": "x"}
MEMBER = {"entity": care.reference("Patient/x")}
DISPLAY = {"linkId": "1", "type": "display", "code": [{"code": "x"}]}
SHAPES: list[Any] = [{}, [], "x", 1, None, [{"x": {}}], {"code": [1]}]
ITEM = {"linkId": "1", "type": "string"}
KEPT = [
    containing("Patient", contact=[{"name": {"text": "Marge"}}]),
    containing("Observation", status="final", code=CODE, dataAbsentReason=CODE),
    containing("Observation", status="final", code=CODE, valueString="x"),
    containing("Organization", name="Clinic", address=[{"use": "work"}]),
    containing("Condition", subject=care.reference(care.HOMER), stage=[{"summary": CODE}]),
    containing("Questionnaire", status="draft", item=[{**ITEM, "maxLength": 5}]),
    containing(
        "List",
        status="current",
        mode="changes",
        entry=[{"item": care.reference("Patient/x"), "deleted": True}],
    ),
    containing("Group", type="person", actual=True, member=[MEMBER]),
]
BROKEN: list[tuple[str, str, dict[str, Any]]] = [
    ("pat-1", ".contact[0]", containing("Patient", contact=[{"gender": "male"}])),
    (
        "obs-6",
        "",
        containing(
            "Observation", status="final", code=CODE, dataAbsentReason=CODE, valueString="x"
        ),
    ),
    (
        "obs-3",
        ".referenceRange[0]",
        containing("Observation", status="final", code=CODE, referenceRange=[{"type": CODE}]),
    ),
    (
        "obs-7",
        "",
        containing(
            "Observation",
            status="final",
            code=coded("x", "a"),
            valueString="x",
            component=[{"code": coded("x", "a")}],
        ),
    ),
    ("org-1", "", containing("Organization", active=True)),
    ("org-2", "", containing("Organization", name="Clinic", address=[{"use": "home"}])),
    (
        "con-1",
        ".stage[0]",
        containing("Condition", subject=care.reference(care.HOMER), stage=[{"type": CODE}]),
    ),
    (
        "con-5",
        "",
        containing(
            "Condition",
            subject=care.reference(care.HOMER),
            verificationStatus=coded("condition-ver-status", "entered-in-error"),
            clinicalStatus=coded("condition-clinical", "active"),
        ),
    ),
    (
        "que-3",
        ".item[0]",
        containing(
            "Questionnaire",
            status="draft",
            item=[DISPLAY],
        ),
    ),
    ("que-2", "", containing("Questionnaire", status="draft", item=[ITEM, ITEM])),
    (
        "lnk-1",
        "",
        containing("Linkage", item=[{"type": "source", "resource": care.reference("Patient/x")}]),
    ),
    (
        "grp-1",
        "",
        containing("Group", type="person", actual=False, member=[MEMBER]),
    ),
    (
        "ras-2",
        ".prediction[0]",
        containing(
            "RiskAssessment",
            status="final",
            subject=care.reference(care.HOMER),
            prediction=[{"probabilityDecimal": 101}],
        ),
    ),
    ("bdl-1", "", containing("Bundle", type="collection", total=1)),
    (
        "apr-1",
        "",
        containing(
            "AppointmentResponse",
            appointment=care.reference("Appointment/x"),
            participantStatus="accepted",
        ),
    ),
]


@pytest.mark.parametrize("resource", KEPT)
def test_what_r4_allows_may_be_contained(resource: dict[str, Any]) -> None:
    assert broken(resource) == []


@pytest.mark.parametrize(("key", "place", "resource"), BROKEN)
def test_what_r4_forbids_may_not(key: str, place: str, resource: dict[str, Any]) -> None:
    assert broken(resource) == [(key, HERE + place)]


@pytest.mark.parametrize(("key", "place", "resource"), BROKEN)
def test_a_stored_type_keeps_them_by_itself(key: str, place: str, resource: dict[str, Any]) -> None:
    (inner,) = resource["contained"]
    kind = inner["resourceType"]
    found = [(each.text.partition(":")[0], each.expression) for each in issues(inner, kind)]
    assert found == ([(key, kind + place)] if kind in TYPES else [])


@pytest.mark.parametrize(
    ("authored", "modified", "is_kept"),
    [
        ("2026-01-01T10:00:00+02:00", "2026-01-01T09:30:00Z", True),
        ("2026-01-01T10:00:00Z", "2026-01-01T10:00:00+02:00", False),
        ("2026-01-01T10:00:00Z", "2026-01-01", True),
        ("2026-01-02", "2026-01-01", False),
        ("2026-01", "2026-01", True),
    ],
)
def test_a_task_is_not_changed_before_it_was_made(
    authored: str, modified: str, is_kept: bool
) -> None:
    task = care.example("Task", authoredOn=authored, lastModified=modified)
    assert [each.text[:5] for each in issues(task, "Task")] == ([] if is_kept else ["inv-1"])


def test_every_invariant_of_r4_can_be_read() -> None:
    assert len(INVARIANTS) > 160
    for text, path in INVARIANTS.values():
        assert text
        assert callable(fhirpath.parsed(path))


def test_an_empty_resource_of_every_type_breaks_no_machinery() -> None:
    for kind in schema.resource_types():
        for element in schema.type_named(kind).elements:
            for value in SHAPES:
                issues(containing(kind, **{element: value}), "Encounter")


@pytest.mark.parametrize(
    ("expression", "element", "held"),
    [
        ("a.exists() and b.empty()", {"a": 1}, True),
        ("a.count() + b.count() = 3", {"a": [1, 2], "b": "x"}, True),
        ("a in ('x' | 'y')", {"a": "z"}, False),
        ("a implies false", {}, False),
        ("a = 'x' xor b = 'y'", {"a": "x", "b": "y"}, False),
        ("a.exists()", {"_a": {"extension": []}}, True),
        ("value.exists()", {"valueString": "x"}, True),
        ("a.b.exists()", {"a": {"bString": "x"}}, False),
        ("a.matches('^[0-9]+$')", {"a": "12"}, True),
        ("a.select(b&c).isDistinct()", {"a": [{"b": "x"}, {"b": "x"}]}, False),
        ("a.toInteger() > 3", {"a": "four"}, False),
        ("a > 3", {"a": "text"}, True),
        ("a + 1 > 3", {"a": {}}, True),
        ("a as decimal <= 100", {"a": 101}, False),
    ],
)
def test_an_expression_says_what_fhirpath_says(
    expression: str,
    element: dict[str, Any],
    held: bool,
) -> None:
    kind = schema.type_named("Observation")
    assert fhirpath.holds(expression, element, element, kind=kind) is held


@pytest.mark.parametrize("expression", ["a..b", "a.nothing()", "'", "a b", "(a"])
def test_what_is_no_expression_is_refused(expression: str) -> None:
    with pytest.raises((ValueError, KeyError)):
        fhirpath.parsed(expression)
