"""The collection `observations`: measurements and other findings."""

from typing import Annotated

from shared.catalog.code_systems import UCUM
from shared.plain.collection import Collection, Member
from shared.plain.collections import common
from shared.plain.collections.common import Concept, DateTime, Text
from shared.plain.kinds import Code, Primitive
from shared.plain.models import Part, element, every, example
from shared.plain.parameters import Param
from shared.plain.references import Id

PerformerId = Annotated[
    str, Id.to(*common.CARERS, "Organization", "CareTeam", "Patient", "RelatedPerson")
]
ValueQuantity = Annotated[common.Quantity, element("valueQuantity", choice="value")]
ValueConcept = Annotated[Concept, element("valueCodeableConcept", choice="value")]
ValueString = Annotated[Text, element("valueString", choice="value")]
ValueBoolean = Annotated[bool, Primitive("boolean"), element("valueBoolean", choice="value")]
ValueInteger = Annotated[int, Primitive("integer"), element("valueInteger", choice="value")]
ValueDateTime = Annotated[DateTime, element("valueDateTime", choice="value")]


class Component(Part):
    """One of the values of an observation with several."""

    code: Concept = element("code")
    value_quantity: ValueQuantity
    value_concept: ValueConcept
    value_string: ValueString
    value_boolean: ValueBoolean
    value_integer: ValueInteger
    value_date_time: ValueDateTime


class Observations(Member):
    """A measurement or another finding."""

    model_config = example(
        {
            "status": "final",
            "code": {"system": "http://loinc.org", "code": "8867-4", "display": "Heart rate"},
            "patientId": "homer-simpson",
            "valueQuantity": {"value": 72, "unit": "/min", "system": UCUM, "code": "/min"},
        }
    )

    status: Annotated[str, Code("observation-status")] = element("status", required=True)
    code: Concept = element("code", "What was observed", required=True)
    category: common.Category
    categories: common.Categories
    patient_id: common.PatientId
    encounter_id: common.RecordEncounterId
    performer_id: PerformerId = element("performer[*]", "Who observed")
    performer_ids: list[PerformerId] = every("performer_id")
    effective: DateTime = element(
        "effectiveDateTime", "When the value was true", choice="effective"
    )
    effective_period: common.Period = element("effectivePeriod", choice="effective")
    value_quantity: ValueQuantity
    value_concept: ValueConcept
    value_string: ValueString
    value_boolean: ValueBoolean
    value_integer: ValueInteger
    value_date_time: ValueDateTime
    interpretation: Concept = element("interpretation[*]")
    interpretations: list[Concept] = every("interpretation")
    components: list[Component] = element(
        "component[*]", "The values of an observation with several, such as a blood pressure"
    )
    note: common.Note
    notes: common.Notes
    identifiers: common.Identifiers


OBSERVATIONS = Collection(
    "observations",
    "Observation",
    Observations,
    (
        common.PATIENT,
        common.ENCOUNTER,
        common.status("observation-status"),
        Param("code", "code", "With this code, as code or system|code"),
        Param("category", "category", "In this category, as code or system|code"),
        *common.dates("date", "effective"),
    ),
    "date",
)
