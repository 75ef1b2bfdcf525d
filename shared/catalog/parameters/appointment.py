"""The search parameters of Appointment."""

from functools import partial

from shared.catalog.parameters import (
    CODE_SYSTEM_BASE,
    PEOPLE,
    REASONS,
    SPREAD,
    Index,
    common_params,
    param,
    row,
)

_appointment = partial(param, "Appointment")

ROWS = (
    *common_params("Appointment"),
    _appointment(
        "actor",
        "reference",
        "participant.actor",
        *PEOPLE,
        "Device",
        "HealthcareService",
        "Location",
        **row(resources_per_value=10_000),
    ),
    _appointment("appointment-type", "token", "appointmentType", element="CodeableConcept"),
    _appointment(
        "based-on", "reference", "basedOn", "ServiceRequest", **row(resources_per_value=10)
    ),
    _appointment("date", "date", "start", element="instant", index=Index.LISTING, spread=SPREAD),
    _appointment(
        "identifier", "token", "identifier", element="Identifier", **row(resources_per_value=1)
    ),
    _appointment(
        "location",
        "reference",
        "participant.actor.where(resolve() is Location)",
        "Location",
        **row(partition="actor", resources_per_value=10_000),
    ),
    _appointment(
        "part-status",
        "token",
        "participant.status",
        element="code",
        system=f"{CODE_SYSTEM_BASE}/participationstatus",
    ),
    _appointment(
        "patient",
        "reference",
        "participant.actor.where(resolve() is Patient)",
        "Patient",
        **row(partition="actor", resources_per_value=100),
    ),
    _appointment(
        "practitioner",
        "reference",
        "participant.actor.where(resolve() is Practitioner)",
        "Practitioner",
        **row(partition="actor", resources_per_value=10_000),
    ),
    _appointment("reason-code", "token", "reasonCode", element="CodeableConcept"),
    _appointment(
        "reason-reference", "reference", "reasonReference", *REASONS, **row(resources_per_value=10)
    ),
    _appointment("service-category", "token", "serviceCategory", element="CodeableConcept"),
    _appointment("service-type", "token", "serviceType", element="CodeableConcept"),
    _appointment("slot", "reference", "slot", "Slot"),
    _appointment("specialty", "token", "specialty", element="CodeableConcept"),
    _appointment(
        "status", "token", "status", element="code", system=f"{CODE_SYSTEM_BASE}/appointmentstatus"
    ),
    _appointment("supporting-info", "reference", "supportingInformation"),
)
