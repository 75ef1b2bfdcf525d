"""The collection `assessments`: ClinicalImpressions as plain objects."""

from shared.plain.collections.rows import (
    CARERS,
    CONCEPT,
    DATE_TIME,
    ENCOUNTER,
    ENCOUNTER_ID,
    IDENTIFIERS,
    NOTE,
    PATIENT,
    PATIENT_ID,
    PERIOD,
    TEXT,
    Collection,
    Param,
    dates,
    id_of,
    status,
)
from shared.plain.fields import Field
from shared.plain.kinds import Code, Inside
from shared.plain.referred import Named

ASSESSMENTS = Collection(
    "assessments",
    "ClinicalImpression",
    (
        Field(
            "status",
            "status",
            Code("clinicalimpression-status"),
            "completed by default",
            default="completed",
        ),
        Field("code", "code", CONCEPT),
        Field("description", "description", TEXT),
        PATIENT_ID,
        ENCOUNTER_ID,
        id_of("assessorId", "assessor", *CARERS, about="Who made the assessment"),
        Field("effective", "effectiveDateTime", DATE_TIME, choice="effective"),
        Field("effectivePeriod", "effectivePeriod", PERIOD, choice="effective"),
        Field("date", "date", DATE_TIME, "When it was documented"),
        Field("summary", "summary", TEXT),
        Field(
            "problem",
            "problem",
            Named(("Condition", "AllergyIntolerance")),
            "A name, or Condition/id",
            plural="problems",
        ),
        Field(
            "finding",
            "finding",
            Inside("itemCodeableConcept", CONCEPT),
            plural="findings",
        ),
        Field("prognosis", "prognosisCodeableConcept", CONCEPT, plural="prognoses"),
        NOTE,
        IDENTIFIERS,
    ),
    (
        PATIENT,
        ENCOUNTER,
        Param("assessorId", "assessor", "By this practitioner", target="Practitioner"),
        status("clinicalimpression-status"),
        *dates("date", "date"),
    ),
    "date",
    {
        "patientId": "homer-simpson",
        "assessorId": "doctor-alice-smith",
        "summary": "Muscular back pain, no red flags",
        "finding": "Lumbago",
    },
)
