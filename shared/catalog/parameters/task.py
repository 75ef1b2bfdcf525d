"""The search parameters of Task."""

from functools import partial

from shared.catalog.parameters import (
    ACTORS,
    CODE_SYSTEM_BASE,
    SPREAD,
    Index,
    common_params,
    param,
    row,
)

_task = partial(param, "Task")

ROWS = (
    *common_params("Task"),
    _task("authored-on", "date", "authoredOn", index=Index.LISTING, spread=SPREAD),
    _task("based-on", "reference", "basedOn", **row(resources_per_value=10)),
    _task("business-status", "token", "businessStatus", element="CodeableConcept"),
    _task("code", "token", "code", element="CodeableConcept"),
    _task(
        "encounter",
        "reference",
        "encounter",
        "Encounter",
        **row(keyed_target="Encounter", resources_per_value=10),
    ),
    _task("focus", "reference", "focus", **row(resources_per_value=10)),
    _task(
        "group-identifier",
        "token",
        "groupIdentifier",
        element="Identifier",
        **row(resources_per_value=10),
    ),
    _task("identifier", "token", "identifier", element="Identifier", **row(resources_per_value=1)),
    _task("intent", "token", "intent", element="code", system=f"{CODE_SYSTEM_BASE}/request-intent"),
    _task("modified", "date", "lastModified"),
    _task(
        "owner",
        "reference",
        "owner",
        *ACTORS,
        "CareTeam",
        "HealthcareService",
        **row(resources_per_value=10_000),
    ),
    _task("part-of", "reference", "partOf", "Task", **row(resources_per_value=10)),
    _task(
        "patient",
        "reference",
        "for.where(resolve() is Patient)",
        "Patient",
        **row(resources_per_value=1_000),
    ),
    _task("performer", "token", "performerType", element="CodeableConcept"),
    _task("period", "date", "executionPeriod"),
    _task(
        "priority",
        "token",
        "priority",
        element="code",
        system=f"{CODE_SYSTEM_BASE}/request-priority",
    ),
    _task("requester", "reference", "requester", *ACTORS, **row(resources_per_value=10_000)),
    _task("status", "token", "status", element="code", system=f"{CODE_SYSTEM_BASE}/task-status"),
    _task("subject", "reference", "for", **row(partition="patient", resources_per_value=1_000)),
)
