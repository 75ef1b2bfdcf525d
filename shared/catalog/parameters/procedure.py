"""The search parameters of Procedure."""

from functools import partial

from shared.catalog.parameters import (
    ACTORS,
    CODE_SYSTEM,
    HL7,
    INSTANTIATED,
    SPREAD,
    Index,
    of_every_type,
    param,
    row,
)

_procedure = partial(param, "Procedure")

ROWS = (
    *of_every_type("Procedure"),
    _procedure("based-on", "reference", "basedOn", "CarePlan", "ServiceRequest", **row(common=10)),
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
        **row(keyed="Encounter", common=10),
    ),
    _procedure(
        "identifier",
        "token",
        "identifier",
        element="Identifier",
        definition=f"{HL7}clinical-identifier",
        **row(common=1),
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
        **row(common=10),
    ),
    _procedure(
        "patient",
        "reference",
        "subject.where(resolve() is Patient)",
        "Patient",
        definition=f"{HL7}clinical-patient",
        **row(common=1_000),
    ),
    _procedure("performer", "reference", "performer.actor", *ACTORS, **row(common=10_000)),
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
        **row(common=10),
    ),
    _procedure("status", "token", "status", element="code", system=f"{CODE_SYSTEM}/event-status"),
    _procedure(
        "subject",
        "reference",
        "subject",
        "Group",
        "Patient",
        **row(partition="patient", common=1_000),
    ),
)
