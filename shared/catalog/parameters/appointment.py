"""The search parameters of Appointment."""

from functools import partial

from shared.catalog.parameters import (
    CODE_SYSTEM,
    PEOPLE,
    REASONS,
    SPREAD,
    Index,
    of_every_type,
    param,
    row,
)

_appointment = partial(param, "Appointment")

ROWS = (
    *of_every_type("Appointment"),
    _appointment(
        "actor",
        "reference",
        "participant.actor",
        *PEOPLE,
        "Device",
        "HealthcareService",
        "Location",
        **row(common=10_000),
    ),
    _appointment("appointment-type", "token", "appointmentType", element="CodeableConcept"),
    _appointment("based-on", "reference", "basedOn", "ServiceRequest", **row(common=10)),
    _appointment("date", "date", "start", element="instant", index=Index.LISTING, spread=SPREAD),
    _appointment("identifier", "token", "identifier", element="Identifier", **row(common=1)),
    _appointment(
        "location",
        "reference",
        "participant.actor.where(resolve() is Location)",
        "Location",
        **row(partition="actor", common=10_000),
    ),
    _appointment(
        "part-status",
        "token",
        "participant.status",
        element="code",
        system=f"{CODE_SYSTEM}/participationstatus",
    ),
    _appointment(
        "patient",
        "reference",
        "participant.actor.where(resolve() is Patient)",
        "Patient",
        **row(partition="actor", common=100),
    ),
    _appointment(
        "practitioner",
        "reference",
        "participant.actor.where(resolve() is Practitioner)",
        "Practitioner",
        **row(partition="actor", common=10_000),
    ),
    _appointment("reason-code", "token", "reasonCode", element="CodeableConcept"),
    _appointment("reason-reference", "reference", "reasonReference", *REASONS, **row(common=10)),
    _appointment("service-category", "token", "serviceCategory", element="CodeableConcept"),
    _appointment("service-type", "token", "serviceType", element="CodeableConcept"),
    _appointment("slot", "reference", "slot", "Slot"),
    _appointment("specialty", "token", "specialty", element="CodeableConcept"),
    _appointment(
        "status", "token", "status", element="code", system=f"{CODE_SYSTEM}/appointmentstatus"
    ),
    _appointment("supporting-info", "reference", "supportingInformation"),
)
