"""Which references R4 allows in an element."""

from typing import Any

import pytest

from shared.catalog.types import RECORD_TYPES, RESOURCE_TYPES, SESSION_TYPES
from shared.fhir.validation.validation import issues
from tests.support import care

NO_REFERENCE = [
    "Encounter/enc_1",
    "01HZX3",
    "Organisation/1",
    "/Encounter/x",
    "Encounter/x/",
    "a b",
]
PATIENT: dict[str, Any] = {"resourceType": "Patient", "id": "p", "name": [{"text": "Homer"}]}
DEVICE: dict[str, Any] = {"resourceType": "Device", "id": "d"}
LOGICAL = {"identifier": {"value": "1"}}
CORE = "http://hl7.org/fhir/StructureDefinition"


def places(resource: dict[str, Any], **more: Any) -> list[str]:
    return [issue.expression for issue in issues(resource, resource["resourceType"], **more)]


@pytest.mark.parametrize("text", NO_REFERENCE)
def test_a_malformed_reference_is_refused_at_every_element(text: str) -> None:
    wrong = care.reference(text)
    url = "https://clinic.example/x"
    contained = PATIENT | {"managingOrganization": wrong}
    body = care.session(
        subject=wrong,
        participant=[{"individual": wrong}],
        contained=[contained],
        extension=[
            {"url": url, "valueReference": wrong},
            {"url": url, "extension": [{"url": "a", "valueReference": wrong}]},
            {"url": url, "valueAnnotation": {"authorReference": wrong, "text": "x"}},
            {"url": url, "valueReference": care.reference("#p")},
        ],
        _status={"extension": [{"url": url, "valueReference": wrong}]},
        identifier=[{"value": "1", "assigner": wrong}],
        diagnosis=[{"condition": wrong}],
    )
    assert sorted(places(body)) == sorted(
        f"Encounter.{place}.reference"
        for place in (
            "subject",
            "participant[0].individual",
            "contained[0].managingOrganization",
            "extension[0].valueReference",
            "extension[1].extension[0].valueReference",
            "extension[2].valueAnnotation.authorReference",
            "status.extension[0].valueReference",
            "identifier[0].assigner",
            "diagnosis[0].condition",
        )
    )


@pytest.mark.parametrize(
    "element",
    [
        care.reference("#p"),
        care.reference("#p") | {"type": "Patient"},
        care.reference("Patient/1") | {"type": "Patient"},
        care.reference("Patient/1") | {"type": f"{CORE}/Patient"},
        care.reference("Patient?identifier=1") | {"type": "Patient"},
        care.reference("https://other.example/Patient/1/_history/2") | {"type": "Patient"},
        care.reference("https://other.example/people/1") | {"type": "Patient"},
        care.reference("urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0") | {"type": "Patient"},
        LOGICAL | {"type": "Patient"},
        LOGICAL | {"type": "https://models.example/StructureDefinition/Person"},
        {"display": "Homer", "type": "Group"},
    ],
)
def test_a_type_that_agrees_with_its_reference_is_accepted(element: dict[str, Any]) -> None:
    contained: dict[str, Any] = {"contained": [PATIENT]} if element.get("reference") == "#p" else {}
    assert places(care.session(subject=element, **contained)) == []


@pytest.mark.parametrize(
    ("element", "place"),
    [
        (care.reference("Patient/1") | {"type": "Group"}, "type"),
        (care.reference("Patient/1") | {"type": f"{CORE}/Group"}, "type"),
        (care.reference("Patient/1") | {"type": "patient"}, "type"),
        (care.reference("Patient/1") | {"type": "Person2"}, "type"),
        (care.reference("Patient/1") | {"type": "https://models.example/Person"}, "type"),
        (care.reference("Patient/1/_history/2") | {"type": "Group"}, "type"),
        (care.reference("https://other.example/Patient/1") | {"type": "Group"}, "type"),
        (care.reference("Patient?name=x") | {"type": "Group"}, "type"),
        (care.reference("#p") | {"type": "Group"}, "type"),
        (LOGICAL | {"type": "Device"}, "type"),
        (care.reference("https://other.example/people/1") | {"type": "Device"}, "type"),
        (care.reference("#d"), "reference"),
        (care.reference("Device/1"), "reference"),
        (care.reference("Device?identifier=1"), "reference"),
    ],
)
def test_a_type_that_the_element_does_not_allow_is_refused(
    element: dict[str, Any], place: str
) -> None:
    contained: list[dict[str, Any]] = [PATIENT, DEVICE]
    pointers = [
        {"url": "https://e.example", "valueReference": care.reference(f"#{resource['id']}")}
        for resource in contained
    ]
    body = care.session(subject=element, contained=contained, extension=pointers)
    assert places(body) == [f"Encounter.subject.{place}"]


def test_contained_resources_refer_to_each_other_by_type() -> None:
    author: dict[str, Any] = {"resourceType": "Organization", "id": "o", "name": "x"}
    practice: dict[str, Any] = {
        "resourceType": "Location",
        "id": "l",
        "managingOrganization": care.reference("#d"),
    }
    body = care.session(
        contained=[author, practice, DEVICE],
        serviceProvider=care.reference("#o"),
        location=[{"location": care.reference("#l")}],
    )
    assert places(body) == ["Encounter.contained[1].managingOrganization.reference"]
    body["contained"][1]["managingOrganization"] = care.reference("#o")
    body["contained"][2]["owner"] = care.reference("#o")
    body["extension"] = [{"url": "https://e.example", "valueReference": care.reference("#d")}]
    assert places(body) == []


def test_a_parameter_contains_its_own_resources() -> None:
    inner = care.session(contained=[PATIENT], subject=care.reference("#p"))
    body = care.parameters(("encounter", inner), ("patient", "#p"))
    assert places(body) == ["Parameters.parameter[1].valueReference"]
    inner["subject"] = care.reference("#other")
    assert "Parameters.parameter[0].resource.subject" in places(body)


def test_a_canonical_is_not_checked_as_a_reference() -> None:
    body = care.header(instantiatesCanonical=["https://e.example/PlanDefinition/x|1"])
    assert places(body) == []


@pytest.mark.parametrize(
    ("r4_id_types", "refused"),
    [
        (SESSION_TYPES, []),
        ((*SESSION_TYPES, *RECORD_TYPES), ["diagnosis[0].condition"]),
        (RESOURCE_TYPES, ["subject", "participant[0].individual", "diagnosis[0].condition"]),
    ],
)
def test_an_id_of_another_system_may_have_an_underscore(
    r4_id_types: Any, refused: list[str]
) -> None:
    body = care.session(
        subject=care.reference("Patient/pt_abc123"),
        participant=[{"individual": care.reference("Practitioner/prac_def456")}],
        diagnosis=[{"condition": care.reference("Condition/co_1")}],
    )
    found = places(body, r4_id_types=r4_id_types)
    assert sorted(found) == sorted(f"Encounter.{refusal}.reference" for refusal in refused)
    assert "Encounter.id" in places(body | {"id": "enc_1"}, r4_id_types=r4_id_types)
