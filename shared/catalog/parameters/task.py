"""The search parameters of Task."""

from functools import partial

from shared.catalog.parameters import ACTORS, CODE_SYSTEM, SPREAD, Index, of_every_type, param, row

_task = partial(param, "Task")

ROWS = (
    *of_every_type("Task"),
    _task("authored-on", "date", "authoredOn", index=Index.LISTING, spread=SPREAD),
    _task("based-on", "reference", "basedOn", **row(common=10)),
    _task("business-status", "token", "businessStatus", element="CodeableConcept"),
    _task("code", "token", "code", element="CodeableConcept"),
    _task("encounter", "reference", "encounter", "Encounter", **row(keyed="Encounter", common=10)),
    _task("focus", "reference", "focus", **row(common=10)),
    _task("group-identifier", "token", "groupIdentifier", element="Identifier", **row(common=10)),
    _task("identifier", "token", "identifier", element="Identifier", **row(common=1)),
    _task("intent", "token", "intent", element="code", system=f"{CODE_SYSTEM}/request-intent"),
    _task("modified", "date", "lastModified"),
    _task(
        "owner",
        "reference",
        "owner",
        *ACTORS,
        "CareTeam",
        "HealthcareService",
        **row(common=10_000),
    ),
    _task("part-of", "reference", "partOf", "Task", **row(common=10)),
    _task(
        "patient", "reference", "for.where(resolve() is Patient)", "Patient", **row(common=1_000)
    ),
    _task("performer", "token", "performerType", element="CodeableConcept"),
    _task("period", "date", "executionPeriod"),
    _task(
        "priority", "token", "priority", element="code", system=f"{CODE_SYSTEM}/request-priority"
    ),
    _task("requester", "reference", "requester", *ACTORS, **row(common=10_000)),
    _task("status", "token", "status", element="code", system=f"{CODE_SYSTEM}/task-status"),
    _task("subject", "reference", "for", **row(partition="patient", common=1_000)),
)
