"""Threads, and the messages in them."""

from shared.plain.collections.rows import (
    CONCEPT,
    DATE_TIME,
    IDENTIFIERS,
    MEDIA_TYPE,
    NOTE,
    PATIENT,
    PATIENT_ID,
    PEOPLE,
    TEXT,
    Collection,
    Param,
    dates,
    id_of,
    status,
)
from shared.plain.fields import Field
from shared.plain.groups import Group
from shared.plain.kinds import Code, Inside, Primitive, Written
from shared.plain.referred import Id
from shared.sessions import kinds as communications

_RECIPIENTS = (*PEOPLE, "HealthcareService", "CareTeam", "Group")
ATTACHMENT = Group(
    (
        Field("content", "", Written(), "Its text"),
        Field("contentType", "contentType", MEDIA_TYPE, stays=True),
        Field("title", "title", TEXT),
        Field("url", "url", Primitive("url")),
    )
)

_OF_COMMUNICATIONS = (
    Field(
        "status",
        "status",
        Code("event-status"),
        "in-progress where nothing is said",
        default="in-progress",
    ),
    PATIENT_ID,
    Field("encounterId", "encounter", Id("Encounter", ("Encounter",)), "The session linked to it"),
    Field("senderId", "sender", Id("", _RECIPIENTS[:-2]), "As Patient/id or Practitioner/id"),
    Field("recipientIds", "recipient", Id("", _RECIPIENTS), "As Patient/id", many=True),
    Field("category", "category", CONCEPT, plural="categories"),
    Field("medium", "medium", CONCEPT, "As SMS", plural="media"),
    Field("priority", "priority", Code("request-priority")),
    Field("sent", "sent", DATE_TIME),
    Field("received", "received", DATE_TIME),
    NOTE,
    IDENTIFIERS,
)
_PARTIES = (
    Param("senderId", "sender", "From this, as Patient/id", is_reference=True),
    Param("recipientId", "recipient", "To this, as Patient/id", is_reference=True),
    status("event-status"),
)

THREADS = Collection(
    "threads",
    "Communication",
    (Field("topic", "topic", CONCEPT, "What it is about"), *_OF_COMMUNICATIONS),
    (
        PATIENT,
        Param("encounterId", "encounter", "Linked to this session", target="Encounter"),
        *_PARTIES,
        *dates("_lastUpdated", "updated"),
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
        id_of("threadId", "partOf", "Communication", about="Its thread", first=True, required=True),
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
        PATIENT,
        *_PARTIES,
        *dates("sent", "sent"),
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
