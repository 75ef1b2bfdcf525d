"""Invented resources as clinics send them: sessions, thread headers and messages.

They are made as models of fhir.resources, and returned as JSON: tests also add what models refuse.
"""

import json
from typing import Any

from fhir.resources.R4B.codeableconcept import CodeableConcept
from fhir.resources.R4B.coding import Coding
from fhir.resources.R4B.communication import Communication, CommunicationPayload
from fhir.resources.R4B.encounter import Encounter, EncounterParticipant
from fhir.resources.R4B.reference import Reference

from shared.catalog.examples import EXAMPLES

ALICE = "Practitioner/doctor-alice-smith"
HOMER = "Patient/homer-simpson"
ACT_CODE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
ENCOUNTER_STATUSES = [
    "planned",
    "arrived",
    "triaged",
    "in-progress",
    "onleave",
    "finished",
    "cancelled",
    "entered-in-error",
    "unknown",
]
COMMUNICATION_STATUSES = [
    "preparation",
    "in-progress",
    "not-done",
    "on-hold",
    "stopped",
    "completed",
    "entered-in-error",
    "unknown",
]


def reference(to: str) -> dict[str, str]:
    return {"reference": to}


def example(kind: str, **more: Any) -> dict[str, Any]:
    """Return a small valid resource of any type, without an id."""
    return {name: value for name, value in EXAMPLES[kind].items() if name != "id"} | more


_VIRTUAL: Any = {"class_fhir": Coding(system=ACT_CODE, code="VR", display="virtual")}
_SESSION = Encounter(
    **_VIRTUAL,
    status="in-progress",
    subject=Reference(reference=HOMER),
    participant=[EncounterParticipant(individual=Reference(reference=ALICE))],
).model_dump_json()
_HEADER = Communication(
    status="in-progress",
    topic=CodeableConcept(text="A rash"),
    subject=Reference(reference=HOMER),
    sender=Reference(reference=HOMER),
    recipient=[Reference(reference=ALICE), Reference(reference=HOMER)],
).model_dump_json()
_MESSAGE = Communication(
    status="in-progress",
    subject=Reference(reference=HOMER),
    sender=Reference(reference=HOMER),
    recipient=[Reference(reference=ALICE)],
    payload=[CommunicationPayload(contentString="It itches")],
).model_dump_json()


def session(status: str = "in-progress", **more: Any) -> dict[str, Any]:
    return {**json.loads(_SESSION), "status": status, **more}


def visit(**more: Any) -> dict[str, Any]:
    """Return an Encounter that is not a session."""
    return session(**{"class": {"system": ACT_CODE, "code": "AMB"}, **more})


def medical_encounter(session_id: str, patient: str, **more: Any) -> dict[str, Any]:
    system = "https://medplum.com/fhir/CodeSystem/encounter-type"
    return session(
        **{
            "subject": reference(patient),
            "partOf": reference(f"Encounter/{session_id}"),
            "type": [{"coding": [{"system": system, "code": "medical-encounter"}]}],
            **more,
        }
    )


def header(**more: Any) -> dict[str, Any]:
    return {**json.loads(_HEADER), **more}


def message(header_id: str, sent: str | None = None, **more: Any) -> dict[str, Any]:
    dated = {"sent": sent} if sent else {}
    part_of = [reference(f"Communication/{header_id}")]
    return {**json.loads(_MESSAGE), "partOf": part_of, **dated, **more}


def link(encounter_id: str) -> list[dict[str, Any]]:
    value = reference(f"Encounter/{encounter_id}")
    return [{"op": "add", "path": "/encounter", "value": value}]


def parameters(*pairs: tuple[str, Any]) -> dict[str, Any]:
    """Return a Parameters resource. A string value becomes a reference, a dict a resource."""
    return {
        "resourceType": "Parameters",
        "parameter": [
            {"name": name, "valueReference": reference(value)}
            if isinstance(value, str)
            else {"name": name, "resource": value}
            for name, value in pairs
        ],
    }


def policy(**parts: Any) -> list[dict[str, Any]]:
    """Return the extension by which a header names its own session policy."""
    named = [{"url": name, **value} for name, value in parts.items()]
    url = "https://fhir.example.org/fhir/R4/StructureDefinition/session-policy"
    return [{"url": url, "extension": named}]
