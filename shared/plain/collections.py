"""What the plain-JSON face shows: its collections, their fields and the parameters of searches.

Reading, writing, searching, OpenAPI and the naming of what is wrong follow from these rows.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from shared.plain.fields import Field, Group
from shared.plain.kinds import (
    Code,
    Coding,
    Concept,
    Id,
    Inside,
    Minutes,
    Named,
    Primitive,
    Written,
)
from shared.sessions import kinds as communications
from shared.sessions.kinds import ACT_CODE

type Json = dict[str, Any]

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
_CARERS = ("Practitioner", "PractitionerRole")
_PEOPLE = (*_CARERS, "Organization", "Device", "Patient", "RelatedPerson")
_OBSERVERS = (*_CARERS, "Organization", "CareTeam", "Patient", "RelatedPerson")
_RECIPIENTS = (*_PEOPLE, "HealthcareService", "CareTeam", "Group")

TEXT, MARKDOWN, DATE_TIME = Primitive("string"), Primitive("markdown"), Primitive("dateTime")
CONCEPT, MEDIA_TYPE = Concept(), Code("mimetypes")
PERIOD = Group((Field("start", "start", DATE_TIME), Field("end", "end", DATE_TIME)))
_UNIT = (
    Field("unit", "unit", TEXT),
    Field("system", "system", Primitive("uri")),
    Field("code", "code", Primitive("code")),
)
SIMPLE_QUANTITY = Group((Field("value", "value", Primitive("decimal")), *_UNIT))
QUANTITY = Group(
    (
        Field("value", "value", Primitive("decimal")),
        Field("comparator", "comparator", Code("quantity-comparator")),
        *_UNIT,
    )
)
ATTACHMENT = Group(
    (
        Field("content", "", Written(), "Its text"),
        Field("contentType", "contentType", MEDIA_TYPE, stays=True),
        Field("title", "title", TEXT),
        Field("url", "url", Primitive("url")),
    )
)
_VALUES = (
    Field("valueQuantity", "valueQuantity", QUANTITY, choice="value"),
    Field("valueConcept", "valueCodeableConcept", CONCEPT, choice="value"),
    Field("valueString", "valueString", TEXT, choice="value"),
    Field("valueBoolean", "valueBoolean", Primitive("boolean"), choice="value"),
    Field("valueInteger", "valueInteger", Primitive("integer"), choice="value"),
    Field("valueDateTime", "valueDateTime", DATE_TIME, choice="value"),
)


SORT, COUNT, CURSOR = "sort", "count", "cursor"
CONTROLS = (SORT, COUNT, CURSOR)
SORTS = ("date", "-date")
LARGEST_COUNT = 1000


@dataclass(frozen=True)
class Param:
    """A parameter of searches: FHIR's `code`, and what its value is.

    A value is an id of type `target`, or with `is_reference` says its type; else it is codes of a
    value set, or `codes` of a `system`; with a `prefix` it is a time.
    """

    name: str
    code: str
    about: str
    target: str = ""
    is_reference: bool = False
    value_set: str = ""
    codes: tuple[str, ...] = ()
    system: str = ""
    prefix: str = ""


def _dates(code: str, of: str) -> tuple[Param, ...]:
    return (
        Param("dateFrom", code, f"From this time on, by {of}", prefix="ge"),
        Param("dateTo", code, f"Until this time, by {of}", prefix="le"),
    )


_PATIENT = Param("patientId", "patient", "About this patient", target="Patient")
_ENCOUNTER = Param("encounterId", "encounter", "Of this encounter", target="Encounter")


def _status(value_set: str) -> Param:
    return Param("status", "status", "Of one of these statuses", value_set=value_set)


_OF_ALL = (
    Field("id", "id", Primitive("id"), "Its name below the collection", read_only=True),
    Field("version", "meta.versionId", Primitive("id"), "As in ETag", read_only=True),
    Field(
        "updated", "meta.lastUpdated", Primitive("instant"), "When it changed last", read_only=True
    ),
)


@dataclass(frozen=True)
class Collection:
    """A collection: the resources of a FHIR type, or those of them of which `holds` says so.

    `date` is the search parameter by which it is sorted; `all` the query of the whole collection,
    which a parameter of `narrowing` stands for too.
    """

    name: str
    type: str
    fields: tuple[Field, ...]
    params: tuple[Param, ...]
    date: str
    example: Mapping[str, Any]
    holds: Callable[[Json], bool] = lambda _: True
    all: tuple[tuple[str, str], ...] = ()
    narrowing: frozenset[str] = frozenset()

    @property
    def every_field(self) -> tuple[Field, ...]:
        """Its fields after those that all have."""
        return (*_OF_ALL, *self.fields)


def _id(name: str, path: str, *types: str, about: str = "", **more: Any) -> Field:
    """Make the field of a Reference that is usually to the first of its types."""
    return Field(name, path, Id(types[0], types), about, **more)


_PATIENT_ID = _id("patientId", "subject", "Patient", about="Whom it is about")
_ENCOUNTER_ID = _id("encounterId", "encounter", "Encounter", about="During which it was made")
_IDENTIFIERS = Field(
    "identifiers",
    "identifier",
    Group((Field("system", "system", Primitive("uri")), Field("value", "value", TEXT))),
    "Under which other systems know it",
    many=True,
)
_NOTE = Field("note", "note", Inside("text", MARKDOWN), plural="notes")

ENCOUNTERS = Collection(
    "encounters",
    "Encounter",
    (
        Field("status", "status", Code("encounter-status"), required=True),
        Field(
            "class",
            "class",
            Coding(ACT_CODE, CLASSES),
            "How it took place: AMB for a visit, VR for one by messages",
            required=True,
        ),
        _PATIENT_ID,
        Field(
            "practitionerId",
            "participant",
            Inside("individual", Id("Practitioner", _CARERS)),
            "Who took part",
            plural="practitionerIds",
        ),
        Field(
            "relatedPersonId",
            "participant",
            Inside("individual", Id("RelatedPerson", ("RelatedPerson",), typed=True)),
            "Who of the patient's family took part",
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
        _id("partOfId", "partOf", "Encounter", about="The session of a medical encounter"),
        _id("appointmentId", "appointment", "Appointment", plural="appointmentIds"),
        _id("organizationId", "serviceProvider", "Organization", about="Who answers for it"),
        _IDENTIFIERS,
    ),
    (
        _PATIENT,
        Param("practitionerId", "practitioner", "With this practitioner", target="Practitioner"),
        Param("partOfId", "part-of", "Within this session", target="Encounter"),
        _status("encounter-status"),
        Param("class", "class", "Of one of these classes", codes=(*CLASSES,), system=ACT_CODE),
        *_dates("date", "period"),
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

OBSERVATIONS = Collection(
    "observations",
    "Observation",
    (
        Field("status", "status", Code("observation-status"), required=True),
        Field("code", "code", CONCEPT, "What was observed", required=True),
        Field("category", "category", CONCEPT, plural="categories"),
        _PATIENT_ID,
        _ENCOUNTER_ID,
        _id("performerId", "performer", *_OBSERVERS, about="Who observed", plural="performerIds"),
        Field("effective", "effectiveDateTime", DATE_TIME, "When it held", choice="effective"),
        Field("effectivePeriod", "effectivePeriod", PERIOD, choice="effective"),
        *_VALUES,
        Field("interpretation", "interpretation", CONCEPT, plural="interpretations"),
        Field(
            "components",
            "component",
            Group((Field("code", "code", CONCEPT), *_VALUES)),
            "Several values of one observation, as of a blood pressure",
            many=True,
        ),
        _NOTE,
        _IDENTIFIERS,
    ),
    (
        _PATIENT,
        _ENCOUNTER,
        _status("observation-status"),
        Param("code", "code", "Of this code, or of system|code"),
        Param("category", "category", "Of this category, or of system|code"),
        *_dates("date", "effective"),
    ),
    "date",
    {
        "status": "final",
        "code": {"system": "http://loinc.org", "code": "8867-4", "display": "Heart rate"},
        "patientId": "homer-simpson",
        "valueQuantity": {
            "value": 72,
            "unit": "/min",
            "system": "http://unitsofmeasure.org",
            "code": "/min",
        },
    },
)

NOTES = Collection(
    "notes",
    "DocumentReference",
    (
        Field(
            "status",
            "status",
            Code("document-reference-status"),
            "current where nothing is said",
            default="current",
        ),
        Field("type", "type", CONCEPT),
        Field("category", "category", CONCEPT, plural="categories"),
        _PATIENT_ID,
        _id(
            "encounterId",
            "context.encounter",
            "Encounter",
            about="During which it was made",
            plural="encounterIds",
        ),
        _id("authorId", "author", *_PEOPLE, about="Who wrote it", plural="authorIds"),
        Field("date", "date", Primitive("instant")),
        Field("content", "content[0].attachment", Written(), "Its text"),
        Field("title", "content[0].attachment.title", TEXT),
        Field("contentType", "content[0].attachment.contentType", MEDIA_TYPE, stays=True),
        Field("url", "content[0].attachment.url", Primitive("url"), "Where it is, if elsewhere"),
        Field("description", "description", TEXT),
        _IDENTIFIERS,
    ),
    (
        _PATIENT,
        _ENCOUNTER,
        Param("authorId", "author", "Of this author", target="Practitioner"),
        _status("document-reference-status"),
        Param("type", "type", "Of this type, or of system|code"),
        *_dates("date", "date"),
    ),
    "date",
    {
        "patientId": "homer-simpson",
        "authorId": "doctor-alice-smith",
        "title": "Visit note",
        "type": "Progress note",
        "content": "Back pain since yesterday.",
    },
)

PRESCRIPTIONS = Collection(
    "prescriptions",
    "MedicationRequest",
    (
        Field(
            "status",
            "status",
            Code("medicationrequest-status"),
            "active where nothing is said",
            default="active",
        ),
        Field(
            "intent",
            "intent",
            Code("medicationrequest-intent"),
            "order where nothing is said",
            default="order",
        ),
        Field("medication", "medicationCodeableConcept", CONCEPT, choice="medication"),
        _id("medicationId", "medicationReference", "Medication", choice="medication"),
        _PATIENT_ID,
        _ENCOUNTER_ID,
        _id("requesterId", "requester", *_PEOPLE, about="Who prescribes"),
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
        _NOTE,
        _IDENTIFIERS,
    ),
    (
        _PATIENT,
        _ENCOUNTER,
        Param("requesterId", "requester", "By this practitioner", target="Practitioner"),
        _status("medicationrequest-status"),
        *_dates("authoredon", "authoredOn"),
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

ASSESSMENTS = Collection(
    "assessments",
    "ClinicalImpression",
    (
        Field(
            "status",
            "status",
            Code("clinicalimpression-status"),
            "completed where nothing is said",
            default="completed",
        ),
        Field("code", "code", CONCEPT),
        Field("description", "description", TEXT),
        _PATIENT_ID,
        _ENCOUNTER_ID,
        _id("assessorId", "assessor", *_CARERS, about="Who assessed"),
        Field("effective", "effectiveDateTime", DATE_TIME, choice="effective"),
        Field("effectivePeriod", "effectivePeriod", PERIOD, choice="effective"),
        Field("date", "date", DATE_TIME, "When it was written down"),
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
        _NOTE,
        _IDENTIFIERS,
    ),
    (
        _PATIENT,
        _ENCOUNTER,
        Param("assessorId", "assessor", "By this practitioner", target="Practitioner"),
        _status("clinicalimpression-status"),
        *_dates("date", "date"),
    ),
    "date",
    {
        "patientId": "homer-simpson",
        "assessorId": "doctor-alice-smith",
        "summary": "Muscular back pain, no red flags",
        "finding": "Lumbago",
    },
)

_OF_COMMUNICATIONS = (
    Field(
        "status",
        "status",
        Code("event-status"),
        "in-progress where nothing is said",
        default="in-progress",
    ),
    _PATIENT_ID,
    Field("encounterId", "encounter", Id("Encounter", ("Encounter",)), "The session linked to it"),
    Field("senderId", "sender", Id("", _RECIPIENTS[:-2]), "As Patient/id or Practitioner/id"),
    Field("recipientIds", "recipient", Id("", _RECIPIENTS), "As Patient/id", many=True),
    Field("category", "category", CONCEPT, plural="categories"),
    Field("medium", "medium", CONCEPT, "As SMS", plural="media"),
    Field("priority", "priority", Code("request-priority")),
    Field("sent", "sent", DATE_TIME),
    Field("received", "received", DATE_TIME),
    _NOTE,
    _IDENTIFIERS,
)
_PARTIES = (
    Param("senderId", "sender", "From this, as Patient/id", is_reference=True),
    Param("recipientId", "recipient", "To this, as Patient/id", is_reference=True),
    _status("event-status"),
)

THREADS = Collection(
    "threads",
    "Communication",
    (Field("topic", "topic", CONCEPT, "What it is about"), *_OF_COMMUNICATIONS),
    (
        _PATIENT,
        Param("encounterId", "encounter", "Linked to this session", target="Encounter"),
        *_PARTIES,
        *_dates("_lastUpdated", "updated"),
    ),
    "_lastUpdated",
    {
        "topic": "Back pain",
        "patientId": "homer-simpson",
        "senderId": "Patient/homer-simpson",
        "recipientIds": ["Patient/homer-simpson", "Practitioner/doctor-alice-smith"],
    },
    holds=lambda resource: not communications.header(resource),
    all=(("part-of:missing", "true"),),
)

MESSAGES = Collection(
    "messages",
    "Communication",
    (
        _id("threadId", "partOf", "Communication", about="Its thread", first=True, required=True),
        Field("text", "payload", Inside("contentString", TEXT), plural="texts"),
        Field(
            "attachments",
            "payload",
            Inside("contentAttachment", ATTACHMENT),
            "Pictures and documents",
            many=True,
        ),
        *_OF_COMMUNICATIONS,
    ),
    (
        Param("threadId", "part-of", "Of this thread", target="Communication"),
        Param("encounterId", "session", "That belong to this session", target="Encounter"),
        _PATIENT,
        *_PARTIES,
        *_dates("sent", "sent"),
    ),
    "sent",
    {
        "threadId": "example",
        "patientId": "homer-simpson",
        "senderId": "Patient/homer-simpson",
        "sent": "2026-11-20T09:00:00Z",
        "text": "My back hurts again.",
    },
    holds=lambda resource: bool(communications.header(resource)),
    all=(("part-of:missing", "false"),),
    narrowing=frozenset({"threadId", "encounterId"}),
)

COLLECTIONS = {
    each.name: each
    for each in (
        ENCOUNTERS,
        OBSERVATIONS,
        NOTES,
        PRESCRIPTIONS,
        ASSESSMENTS,
        THREADS,
        MESSAGES,
    )
}
# What the log may name of a query.
EVERY_PARAM = {param.name for each in COLLECTIONS.values() for param in each.params} | {*CONTROLS}
