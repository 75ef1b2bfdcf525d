"""Invariants evaluated from R4's FHIRPath, on contained resources and most stored types."""

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from shared.catalog.types import STORED_TYPES
from shared.fhir.validation import fhirpath, schema
from shared.fhir.validation.validation import issues
from tests.support import care

INVARIANTS: dict[str, list[str]] = schema._file("contained")["invariants"]
HERE = "Encounter.contained[0]"


def containing(kind: str, /, **elements: Any) -> dict[str, Any]:
    inner = {"resourceType": kind, "id": "c", **elements}
    extension = {"url": "urn:x", "valueReference": care.reference("#c")}
    return care.session(contained=[inner], extension=[extension])


def broken_invariants(resource: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        (issue.text.partition(":")[0], issue.expression) for issue in issues(resource, "Encounter")
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
def test_a_resource_that_r4_allows_may_be_contained(resource: dict[str, Any]) -> None:
    assert broken_invariants(resource) == []


@pytest.mark.parametrize(("key", "place", "resource"), BROKEN)
def test_a_resource_that_r4_forbids_may_not_be_contained(
    key: str, place: str, resource: dict[str, Any]
) -> None:
    assert broken_invariants(resource) == [(key, HERE + place)]


@pytest.mark.parametrize(("key", "place", "resource"), BROKEN)
def test_a_stored_type_is_held_to_the_invariants_too(
    key: str, place: str, resource: dict[str, Any]
) -> None:
    (inner,) = resource["contained"]
    kind = inner["resourceType"]
    problems = [(issue.text.partition(":")[0], issue.expression) for issue in issues(inner, kind)]
    assert problems == ([(key, kind + place)] if kind in STORED_TYPES else [])


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
    assert [issue.text[:5] for issue in issues(task, "Task")] == ([] if is_kept else ["inv-1"])


def test_every_invariant_of_r4_can_be_read() -> None:
    assert len(INVARIANTS) > 160
    for text, path in INVARIANTS.values():
        assert text
        assert callable(fhirpath.compile_expression(path))


def test_an_empty_resource_of_every_type_causes_no_error() -> None:
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
def test_an_expression_evaluates_as_in_fhirpath(
    expression: str,
    element: dict[str, Any],
    held: bool,
) -> None:
    kind = schema.type_named("Observation")
    assert fhirpath.holds(expression, element, element, kind=kind) is held


@pytest.mark.parametrize("expression", ["a..b", "a.nothing()", "'", "a b", "(a"])
def test_a_malformed_expression_is_refused(expression: str) -> None:
    with pytest.raises((ValueError, KeyError)):
        fhirpath.compile_expression(expression)


def capable(**more: Any) -> dict[str, Any]:
    required = {
        "status": "active",
        "date": "2026",
        "kind": "requirements",
        "fhirVersion": "4.0.1",
        "format": ["json"],
        "description": "x",
        "rest": [{"mode": "server"}],
    }
    return containing("CapabilityStatement", **{**required, **more})


def scripted(**check: Any) -> dict[str, Any]:
    action = [{"assert": {"warningOnly": False, **check}}]
    script = {"url": "urn:x", "name": "x", "status": "draft", "test": [{"action": action}]}
    return containing("TestScript", **script)


def studied(**characteristic: Any) -> dict[str, Any]:
    return containing("EvidenceVariable", status="draft", characteristic=[characteristic])


@pytest.mark.parametrize(
    "resource",
    [
        # A name does not match longer ones: `response` does not count `responseCode`.
        scripted(responseCode="200"),
        scripted(requestURL="x", response="okay"),
        scripted(compareToSourceId="a", compareToSourcePath="b"),
        capable(),
        capable(format=["xml", "json", "ttl", "application/fhir+json; fhirVersion=4.0"]),
        # As in R4 4.0.1, unlike later versions.
        containing("DetectedIssue", status="amended"),
        studied(definitionDataRequirement={"type": "Patient"}, timeFromStart={"value": 1}),
        studied(definitionCanonical="urn:x", participantEffectiveDateTime="2026"),
    ],
)
def test_resources_of_other_types_that_r4_allows_may_be_contained(resource: dict[str, Any]) -> None:
    assert [(issue.text, issue.expression) for issue in issues(resource, "Encounter")] == []


@pytest.mark.parametrize(
    ("resource", "code", "place"),
    [
        (capable(format=["yaml"]), "code-invalid", ".format[0]"),
        (capable(patchFormat=["json"]), "code-invalid", ".patchFormat[0]"),
        (studied(description="x"), "required", ".characteristic[0].definition"),
        (containing("ResearchStudy", status="active", name="x"), "structure", ".name"),
    ],
)
def test_resources_of_other_types_that_r4_forbids_may_not_be_contained(
    resource: dict[str, Any], code: str, place: str
) -> None:
    problems = [(issue.code, issue.expression) for issue in issues(resource, "Encounter")]
    assert problems == [(code, HERE + place)]


def test_two_assertions_in_one_are_both_reported() -> None:
    action = f"{HERE}.test[0].action[0]"
    two = scripted(responseCode="200", response="okay")
    assert broken_invariants(two) == [("tst-5", f"{action}.assert"), ("tst-6", action)]


@pytest.mark.parametrize(
    ("status", "is_kept"), [("noshow", True), ("cancelled", True), ("booked", False)]
)
def test_a_rule_may_begin_with_the_name_of_its_type(status: str, *, is_kept: bool) -> None:
    appointment = care.example("Appointment", status=status, cancelationReason=CODE)
    problems = [issue.text[:5] for issue in issues(appointment, "Appointment")]
    assert problems == ([] if is_kept else ["app-4"])
    inside = containing("Appointment", **appointment)
    assert broken_invariants(inside) == ([] if is_kept else [("app-4", HERE)])


@pytest.mark.parametrize(
    ("member", "is_kept"),
    [
        ("#doctor", True),
        ("#patient", False),
        ("#", False),
        ("Patient/x", True),
        ("https://other.example/fhir/Patient/x", True),
    ],
)
def test_a_reference_within_the_resource_is_followed(member: str, *, is_kept: bool) -> None:
    participant = {
        "member": care.reference(member),
        "onBehalfOf": care.reference("Organization/1"),
    }
    others = [
        {"resourceType": "Practitioner", "id": "doctor"},
        {"resourceType": "Patient", "id": "patient"},
    ]
    inside = [other for other in others if f"#{other['id']}" == member]
    if member != "#":
        team = care.example("CareTeam", participant=[participant])
        team |= {"contained": inside} if inside else {}
        problems = [issue.text[:5] for issue in issues(team, "CareTeam")]
        assert problems == ([] if is_kept else ["ctm-1"])
    # A contained resource refers to its siblings and to its container.
    outer = containing("CareTeam", participant=[participant])
    outer["contained"] += inside
    place = f"{HERE}.participant[0]"
    assert broken_invariants(outer) == ([] if is_kept else [("ctm-1", place)])


def test_dates_of_a_rule_are_read_in_the_deployments_zone() -> None:
    task = care.example("Task", authoredOn="2026-01-02", lastModified="2026-01-01T23:30:00Z")
    assert [issue.text[:5] for issue in issues(task, "Task")] == ["inv-1"]
    assert issues(task, "Task", zone=ZoneInfo("Asia/Tokyo")) == []


PATIENT = {"resourceType": "Patient", "name": [{"text": "Bart"}]}


@pytest.mark.parametrize(
    ("contained", "places"),
    [
        ([PATIENT], [f"{HERE}.id"]),
        ([PATIENT | {"id": "a"}, PATIENT | {"id": "a"}], ["Encounter.contained[1].id"]),
        ([PATIENT | {"id": "a"}, PATIENT | {"id": "b"}], []),
        (
            [PATIENT | {"id": "a"}, PATIENT, {"resourceType": "Group", "id": "a"}],
            ["Encounter.contained[1].id", "Encounter.contained[2].id"],
        ),
    ],
)
def test_each_contained_resource_has_an_id_of_its_own(
    contained: list[dict[str, Any]], places: list[str]
) -> None:
    back = {"extension": [{"url": "urn:x", "valueReference": {"reference": "#"}}]}
    body = care.session(contained=[resource | back for resource in contained])
    problems = [(issue.code, issue.expression) for issue in issues(body, "Encounter")]
    needed = [pair for pair in problems if pair[0] != "required"]
    assert needed == [("invariant", place) for place in places]


def test_a_resource_contains_at_most_a_hundred_others() -> None:
    contained = [{**PATIENT, "id": f"p{index}"} for index in range(101)]
    links = [{"url": "urn:x", "valueUri": f"#p{index}"} for index in range(1, 101)]
    body = care.session(contained=contained[:100], extension=links)
    assert broken_invariants(body) == [("dom-3", HERE)]
    (issue,) = issues(care.session(contained=contained, extension=links), "Encounter")
    assert (issue.code, issue.expression) == ("too-costly", "Encounter.contained")


def test_an_invariant_over_many_items_is_evaluated_in_one_pass() -> None:
    """Comparing every coding with those of every component would take minutes."""
    many = 20_000
    coding = [{"code": f"c{index}"} for index in range(many)]
    component = [
        {"code": {"coding": [{"code": f"d{index}"}]}, "valueString": "x"} for index in range(many)
    ]
    observation = care.example(
        "Observation", code={"coding": coding}, valueString="x", component=component
    )
    for name in [name for name in observation if name.startswith("value")]:
        del observation[name]
    observation["valueString"] = "x"
    assert issues(observation, "Observation") == []
    component[-1]["code"] = {"coding": [{"code": "c0"}]}
    assert [issue.text[:5] for issue in issues(observation, "Observation")] == ["obs-7"]
