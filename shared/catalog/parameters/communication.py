"""The search parameters of Communication."""

from functools import partial

from shared.catalog.parameters import (
    ACTORS,
    CODE_SYSTEM_BASE,
    INSTANTIATED,
    OWN_DEFINITION_PATH,
    Index,
    SearchParam,
    common_params,
    param,
    row,
    spread,
)

_SENDERS = (*ACTORS, "HealthcareService")
_communication = partial(param, "Communication")

ROWS = (
    *common_params("Communication"),
    _communication("based-on", "reference", "basedOn", **row(resources_per_value=10)),
    _communication("category", "token", "category", element="CodeableConcept"),
    _communication(
        "encounter", "reference", "encounter", "Encounter", **row(resources_per_value=10)
    ),
    _communication(
        "identifier", "token", "identifier", element="Identifier", **row(resources_per_value=1)
    ),
    _communication(
        "instantiates-canonical",
        "reference",
        "instantiatesCanonical",
        *INSTANTIATED,
        **spread(resources_per_value=100_000),
    ),
    _communication(
        "instantiates-uri", "uri", "instantiatesUri", **spread(resources_per_value=100_000)
    ),
    _communication("medium", "token", "medium", element="CodeableConcept"),
    # A thread's partition has its header's id as key. `:missing=true` reads listings of headers.
    _communication("part-of", "reference", "partOf", **row(keyed_target="Communication")),
    _communication(
        "patient",
        "reference",
        "subject.where(resolve() is Patient)",
        "Patient",
        **row(resources_per_value=1_000),
    ),
    _communication(
        "priority",
        "token",
        "priority",
        element="code",
        system=f"{CODE_SYSTEM_BASE}/request-priority",
        definition=f"{OWN_DEFINITION_PATH}Communication-priority",
        description="The urgency: routine, urgent, asap or stat",
    ),
    _communication("received", "date", "received"),
    _communication(
        "recipient",
        "reference",
        "recipient",
        *_SENDERS,
        "Group",
        "CareTeam",
        **row(resources_per_value=10_000),
    ),
    _communication("sender", "reference", "sender", *_SENDERS, **row(resources_per_value=10_000)),
    _communication("sent", "date", "sent"),
    # The effective session of a message follows from its thread's spans, not from an element.
    SearchParam(
        "Communication",
        "session",
        "reference",
        "",
        ("Encounter",),
        index=Index.KEY,
        definition=f"{OWN_DEFINITION_PATH}Communication-session",
        description="The session that a message belongs to, also if its thread is linked to "
        "another one by now",
    ),
    _communication(
        "status", "token", "status", element="code", system=f"{CODE_SYSTEM_BASE}/event-status"
    ),
    _communication(
        "subject",
        "reference",
        "subject",
        "Group",
        "Patient",
        **row(partition="patient", resources_per_value=1_000),
    ),
    _communication(
        "topic",
        "token",
        "topic",
        element="CodeableConcept",
        definition=f"{OWN_DEFINITION_PATH}Communication-topic",
        description="The topic; `:text` matches the beginning of any of its words",
    ),
)
