"""An invented example of each resource type, shown in the OpenAPI document."""

from typing import Any

from shared.catalog.code_systems import ACT_CODE, UCUM
from shared.catalog.types import BINARY, complete_table

type Json = dict[str, Any]

_HOMER = {"reference": "Patient/homer-simpson"}
_ALICE = {"reference": "Practitioner/doctor-alice-smith"}
_RASH = {"text": "Rash on both arms"}

_ELEMENTS: dict[str, Json] = {
    "Encounter": {
        "status": "in-progress",
        "class": {"system": ACT_CODE, "code": "VR"},
        "subject": _HOMER,
    },
    "Communication": {
        "status": "in-progress",
        "topic": {"text": "Back pain"},
        "subject": _HOMER,
        "sender": _HOMER,
    },
    "Patient": {
        "name": [{"family": "Simpson", "given": ["Homer"]}],
        "telecom": [{"system": "phone", "value": "+15551234567"}],
        "birthDate": "1956-05-12",
    },
    "Practitioner": {"name": [{"family": "Smith", "given": ["Alice"], "prefix": ["Dr."]}]},
    "PractitionerRole": {"practitioner": _ALICE, "code": [{"text": "General practice"}]},
    "RelatedPerson": {
        "patient": {"reference": "Patient/bart-simpson"},
        "relationship": [{"text": "mother"}],
        "name": [{"family": "Simpson", "given": ["Marge"]}],
    },
    "Organization": {"name": "Springfield Clinic"},
    "Location": {"name": "Main Clinic - Room 204"},
    "Group": {"type": "person", "actual": True, "member": [{"entity": _HOMER}]},
    "CareTeam": {"subject": _HOMER, "participant": [{"member": _ALICE}]},
    "Appointment": {
        "status": "booked",
        "start": "2026-11-21T10:00:00Z",
        "end": "2026-11-21T10:20:00Z",
        "participant": [{"actor": _HOMER, "status": "accepted"}],
    },
    "Condition": {
        "clinicalStatus": {
            "coding": [
                {
                    "system": "http://terminology.hl7.org/CodeSystem/condition-clinical",
                    "code": "active",
                }
            ]
        },
        "code": _RASH,
        "subject": _HOMER,
    },
    "Observation": {
        "status": "final",
        "code": {"text": "Body temperature"},
        "subject": _HOMER,
        "valueQuantity": {
            "value": 38.2,
            "unit": "°C",
            "system": UCUM,
            "code": "Cel",
        },
    },
    "Procedure": {"status": "completed", "code": {"text": "Wound care"}, "subject": _HOMER},
    "DocumentReference": {
        "status": "current",
        "subject": _HOMER,
        "content": [{"attachment": {"title": "Note", "contentType": "text/plain"}}],
    },
    "ClinicalImpression": {"status": "completed", "subject": _HOMER, "summary": "Contact rash"},
    "MedicationRequest": {
        "status": "active",
        "intent": "order",
        "medicationCodeableConcept": {"text": "Hydrocortisone 1 % cream"},
        "subject": _HOMER,
    },
    "ServiceRequest": {
        "status": "active",
        "intent": "order",
        "code": {"text": "Patch test"},
        "subject": _HOMER,
    },
    "QuestionnaireResponse": {"status": "completed", "subject": _HOMER},
    "Task": {"status": "requested", "intent": "order", "for": _HOMER},
    "ChargeItem": {"status": "billable", "code": {"text": "Online visit"}, "subject": _HOMER},
    BINARY: {"contentType": "text/plain", "data": "TXkgYXJtIGl0Y2hlcy4="},
    "Subscription": {
        "status": "requested",
        "reason": "Show new messages at once",
        "criteria": "Communication?recipient=Practitioner/doctor-alice-smith",
        "channel": {
            "type": "rest-hook",
            "endpoint": "https://chat.example.com/fhir",
            "payload": "application/fhir+json",
        },
    },
}
EXAMPLES = {
    kind: {"resourceType": kind, "id": "example"} | elements
    for kind, elements in complete_table("EXAMPLES", _ELEMENTS).items()
}
