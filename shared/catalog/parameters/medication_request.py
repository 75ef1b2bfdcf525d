"""The search parameters of MedicationRequest."""

from functools import partial

from shared.catalog.parameters import (
    ACTORS,
    CODE_SYSTEM_BASE,
    HL7,
    SPREAD,
    Index,
    common_params,
    param,
    row,
)

_medication_request = partial(param, "MedicationRequest")

ROWS = (
    *common_params("MedicationRequest"),
    _medication_request("authoredon", "date", "authoredOn", index=Index.LISTING, spread=SPREAD),
    _medication_request("category", "token", "category", element="CodeableConcept"),
    _medication_request(
        "code",
        "token",
        "(MedicationRequest.medication.ofType(CodeableConcept))",
        element="CodeableConcept",
        definition=f"{HL7}clinical-code",
    ),
    _medication_request(
        "date", "date", "dosageInstruction.timing.event", definition=f"{HL7}medications-date"
    ),
    _medication_request(
        "encounter",
        "reference",
        "encounter",
        "Encounter",
        definition=f"{HL7}medications-encounter",
        **row(keyed_target="Encounter", resources_per_value=10),
    ),
    _medication_request(
        "identifier",
        "token",
        "identifier",
        element="Identifier",
        definition=f"{HL7}clinical-identifier",
        **row(resources_per_value=1),
    ),
    _medication_request(
        "intended-dispenser", "reference", "dispenseRequest.performer", "Organization"
    ),
    _medication_request("intended-performer", "reference", "performer", *ACTORS, "CareTeam"),
    _medication_request(
        "intended-performertype", "token", "performerType", element="CodeableConcept"
    ),
    _medication_request(
        "intent",
        "token",
        "intent",
        element="code",
        system=f"{CODE_SYSTEM_BASE}/CodeSystem/medicationrequest-intent",
    ),
    _medication_request(
        "medication",
        "reference",
        "(MedicationRequest.medication.ofType(Reference))",
        "Medication",
        definition=f"{HL7}medications-medication",
    ),
    _medication_request(
        "patient",
        "reference",
        "subject.where(resolve() is Patient)",
        "Patient",
        definition=f"{HL7}clinical-patient",
        **row(resources_per_value=1_000),
    ),
    _medication_request(
        "priority",
        "token",
        "priority",
        element="code",
        system=f"{CODE_SYSTEM_BASE}/request-priority",
    ),
    _medication_request(
        "requester", "reference", "requester", *ACTORS, **row(resources_per_value=10_000)
    ),
    _medication_request(
        "status",
        "token",
        "status",
        element="code",
        system=f"{CODE_SYSTEM_BASE}/CodeSystem/medicationrequest-status",
        definition=f"{HL7}medications-status",
    ),
    _medication_request(
        "subject",
        "reference",
        "subject",
        "Group",
        "Patient",
        **row(partition="patient", resources_per_value=1_000),
    ),
)
