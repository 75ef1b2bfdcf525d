"""The collection `encounters`: visits and asynchronous sessions as plain objects."""

from shared.catalog.code_systems import ACT_CODE
from shared.plain.collections.rows import (
    CARERS,
    CONCEPT,
    IDENTIFIERS,
    PATIENT,
    PATIENT_ID,
    PERIOD,
    Collection,
    Param,
    dates,
    id_of,
    status,
)
from shared.plain.concepts import Coding, Concept
from shared.plain.fields import Field
from shared.plain.groups import Group
from shared.plain.kinds import Code, Inside, Minutes, Primitive
from shared.plain.referred import Id, Named

CLASSES = {
    "AMB": "ambulatory",
    "EMER": "emergency",
    "FLD": "field",
    "HH": "home health",
    "IMP": "inpatient encounter",
    "ACUTE": "inpatient acute",
    "NONAC": "inpatient non-acute",
    "OBSENC": "observation encounter",
    "PRENC": "pre-admission",
    "SS": "short stay",
    "VR": "virtual",
}
DIAGNOSIS_ROLE = "http://terminology.hl7.org/CodeSystem/diagnosis-role"
DIAGNOSIS_ROLES = {
    "AD": "Admission diagnosis",
    "DD": "Discharge diagnosis",
    "CC": "Chief complaint",
    "CM": "Comorbidity diagnosis",
    "pre-op": "pre-op diagnosis",
    "post-op": "post-op diagnosis",
    "billing": "Billing",
}

ENCOUNTERS = Collection(
    "encounters",
    "Encounter",
    (
        Field("status", "status", Code("encounter-status"), required=True),
        Field(
            "class",
            "class",
            Coding(ACT_CODE, CLASSES),
            "How it took place: AMB for a visit, VR for an asynchronous session",
            required=True,
        ),
        PATIENT_ID,
        Field(
            "practitionerId",
            "participant",
            Inside("individual", Id("Practitioner", CARERS)),
            "Who took part",
            plural="practitionerIds",
        ),
        Field(
            "relatedPersonId",
            "participant",
            Inside("individual", Id("RelatedPerson", ("RelatedPerson",), typed=True)),
            "Which of the patient's relatives took part",
            plural="relatedPersonIds",
        ),
        Field("type", "type", CONCEPT, "What kind of visit it was", plural="types"),
        Field("serviceType", "serviceType", CONCEPT),
        Field("priority", "priority", CONCEPT),
        Field("reasonCode", "reasonCode", CONCEPT, "Why it took place", plural="reasonCodes"),
        Field("period", "period", PERIOD),
        Field("lengthMinutes", "length", Minutes()),
        Field(
            "location",
            "location",
            Inside("location", Named(("Location",))),
            "Where: a name, or Location/id",
            plural="locations",
        ),
        Field(
            "diagnosis",
            "diagnosis",
            Group(
                (
                    Field(
                        "condition",
                        "condition",
                        Named(("Condition", "Procedure")),
                        "A name, or Condition/id",
                    ),
                    Field("use", "use", Concept(DIAGNOSIS_ROLE, DIAGNOSIS_ROLES)),
                    Field("rank", "rank", Primitive("positiveInt")),
                )
            ),
            many=True,
        ),
        id_of("partOfId", "partOf", "Encounter", about="The session of a medical encounter"),
        id_of("appointmentId", "appointment", "Appointment", plural="appointmentIds"),
        id_of(
            "organizationId",
            "serviceProvider",
            "Organization",
            about="The responsible organization",
        ),
        IDENTIFIERS,
    ),
    (
        PATIENT,
        Param("practitionerId", "practitioner", "With this practitioner", target="Practitioner"),
        Param("partOfId", "part-of", "Within this session", target="Encounter"),
        status("encounter-status"),
        Param("class", "class", "Of one of these classes", codes=(*CLASSES,), system=ACT_CODE),
        *dates("date", "period"),
    ),
    "date",
    {
        "status": "in-progress",
        "class": "AMB",
        "patientId": "homer-simpson",
        "practitionerId": "doctor-alice-smith",
        "type": "Annual wellness visit",
        "serviceType": "General practice",
        "reasonCode": "Check-up",
        "period": {"start": "2026-11-20T09:00:00Z"},
        "location": "Main Clinic - Room 204",
        "diagnosis": [{"condition": "Essential hypertension", "use": "AD", "rank": 1}],
    },
)
