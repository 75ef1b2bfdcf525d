"""Convert events of the audit trail to FHIR AuditEvents.

https://hl7.org/fhir/R4/auditevent.html
"""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from shared.audit.events import Event, is_hash
from shared.catalog.interactions import AUDIT_ACTIONS
from shared.fhir import references
from shared.fhir.references import External, Local

type Resource = dict[str, Any]

_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
_INTERACTIONS = "http://hl7.org/fhir/restful-interaction"
_TYPES = "http://hl7.org/fhir/resource-types"
# The interaction of the server that closes sessions when they are due.
_CLOSING = "close"
# Codes of object-role, dicom-audit-lifecycle and audit-entity-type.
_PATIENT, _RESOURCE, _QUERY = "1", "4", "24"
_LIFECYCLE = {"C": "1", "U": "3", "D": "14"}
_PERSON = "1"
# The target types of `AuditEvent.agent.who`.
_AGENTS = (
    "Device",
    "Organization",
    "Patient",
    "Practitioner",
    "PractitionerRole",
    "RelatedPerson",
)
_IP_ADDRESS = "2"
_APPLICATION_SERVER = "4"
SUCCESS, MINOR, SERIOUS, MAJOR = "0", "4", "8", "12"


def audit_event(event_id: str, event: Event) -> Resource:
    """Return an event as an AuditEvent."""
    interaction = event["interaction"]
    return {
        "resourceType": "AuditEvent",
        "id": event_id,
        "meta": {"versionId": "1", "lastUpdated": event["at"]},
        "type": _coding("audit-event-type", "rest"),
        **({"subtype": [_subtype(interaction)]} if interaction else {}),
        # C, R, U or D, and E for operations and searches.
        "action": "U" if interaction == _CLOSING else AUDIT_ACTIONS.get(interaction, "E"),
        "recorded": event["at"],
        **_outcome(event),
        "agent": [_agent(event)],
        "source": {
            "observer": {"display": "Async Encounters"},
            "type": [_coding("security-source-type", _APPLICATION_SERVER)],
        },
        "entity": [*_entities(event)],
    }


def _subtype(interaction: str) -> dict[str, str]:
    code = interaction if interaction in AUDIT_ACTIONS else "operation"
    return {"system": _INTERACTIONS, "code": "update" if interaction == _CLOSING else code}


def _outcome(event: Event) -> dict[str, str]:
    status = event.get("status", 0)
    if status < HTTPStatus.BAD_REQUEST:
        return {"outcome": SUCCESS}
    outcome = MINOR if status < HTTPStatus.INTERNAL_SERVER_ERROR else MAJOR
    return {
        "outcome": SERIOUS if status == HTTPStatus.SERVICE_UNAVAILABLE else outcome,
        "outcomeDesc": " ".join([str(status), *event.get("issues", ())]),
    }


def _agent(event: Event) -> Resource:
    who, address = event["who"], event.get("address")
    subject = who.get("subject", "") or who.get("client", "")
    roles = [{"text": role} for role in who.get("roles", "").split()]
    return {
        **({"role": roles} if roles else {}),
        "who": _who(who.get("fhirUser", ""), subject),
        **({"altId": subject} if subject else {}),
        **({"name": who["client"]} if "client" in who else {}),
        "requestor": True,
        **({"network": {"address": address, "type": _IP_ADDRESS}} if address else {}),
    }


def _who(person: str, subject: str) -> Resource:
    """Return the agent: a reference if the token has one to a type that R4 allows."""
    parsed = None if is_hash(person) else references.parse(person)
    is_agent = isinstance(parsed, Local | External) and parsed.type in ("", *_AGENTS)
    return (
        {"reference": person}
        if is_agent
        else {"identifier": {"value": person or subject or "unknown"}}
    )


def _entities(event: Event) -> Iterator[Resource]:
    """Yield the entities: the resources written or the request, and each patient."""
    first, *others = [*_written(event)] or [_asked(event)]
    details = [{"type": kind, "valueString": text} for kind, text in _details(event)]
    yield first | ({"detail": details} if details else {})
    yield from others
    for patient in event["patients"]:
        yield {
            "what": {"identifier": {"value": patient}}
            if is_hash(patient)
            else {"reference": patient},
            "type": _coding("audit-entity-type", _PERSON),
            "role": _coding("object-role", _PATIENT),
        }


def _written(event: Event) -> Iterator[Resource]:
    for reference, version, action_code, _ in event.get("written", ()):
        lifecycle = {"lifecycle": _coding("dicom-audit-lifecycle", _LIFECYCLE[action_code])}
        yield _entity(reference.partition("/")[0], f"{reference}/_history/{version}") | lifecycle


def _asked(event: Event) -> Resource:
    """Return the entity that a request named: a type, a resource, a version, or nothing."""
    kind, identity, version = (event.get(name, "") for name in ("type", "id", "version"))
    reference = f"{kind}/{identity}" if identity else ""
    return _entity(kind, f"{reference}/_history/{version}" if version else reference)


def _entity(kind: str, reference: str) -> Resource:
    if not kind:
        return {}
    return {
        **({"what": {"reference": reference}} if reference else {}),
        "type": {"system": _TYPES, "code": kind},
        "role": _coding("object-role", _RESOURCE if reference else _QUERY),
    }


def _details(event: Event) -> Iterator[tuple[str, str]]:
    """Yield the details: the operation, the gateway's request, and the names of parameters."""
    interaction = event["interaction"]
    yield from ((kind, event[kind]) for kind in ("operation", "request") if kind in event)
    if "operation" not in event and interaction not in AUDIT_ACTIONS:
        yield "operation", interaction or "none"
    yield from (("parameter", name) for name in event.get("parameters", ()))


def _coding(system: str, code: str) -> dict[str, str]:
    return {"system": f"{_TERMINOLOGY}/{system}", "code": code}
