"""The collection `prescriptions`: MedicationRequests as plain objects."""

from shared.plain.collections.rows import (
    CONCEPT,
    DATE_TIME,
    ENCOUNTER,
    ENCOUNTER_ID,
    IDENTIFIERS,
    NOTE,
    PATIENT,
    PATIENT_ID,
    PEOPLE,
    SIMPLE_QUANTITY,
    TEXT,
    Collection,
    Param,
    dates,
    id_of,
    status,
)
from shared.plain.fields import Field
from shared.plain.kinds import Code, Inside, Primitive

PRESCRIPTIONS = Collection(
    "prescriptions",
    "MedicationRequest",
    (
        Field(
            "status",
            "status",
            Code("medicationrequest-status"),
            "active by default",
            default="active",
        ),
        Field(
            "intent",
            "intent",
            Code("medicationrequest-intent"),
            "order by default",
            default="order",
        ),
        Field("medication", "medicationCodeableConcept", CONCEPT, choice="medication"),
        id_of("medicationId", "medicationReference", "Medication", choice="medication"),
        PATIENT_ID,
        ENCOUNTER_ID,
        id_of("requesterId", "requester", *PEOPLE, about="Who wrote the prescription"),
        Field("authoredOn", "authoredOn", DATE_TIME),
        Field("priority", "priority", Code("request-priority")),
        Field(
            "dosage",
            "dosageInstruction",
            Inside("text", TEXT),
            "How to take it",
            plural="dosages",
        ),
        Field("quantity", "dispenseRequest.quantity", SIMPLE_QUANTITY),
        Field("refills", "dispenseRequest.numberOfRepeatsAllowed", Primitive("unsignedInt")),
        Field("reasonCode", "reasonCode", CONCEPT, plural="reasonCodes"),
        NOTE,
        IDENTIFIERS,
    ),
    (
        PATIENT,
        ENCOUNTER,
        Param("requesterId", "requester", "By this practitioner", target="Practitioner"),
        status("medicationrequest-status"),
        *dates("authoredon", "authoredOn"),
    ),
    "authoredon",
    {
        "medication": "Ibuprofen 400 mg",
        "patientId": "homer-simpson",
        "requesterId": "doctor-alice-smith",
        "dosage": "One tablet every eight hours, with food",
        "refills": 1,
    },
)
