"""The search parameters of Encounter."""

from functools import partial

from shared.catalog.code_systems import ACT_CODE
from shared.catalog.parameters import (
    CODE_SYSTEM_BASE,
    HL7,
    PARTICIPANTS,
    REASONS,
    SPREAD,
    Index,
    common_params,
    param,
    row,
    spread,
)

_encounter = partial(param, "Encounter")

ROWS = (
    *common_params("Encounter"),
    _encounter("account", "reference", "account", "Account", **row(resources_per_value=10)),
    _encounter(
        "appointment", "reference", "appointment", "Appointment", **row(resources_per_value=1)
    ),
    _encounter("based-on", "reference", "basedOn", "ServiceRequest", **row(resources_per_value=1)),
    _encounter(
        "class",
        "token",
        "class",
        element="Coding",
        usual_system=ACT_CODE,
        **spread(resources_per_value=1_000_000),
    ),
    _encounter(
        "date",
        "date",
        "period",
        index=Index.LISTING,
        spread=SPREAD,
        definition=f"{HL7}clinical-date",
    ),
    _encounter(
        "diagnosis",
        "reference",
        "diagnosis.condition",
        "Condition",
        "Procedure",
        **row(resources_per_value=1),
    ),
    _encounter(
        "episode-of-care",
        "reference",
        "episodeOfCare",
        "EpisodeOfCare",
        **row(resources_per_value=10),
    ),
    _encounter(
        "identifier",
        "token",
        "identifier",
        element="Identifier",
        definition=f"{HL7}clinical-identifier",
        **row(resources_per_value=1),
    ),
    _encounter("length", "quantity", "length"),
    _encounter(
        "location",
        "reference",
        "location.location",
        "Location",
        **spread(resources_per_value=100_000),
    ),
    _encounter("location-period", "date", "location.period"),
    _encounter("part-of", "reference", "partOf", "Encounter", **row(resources_per_value=10)),
    _encounter(
        "participant",
        "reference",
        "participant.individual",
        *PARTICIPANTS,
        **row(resources_per_value=10_000),
    ),
    _encounter("participant-type", "token", "participant.type", element="CodeableConcept"),
    _encounter(
        "patient",
        "reference",
        "subject.where(resolve() is Patient)",
        "Patient",
        definition=f"{HL7}clinical-patient",
        **row(),
    ),
    _encounter(
        "practitioner",
        "reference",
        "participant.individual.where(resolve() is Practitioner)",
        "Practitioner",
        **row(partition="participant", resources_per_value=10_000),
    ),
    _encounter(
        "reason-code",
        "token",
        "reasonCode",
        element="CodeableConcept",
        **spread(resources_per_value=10_000),
    ),
    _encounter(
        "reason-reference", "reference", "reasonReference", *REASONS, **row(resources_per_value=1)
    ),
    _encounter(
        "service-provider",
        "reference",
        "serviceProvider",
        "Organization",
        **spread(resources_per_value=1_000_000),
    ),
    _encounter(
        "special-arrangement",
        "token",
        "hospitalization.specialArrangement",
        element="CodeableConcept",
    ),
    # Only open Encounters are listed for `status`: see the listing `open` in shared.store.index.
    _encounter(
        "status",
        "token",
        "status",
        element="code",
        index=Index.LISTING,
        spread=SPREAD,
        system=f"{CODE_SYSTEM_BASE}/encounter-status",
    ),
    _encounter("subject", "reference", "subject", "Group", "Patient", **row(partition="patient")),
    _encounter(
        "type", "token", "type", element="CodeableConcept", definition=f"{HL7}clinical-type"
    ),
)
