"""The collection `prescriptions`: orders of medication."""

from typing import Annotated

from shared.plain.collection import Collection, Member
from shared.plain.collections import common
from shared.plain.collections.common import Concept, DateTime, Text
from shared.plain.kinds import Code, Primitive
from shared.plain.models import element, every, example
from shared.plain.parameters import Param
from shared.plain.references import Id


class Prescriptions(Member):
    """An order of medication for a patient."""

    model_config = example(
        {
            "medication": "Ibuprofen 400 mg",
            "patientId": "homer-simpson",
            "requesterId": "doctor-alice-smith",
            "dosage": "One tablet every eight hours, with food",
            "refills": 1,
        }
    )

    status: Annotated[str, Code("medicationrequest-status")] = element(
        "status", "active by default", default="active"
    )
    intent: Annotated[str, Code("medicationrequest-intent")] = element(
        "intent", "order by default", default="order"
    )
    medication: Concept = element("medicationCodeableConcept", choice="medication")
    medication_id: Annotated[str, Id.to("Medication")] = element(
        "medicationReference", choice="medication"
    )
    patient_id: common.PatientId
    encounter_id: common.RecordEncounterId
    requester_id: Annotated[str, Id.to(*common.PEOPLE)] = element(
        "requester", "Who wrote the prescription"
    )
    authored_on: DateTime = element("authoredOn")
    priority: common.RequestPriority
    dosage: Text = element("dosageInstruction[*].text", "How to take it")
    dosages: list[Text] = every("dosage")
    quantity: common.SimpleQuantity = element("dispenseRequest.quantity")
    refills: Annotated[int, Primitive("unsignedInt")] = element(
        "dispenseRequest.numberOfRepeatsAllowed"
    )
    reason_code: Concept = element("reasonCode[*]")
    reason_codes: list[Concept] = every("reason_code")
    note: common.Note
    notes: common.Notes
    identifiers: common.Identifiers


PRESCRIPTIONS = Collection(
    "prescriptions",
    "MedicationRequest",
    Prescriptions,
    (
        common.PATIENT,
        common.ENCOUNTER,
        Param("requesterId", "requester", "By this practitioner", target="Practitioner"),
        common.status("medicationrequest-status"),
        *common.dates("authoredon", "authoredOn"),
    ),
    "authoredon",
)
