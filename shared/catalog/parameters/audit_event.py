"""The search parameters of AuditEvent."""

from functools import partial

from shared.catalog.parameters import (
    CODE_SYSTEM_BASE,
    Index,
    common_params,
    param,
    row,
)

_audit_event = partial(param, "AuditEvent")
_AGENTS = ("Practitioner", "PractitionerRole", "Organization", "Device", "Patient", "RelatedPerson")
# An event is in one partition for each id that it names, whichever parameter names it.
_NAMED = row(partition="id", by_id=True)

ROWS = (
    *(row for row in common_params("AuditEvent") if row.code in ("_id", "_lastUpdated")),
    _audit_event(
        "action", "token", "action", element="code", system=f"{CODE_SYSTEM_BASE}/audit-event-action"
    ),
    _audit_event("agent", "reference", "agent.who", *_AGENTS, **_NAMED, resources_per_value=10_000),
    _audit_event("date", "date", "recorded", element="instant", index=Index.LISTING),
    _audit_event("entity", "reference", "entity.what", **_NAMED),
    _audit_event(
        "outcome",
        "token",
        "outcome",
        element="code",
        system=f"{CODE_SYSTEM_BASE}/audit-event-outcome",
    ),
    _audit_event(
        "patient",
        "reference",
        "agent.who.where(resolve() is Patient) | "
        "AuditEvent.entity.what.where(resolve() is Patient)",
        "Patient",
        **_NAMED,
        resources_per_value=1_000,
    ),
    _audit_event("subtype", "token", "subtype", element="Coding"),
    _audit_event("type", "token", "type", element="Coding"),
)
