"""Invented resources for the walkthrough, dated by the clock of the service that stores them."""

from base64 import b64encode
from datetime import datetime, timedelta
from typing import Any

from shared.catalog.code_systems import ACT_CODE, ENCOUNTER_TYPE

Resource = dict[str, Any]

VIRTUAL = f"{ACT_CODE}|VR"
POLICY_URL = "https://example.org/StructureDefinition/session-policy"
HOMER = {"reference": "Patient/homer-simpson"}
MARGE = {"reference": "RelatedPerson/marge-simpson"}
ALICE = {"reference": "Practitioner/doctor-alice-smith"}
TRANSPARENT_PIXEL = (
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\x00\x00\x00!\xf9\x04\x01\x00\x00\x00\x00"
    b",\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
)


def written_at(resource: Resource) -> datetime:
    """Return when the service wrote a resource, by its own clock."""
    return datetime.fromisoformat(resource["meta"]["lastUpdated"])


def session() -> Resource:
    """Return the Encounter of an asynchronous visit."""
    return {
        "resourceType": "Encounter",
        "status": "in-progress",
        "class": {"system": ACT_CODE, "code": "VR", "display": "virtual"},
        "subject": HOMER,
        "participant": [{"individual": ALICE}],
    }


def family_session() -> Resource:
    """Return the Encounter of a visit about several patients, without a subject."""
    encounter = session()
    del encounter["subject"]
    return encounter


def medical_encounter(of: Resource, patient: str, snomed: str = "") -> Resource:
    """Return the Encounter of one patient in a session about several."""
    coding = {"system": "http://snomed.info/sct", "code": snomed}
    return {
        **session(),
        "subject": {"reference": patient},
        "partOf": {"reference": f"Encounter/{of['id']}"},
        "type": [{"coding": [{"system": ENCOUNTER_TYPE, "code": "medical-encounter"}]}],
        **({"reasonCode": [{"coding": [coding]}]} if snomed else {}),
    }


def header() -> Resource:
    """Return the header Communication of a thread."""
    return {
        "resourceType": "Communication",
        "status": "in-progress",
        "topic": {"text": "Back pain"},
        "subject": HOMER,
        "sender": HOMER,
        "recipient": [HOMER, MARGE, ALICE],
    }


def message(
    of: Resource, sender: dict[str, str], minute: int, text: str, *attachments: Resource
) -> Resource:
    """Return a message in a thread, sent `minute` minutes after its first message.

    The first one is sent ten minutes before the header was created.
    """
    sent = written_at(of) - timedelta(minutes=10 - minute)
    return {
        "resourceType": "Communication",
        "status": "in-progress",
        "partOf": [{"reference": f"Communication/{of['id']}"}],
        "subject": HOMER,
        "sender": sender,
        "recipient": [ALICE],
        "sent": sent.isoformat(timespec="milliseconds"),
        "payload": [{"contentString": text}, *attachments],
    }


def draft(of: Resource, sender: dict[str, str], text: str) -> Resource:
    """Return a message that has not been sent yet."""
    unsent = message(of, sender, 0, text) | {"status": "preparation"}
    del unsent["sent"]
    return unsent


def photo() -> Resource:
    """Return an attachment with a picture."""
    data = b64encode(TRANSPARENT_PIXEL).decode()
    return {"contentAttachment": {"contentType": "image/gif", "data": data, "title": "back.gif"}}


def policy_extension(code: str) -> Resource:
    """Return the extension that sets a session policy on a thread's header."""
    part = {"url": "policy", "valueCode": code}
    return {"extension": [{"url": POLICY_URL, "extension": [part]}]}


def link_patch(encounter: Resource) -> list[dict[str, Any]]:
    """Return the JSON Patch that links a thread to a session."""
    value = {"reference": f"Encounter/{encounter['id']}"}
    return [{"op": "add", "path": "/encounter", "value": value}]


def entered_in_error_patch() -> list[dict[str, Any]]:
    """Return the JSON Patch that marks a resource as entered in error."""
    return [{"op": "replace", "path": "/status", "value": "entered-in-error"}]


def finished_encounter(encounter: Resource) -> Resource:
    """Return an Encounter finished when it was last written, with a length of twelve minutes."""
    minutes = {"system": "http://unitsofmeasure.org", "unit": "min", "code": "min"}
    end = written_at(encounter).isoformat(timespec="milliseconds")
    period = {"period": {**encounter.get("period", {}), "end": end}}
    return encounter | period | {"status": "finished", "length": {"value": 12, **minutes}}
