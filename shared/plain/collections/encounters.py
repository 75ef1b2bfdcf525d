"""The collection `encounters`: visits and asynchronous sessions."""

from typing import Annotated

from shared.catalog.code_systems import ACT_CODE
from shared.plain import concepts
from shared.plain.collection import Collection, Member
from shared.plain.collections import common
from shared.plain.collections.common import Concept
from shared.plain.kinds import Code, Minutes, Primitive
from shared.plain.models import Part, element, every, example
from shared.plain.parameters import Param
from shared.plain.references import Id, Named, ReferenceObject

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

EncounterClass = Annotated[str | concepts.CodingObject, concepts.Coding(ACT_CODE, CLASSES)]
DiagnosisRole = Annotated[
    str | concepts.ConceptObject, concepts.Concept(DIAGNOSIS_ROLE, DIAGNOSIS_ROLES)
]
Diagnosed = Annotated[str | ReferenceObject, Named(("Condition", "Procedure"))]
Location = Annotated[str | ReferenceObject, Named(("Location",))]
RelatedPersonId = Annotated[str, Id("RelatedPerson", ("RelatedPerson",), typed=True)]
AppointmentId = Annotated[str, Id.to("Appointment")]


class Diagnosis(Part):
    """A diagnosis that was relevant to the encounter."""

    condition: Diagnosed = element("condition", "A name, or Condition/id")
    use: DiagnosisRole = element("use")
    rank: Annotated[int, Primitive("positiveInt")] = element("rank")


class Encounters(Member):
    """A visit, or an asynchronous session."""

    model_config = example(
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
        }
    )

    status: Annotated[str, Code("encounter-status")] = element("status", required=True)
    class_: EncounterClass = element(
        "class",
        "How it took place: AMB for a visit, VR for an asynchronous session",
        required=True,
    )
    patient_id: common.PatientId
    practitioner_id: common.CarerId = element("participant[*].individual", "Who took part")
    practitioner_ids: list[common.CarerId] = every("practitioner_id")
    related_person_id: RelatedPersonId = element(
        "participant[*].individual", "Which of the patient's relatives took part"
    )
    related_person_ids: list[RelatedPersonId] = every("related_person_id")
    type: Concept = element("type[*]", "What kind of visit it was")
    types: list[Concept] = every("type")
    service_type: Concept = element("serviceType")
    priority: Concept = element("priority")
    reason_code: Concept = element("reasonCode[*]", "Why it took place")
    reason_codes: list[Concept] = every("reason_code")
    period: common.Period = element("period")
    length_minutes: Annotated[float, Minutes()] = element("length")
    location: Location = element("location[*].location", "Where: a name, or Location/id")
    locations: list[Location] = every("location")
    diagnosis: list[Diagnosis] = element("diagnosis[*]")
    part_of_id: common.EncounterId = element("partOf", "The session of a medical encounter")
    appointment_id: AppointmentId = element("appointment[*]")
    appointment_ids: list[AppointmentId] = every("appointment_id")
    organization_id: Annotated[str, Id.to("Organization")] = element(
        "serviceProvider", "The responsible organization"
    )
    identifiers: common.Identifiers


ENCOUNTERS = Collection(
    "encounters",
    "Encounter",
    Encounters,
    (
        common.PATIENT,
        Param("practitionerId", "practitioner", "With this practitioner", target="Practitioner"),
        Param("partOfId", "part-of", "Within this session", target="Encounter"),
        common.status("encounter-status"),
        Param("class", "class", "Of one of these classes", codes=(*CLASSES,), system=ACT_CODE),
        *common.dates("date", "period"),
    ),
    "date",
)
