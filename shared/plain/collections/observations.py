"""The collection `observations`: Observations as plain objects."""

from shared.catalog.code_systems import UCUM
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
    QUANTITY,
    TEXT,
    Collection,
    Param,
    dates,
    id_of,
    status,
)
from shared.plain.fields import Field
from shared.plain.groups import Group
from shared.plain.kinds import Code, Primitive

_OBSERVERS = (*CARERS, "Organization", "CareTeam", "Patient", "RelatedPerson")
VALUES = (
    Field("valueQuantity", "valueQuantity", QUANTITY, choice="value"),
    Field("valueConcept", "valueCodeableConcept", CONCEPT, choice="value"),
    Field("valueString", "valueString", TEXT, choice="value"),
    Field("valueBoolean", "valueBoolean", Primitive("boolean"), choice="value"),
    Field("valueInteger", "valueInteger", Primitive("integer"), choice="value"),
    Field("valueDateTime", "valueDateTime", DATE_TIME, choice="value"),
)

OBSERVATIONS = Collection(
    "observations",
    "Observation",
    (
        Field("status", "status", Code("observation-status"), required=True),
        Field("code", "code", CONCEPT, "What was observed", required=True),
        Field("category", "category", CONCEPT, plural="categories"),
        PATIENT_ID,
        ENCOUNTER_ID,
        id_of("performerId", "performer", *_OBSERVERS, about="Who observed", plural="performerIds"),
        Field(
            "effective",
            "effectiveDateTime",
            DATE_TIME,
            "When the value was true",
            choice="effective",
        ),
        Field("effectivePeriod", "effectivePeriod", PERIOD, choice="effective"),
        *VALUES,
        Field("interpretation", "interpretation", CONCEPT, plural="interpretations"),
        Field(
            "components",
            "component",
            Group((Field("code", "code", CONCEPT), *VALUES)),
            "The values of an observation with several, such as a blood pressure",
            many=True,
        ),
        NOTE,
        IDENTIFIERS,
    ),
    (
        PATIENT,
        ENCOUNTER,
        status("observation-status"),
        Param("code", "code", "With this code, as code or system|code"),
        Param("category", "category", "In this category, as code or system|code"),
        *dates("date", "effective"),
    ),
    "date",
    {
        "status": "final",
        "code": {"system": "http://loinc.org", "code": "8867-4", "display": "Heart rate"},
        "patientId": "homer-simpson",
        "valueQuantity": {
            "value": 72,
            "unit": "/min",
            "system": UCUM,
            "code": "/min",
        },
    },
)
