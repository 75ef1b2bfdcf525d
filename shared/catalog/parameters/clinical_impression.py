"""The search parameters of ClinicalImpression."""

from functools import partial

from shared.catalog.parameters import (
    CODE_SYSTEM_BASE,
    HL7,
    SPREAD,
    Index,
    common_params,
    param,
    row,
)

_clinical_impression = partial(param, "ClinicalImpression")

ROWS = (
    *common_params("ClinicalImpression"),
    _clinical_impression(
        "assessor",
        "reference",
        "assessor",
        "Practitioner",
        "PractitionerRole",
        **row(resources_per_value=10_000),
    ),
    _clinical_impression(
        "date", "date", "date", definition=f"{HL7}clinical-date", index=Index.LISTING, spread=SPREAD
    ),
    _clinical_impression(
        "encounter",
        "reference",
        "encounter",
        "Encounter",
        **row(keyed_target="Encounter", resources_per_value=10),
    ),
    _clinical_impression(
        "finding-code", "token", "finding.itemCodeableConcept", element="CodeableConcept"
    ),
    _clinical_impression(
        "finding-ref",
        "reference",
        "finding.itemReference",
        "Condition",
        "Media",
        "Observation",
        **row(resources_per_value=10),
    ),
    _clinical_impression(
        "identifier", "token", "identifier", element="Identifier", **row(resources_per_value=1)
    ),
    _clinical_impression(
        "investigation",
        "reference",
        "investigation.item",
        "DiagnosticReport",
        "FamilyMemberHistory",
        "ImagingStudy",
        "Media",
        "Observation",
        "QuestionnaireResponse",
        "RiskAssessment",
        **row(resources_per_value=10),
    ),
    _clinical_impression(
        "patient",
        "reference",
        "subject.where(resolve() is Patient)",
        "Patient",
        definition=f"{HL7}clinical-patient",
        **row(resources_per_value=1_000),
    ),
    _clinical_impression(
        "previous", "reference", "previous", "ClinicalImpression", **row(resources_per_value=1)
    ),
    _clinical_impression(
        "problem",
        "reference",
        "problem",
        "AllergyIntolerance",
        "Condition",
        **row(resources_per_value=10),
    ),
    _clinical_impression(
        "status", "token", "status", element="code", system=f"{CODE_SYSTEM_BASE}/event-status"
    ),
    _clinical_impression(
        "subject",
        "reference",
        "subject",
        "Group",
        "Patient",
        **row(partition="patient", resources_per_value=1_000),
    ),
    _clinical_impression(
        "supporting-info", "reference", "supportingInfo", **row(resources_per_value=10)
    ),
)
