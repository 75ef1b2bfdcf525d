"""R4's required bindings of CodeableConcepts: if there are codings, one is of the value set."""

from typing import Any

import pytest

from shared.catalog.types import STORED_TYPES
from shared.fhir.validation import schema
from shared.fhir.validation.validation import issues
from tests.support import care, variants

CORE, CONTAINED = schema._file("core"), schema._file("contained")
BOUND = {
    (kind, name)
    for file in (CORE, CONTAINED)
    for kind in file["types"]
    for name, element in schema.type_named(kind).elements.items()
    if element.type == "CodeableConcept" and element.value_set
}
OF_SERVED = sorted(pair for pair in BOUND if pair[0] in STORED_TYPES)
HL7 = "http://terminology.hl7.org/CodeSystem/"
CLINICAL = {"system": f"{HL7}condition-clinical", "code": "active"}
OTHER = {"system": "https://clinic.example/status", "code": "better"}
ALLERGY = {
    "resourceType": "AllergyIntolerance",
    "id": "a",
    "patient": care.reference(care.HOMER),
}


def condition(concept: Any) -> list[tuple[str, str]]:
    body = care.example("Condition", clinicalStatus=concept)
    return [(issue.code, issue.expression) for issue in issues(body, "Condition")]


def contained(resource: dict[str, Any]) -> list[tuple[str, str]]:
    body = care.session(
        contained=[resource],
        extension=[{"url": "urn:x", "valueReference": care.reference(f"#{resource['id']}")}],
    )
    return [(issue.code, issue.expression) for issue in issues(body, "Encounter")]


def test_the_required_bindings_of_r4_are_known() -> None:
    assert {
        ("AdverseEvent", "outcome"),
        ("AdverseEvent", "severity"),
        ("AllergyIntolerance", "clinicalStatus"),
        ("AllergyIntolerance", "verificationStatus"),
        ("Condition", "clinicalStatus"),
        ("Condition", "verificationStatus"),
        ("EffectEvidenceSynthesis.effectEstimate", "unitOfMeasure"),
        ("InsurancePlan.plan.specificCost.benefit.cost", "applicability"),
        ("Measure", "improvementNotation"),
        ("MeasureReport", "improvementNotation"),
        ("ResearchElementDefinition.characteristic", "unitOfMeasure"),
        ("RiskEvidenceSynthesis.riskEstimate", "unitOfMeasure"),
        ("SupplyDelivery", "type"),
    } == BOUND


@pytest.mark.parametrize(
    "concept",
    [
        {"coding": [CLINICAL]},
        {"coding": [OTHER, CLINICAL]},
        {"coding": [CLINICAL | {"version": "4.0.1", "display": "Still there"}], "text": "active"},
        {"text": "still there"},
        {"extension": [{"url": "urn:x", "valueCode": "unknown"}]},
    ],
)
def test_one_coding_of_the_value_set_or_none_at_all_is_accepted(concept: Any) -> None:
    assert condition(concept) == []


@pytest.mark.parametrize(
    "concept",
    [
        {"coding": [OTHER]},
        {"coding": [OTHER], "text": "active"},
        {"coding": [{"system": f"{HL7}condition-clinical", "code": "Active"}]},
        {"coding": [{"system": f"{HL7}condition-ver-status", "code": "active"}]},
        {"coding": [{"code": "active"}]},
        {"coding": [{"system": f"{HL7}condition-clinical"}]},
        {"coding": [{"display": "active"}]},
    ],
)
def test_codings_none_of_which_is_of_the_value_set_are_refused(concept: Any) -> None:
    assert condition(concept) == [("code-invalid", "Condition.clinicalStatus")]


@pytest.mark.parametrize("concept", ["active", {"coding": "active"}, {"coding": ["active"]}, []])
def test_a_concept_of_another_shape_is_refused_without_an_error(concept: Any) -> None:
    assert ("structure", "Condition.clinicalStatus") in {
        (code, place.partition(".coding")[0]) for code, place in condition(concept)
    }


@pytest.mark.parametrize(("kind", "name"), OF_SERVED)
def test_each_code_of_each_value_set_is_accepted(kind: str, name: str) -> None:
    element = schema.type_named(kind).elements[name]
    for system, codes in schema.concepts(element.value_set).items():
        for code in codes:
            assert schema.has_coding(element.value_set, {"system": system, "code": code})
    way = [variants.PathStep(schema.type_named(kind), name, element)]
    assert issues(variants.valid_resource(way), kind) == []
    (unknown,) = (mutant for mutant in variants.mutants(way) if mutant.what == "an unknown code")
    problems = [(issue.code, issue.expression) for issue in issues(unknown.resource, kind)]
    assert ("code-invalid", f"{kind}.{name}") in problems


def test_bindings_of_contained_resources_are_checked_too() -> None:
    verified = {"system": f"{HL7}allergyintolerance-verification", "code": "confirmed"}
    active = {"coding": [{"system": f"{HL7}allergyintolerance-clinical", "code": "active"}]}
    fine = {"clinicalStatus": active, "verificationStatus": {"coding": [verified]}}
    assert contained(ALLERGY | fine) == []
    place = "Encounter.contained[0].verificationStatus"
    wrong = fine | {"verificationStatus": {"coding": [OTHER]}}
    assert contained(ALLERGY | wrong) == [("code-invalid", place)]


def test_a_unit_of_measure_is_any_ucum_code() -> None:
    assert schema.has_coding("ucum-units", {"system": variants.UCUM, "code": "mm[Hg]"})
    assert not schema.has_coding("ucum-units", {"system": variants.UCUM})
    assert not schema.has_coding("ucum-units", {"system": "urn:x", "code": "mm[Hg]"})
