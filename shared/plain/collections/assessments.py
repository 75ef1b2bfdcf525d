"""The collection `assessments`: clinical impressions."""

from typing import Annotated

from shared.plain.collection import Collection, Member
from shared.plain.collections import common
from shared.plain.collections.common import Concept, DateTime, Text
from shared.plain.kinds import Code
from shared.plain.models import element, every, example
from shared.plain.parameters import Param
from shared.plain.references import Named, ReferenceObject

Problem = Annotated[str | ReferenceObject, Named(("Condition", "AllergyIntolerance"))]


class Assessments(Member):
    """What a clinician made of a patient's condition."""

    model_config = example(
        {
            "patientId": "homer-simpson",
            "assessorId": "doctor-alice-smith",
            "summary": "Muscular back pain, no red flags",
            "finding": "Lumbago",
        }
    )

    status: Annotated[str, Code("clinicalimpression-status")] = element(
        "status", "completed by default", default="completed"
    )
    code: Concept = element("code")
    description: Text = element("description")
    patient_id: common.PatientId
    encounter_id: common.RecordEncounterId
    assessor_id: common.CarerId = element("assessor", "Who made the assessment")
    effective: DateTime = element("effectiveDateTime", choice="effective")
    effective_period: common.Period = element("effectivePeriod", choice="effective")
    date: DateTime = element("date", "When it was documented")
    summary: Text = element("summary")
    problem: Problem = element("problem[*]", "A name, or Condition/id")
    problems: list[Problem] = every("problem")
    finding: Concept = element("finding[*].itemCodeableConcept")
    findings: list[Concept] = every("finding")
    prognosis: Concept = element("prognosisCodeableConcept[*]")
    prognoses: list[Concept] = every("prognosis")
    note: common.Note
    notes: common.Notes
    identifiers: common.Identifiers


ASSESSMENTS = Collection(
    "assessments",
    "ClinicalImpression",
    Assessments,
    (
        common.PATIENT,
        common.ENCOUNTER,
        Param("assessorId", "assessor", "By this practitioner", target="Practitioner"),
        common.status("clinicalimpression-status"),
        *common.dates("date", "date"),
    ),
    "date",
)
