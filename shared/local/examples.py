"""Invented resources for the walkthrough, dated by the clock of the service that stores them.

They are models of fhir.resources, whose R4B has the elements of R4 that are used here.
"""

from base64 import b64encode
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from fhir.resources.R4B.attachment import Attachment
from fhir.resources.R4B.codeableconcept import CodeableConcept
from fhir.resources.R4B.coding import Coding
from fhir.resources.R4B.communication import Communication, CommunicationPayload
from fhir.resources.R4B.contactpoint import ContactPoint
from fhir.resources.R4B.duration import Duration
from fhir.resources.R4B.encounter import Encounter, EncounterParticipant
from fhir.resources.R4B.extension import Extension
from fhir.resources.R4B.humanname import HumanName
from fhir.resources.R4B.patient import Patient, PatientLink
from fhir.resources.R4B.period import Period
from fhir.resources.R4B.reference import Reference
from fhir.resources.R4B.relatedperson import RelatedPerson
from fhir.resources.R4B.resource import Resource

from shared.catalog.code_systems import ACT_CODE, ENCOUNTER_TYPE, UCUM

VIRTUAL = f"{ACT_CODE}|VR"
SNOMED = "http://snomed.info/sct"
ROLE_CODE = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"
POLICY_URL = "https://example.org/StructureDefinition/session-policy"
HOMER = Reference(reference="Patient/homer-simpson")
MARGE = Reference(reference="RelatedPerson/marge-simpson")
ALICE = Reference(reference="Practitioner/doctor-alice-smith")
TRANSPARENT_PIXEL = (
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\x00\x00\x00!\xf9\x04\x01\x00\x00\x00\x00"
    b",\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"
)


def reference_to(resource: Resource) -> Reference:
    """Return a reference to a stored resource."""
    return Reference(reference=f"{resource.get_resource_type()}/{resource.id}")


def written_at(resource: Resource) -> datetime:
    """Return when the service wrote a resource, by its own clock."""
    if resource.meta is None or resource.meta.lastUpdated is None:
        raise ValueError("The resource has not been stored")
    return resource.meta.lastUpdated


def session(**elements: Any) -> Encounter:
    """Return the Encounter of an asynchronous visit, with other elements if they are named."""
    usual: dict[str, Any] = {
        "status": "in-progress",
        "class_fhir": Coding(system=ACT_CODE, code="VR", display="virtual"),
        "subject": HOMER,
        "participant": [EncounterParticipant(individual=ALICE)],
    }
    return Encounter(**usual | elements)


def family_session() -> Encounter:
    """Return the Encounter of a visit about several patients, without a subject."""
    return session(subject=None)


def medical_encounter(of: Encounter, patient: str, snomed: str = "") -> Encounter:
    """Return the Encounter of one patient in a session about several."""
    medical = Coding(system=ENCOUNTER_TYPE, code="medical-encounter")
    reason = CodeableConcept(coding=[Coding(system=SNOMED, code=snomed)]) if snomed else None
    return session(
        subject=Reference(reference=patient),
        partOf=reference_to(of),
        type=[CodeableConcept(coding=[medical])],
        reasonCode=[reason] if reason else None,
    )


def patient(name: str, number: str = "", links: Sequence[RelatedPerson] = ()) -> Patient:
    """Return one of the family as a patient, who may be related persons, too."""
    selves = [PatientLink(other=reference_to(person), type="seealso") for person in links]
    return Patient(
        name=[HumanName(given=[name], family="Simpson")],
        telecom=[_mobile(number)] if number else None,
        link=selves or None,
    )


def mother(child: Patient, number: str) -> RelatedPerson:
    """Return Marge as the mother of a child."""
    return RelatedPerson(
        patient=reference_to(child),
        relationship=[CodeableConcept(coding=[Coding(system=ROLE_CODE, code="MTH")])],
        name=[HumanName(given=["Marge"], family="Simpson")],
        telecom=[_mobile(number)],
    )


def _mobile(number: str) -> ContactPoint:
    return ContactPoint(system="phone", value=number, use="mobile")


def header(policy: str = "") -> Communication:
    """Return the header Communication of a thread, with its own session policy if one is named."""
    return Communication(
        status="in-progress",
        topic=CodeableConcept(text="Back pain"),
        subject=HOMER,
        sender=HOMER,
        recipient=[HOMER, MARGE, ALICE],
        extension=[_policy_extension(policy)] if policy else None,
    )


def _policy_extension(code: str) -> Extension:
    return Extension(url=POLICY_URL, extension=[Extension(url="policy", valueCode=code)])


def message(
    of: Communication, sender: Reference, minute: int, text: str, *attachments: CommunicationPayload
) -> Communication:
    """Return a message in a thread, sent `minute` minutes after its first message.

    The first one is sent ten minutes before the header was created.
    """
    return Communication(
        status="in-progress",
        partOf=[reference_to(of)],
        subject=HOMER,
        sender=sender,
        recipient=[ALICE],
        sent=written_at(of) - timedelta(minutes=10 - minute),
        payload=[CommunicationPayload(contentString=text), *attachments],
    )


def answer(of: Communication, sender: Reference, text: str) -> Communication:
    """Return a message in a thread, sent when the service receives it."""
    return message(of, sender, 0, text).model_copy(update={"sent": None})


def draft(of: Communication, sender: Reference, text: str) -> Communication:
    """Return a message that has not been sent yet."""
    return answer(of, sender, text).model_copy(update={"status": "preparation"})


def photo() -> CommunicationPayload:
    """Return an attachment with a picture."""
    data = b64encode(TRANSPARENT_PIXEL)
    return CommunicationPayload(
        contentAttachment=Attachment(contentType="image/gif", data=data, title="back.gif")
    )


def link_patch(encounter: Encounter) -> list[dict[str, Any]]:
    """Return the JSON Patch that links a thread to a session."""
    value = reference_to(encounter).model_dump()
    return [{"op": "add", "path": "/encounter", "value": value}]


def entered_in_error_patch() -> list[dict[str, Any]]:
    """Return the JSON Patch that marks a resource as entered in error."""
    return [{"op": "replace", "path": "/status", "value": "entered-in-error"}]


def finished_encounter(encounter: Encounter) -> Encounter:
    """Return an Encounter finished when it was last written, with a length of twelve minutes."""
    start = encounter.period.start if encounter.period else None
    finished = {
        "status": "finished",
        "period": Period(start=start, end=written_at(encounter)),
        "length": Duration(value=Decimal(12), system=UCUM, unit="min", code="min"),
    }
    return encounter.model_copy(update=finished)
