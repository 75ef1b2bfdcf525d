"""The search parameters of Procedure."""

from functools import partial

from shared.catalog.parameters import (
    ACTORS,
    CODE_SYSTEM_BASE,
    HL7,
    INSTANTIATED,
    SPREAD,
    Index,
    common_params,
    param,
    row,
)

_procedure = partial(param, "Procedure")

ROWS = (
    *common_params("Procedure"),
    _procedure(
        "based-on",
        "reference",
        "basedOn",
        "CarePlan",
        "ServiceRequest",
        **row(resources_per_value=10),
    ),
    _procedure("category", "token", "category", element="CodeableConcept"),
    _procedure(
        "code", "token", "code", element="CodeableConcept", definition=f"{HL7}clinical-code"
    ),
    _procedure(
        "date",
        "date",
        "performed",
        definition=f"{HL7}clinical-date",
        index=Index.LISTING,
        spread=SPREAD,
    ),
    _procedure(
        "encounter",
        "reference",
        "encounter",
        "Encounter",
        "EpisodeOfCare",
        definition=f"{HL7}clinical-encounter",
        **row(keyed_target="Encounter", resources_per_value=10),
    ),
    _procedure(
        "identifier",
        "token",
        "identifier",
        element="Identifier",
        definition=f"{HL7}clinical-identifier",
        **row(resources_per_value=1),
    ),
    _procedure("instantiates-canonical", "reference", "instantiatesCanonical", *INSTANTIATED),
    _procedure("instantiates-uri", "uri", "instantiatesUri"),
    _procedure("location", "reference", "location", "Location"),
    _procedure(
        "part-of",
        "reference",
        "partOf",
        "MedicationAdministration",
        "Observation",
        "Procedure",
        **row(resources_per_value=10),
    ),
    _procedure(
        "patient",
        "reference",
        "subject.where(resolve() is Patient)",
        "Patient",
        definition=f"{HL7}clinical-patient",
        **row(resources_per_value=1_000),
    ),
    _procedure(
        "performer", "reference", "performer.actor", *ACTORS, **row(resources_per_value=10_000)
    ),
    _procedure("reason-code", "token", "reasonCode", element="CodeableConcept"),
    _procedure(
        "reason-reference",
        "reference",
        "reasonReference",
        "Condition",
        "DiagnosticReport",
        "DocumentReference",
        "Observation",
        "Procedure",
        **row(resources_per_value=10),
    ),
    _procedure(
        "status", "token", "status", element="code", system=f"{CODE_SYSTEM_BASE}/event-status"
    ),
    _procedure(
        "subject",
        "reference",
        "subject",
        "Group",
        "Patient",
        **row(partition="patient", resources_per_value=1_000),
    ),
)
