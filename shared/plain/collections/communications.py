"""The collections `threads` and `messages`: Communications as plain objects."""

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
from shared.rules import classification as communications

_RECIPIENTS = (*PEOPLE, "HealthcareService", "CareTeam", "Group")
ATTACHMENT = Group(
    (
        Field("content", "", Written(), "The text of the attachment"),
        Field("contentType", "contentType", MEDIA_TYPE, stays=True),
        Field("title", "title", TEXT),
        Field("url", "url", Primitive("url")),
    )
)

_SHARED_FIELDS = (
    Field(
        "status",
        "status",
        Code("event-status"),
        "in-progress by default",
        default="in-progress",
    ),
    PATIENT_ID,
    Field(
        "encounterId",
        "encounter",
        Id("Encounter", ("Encounter",)),
        "The session that it is linked to",
    ),
    Field(
        "senderId",
        "sender",
        Id("", _RECIPIENTS[:-2]),
        "With the type, as in Patient/id or Practitioner/id",
    ),
    Field(
        "recipientIds",
        "recipient",
        Id("", _RECIPIENTS),
        "With the type, as in Patient/id",
        many=True,
    ),
    Field("category", "category", CONCEPT, plural="categories"),
    Field("medium", "medium", CONCEPT, "How it was sent, for example SMS", plural="media"),
    Field("priority", "priority", Code("request-priority")),
    Field("sent", "sent", DATE_TIME),
    Field("received", "received", DATE_TIME),
    NOTE,
    IDENTIFIERS,
)
_SHARED_PARAMS = (
    Param("senderId", "sender", "From this sender, as in Patient/id", is_reference=True),
    Param("recipientId", "recipient", "To this recipient, as in Patient/id", is_reference=True),
    status("event-status"),
)

THREADS = Collection(
    "threads",
    "Communication",
    (Field("topic", "topic", CONCEPT, "What it is about"), *_SHARED_FIELDS),
    (
        PATIENT,
        Param("encounterId", "encounter", "Linked to this session", target="Encounter"),
        *_SHARED_PARAMS,
        *dates("_lastUpdated", "updated"),
    ),
    "_lastUpdated",
    {
        "topic": "Back pain",
        "patientId": "homer-simpson",
        "senderId": "Patient/homer-simpson",
        "recipientIds": ["Patient/homer-simpson", "Practitioner/doctor-alice-smith"],
    },
    holds=lambda resource: not communications.header_id(resource),
    all=(("part-of:missing", "true"),),
)

MESSAGES = Collection(
    "messages",
    "Communication",
    (
        id_of(
            "threadId",
            "partOf",
            "Communication",
            about="The thread that it belongs to",
            first=True,
            required=True,
        ),
        Field("text", "payload", Inside("contentString", TEXT), plural="texts"),
        Field(
            "attachments",
            "payload",
            Inside("contentAttachment", ATTACHMENT),
            "Pictures and documents",
            many=True,
        ),
        *_SHARED_FIELDS,
    ),
    (
        Param("threadId", "part-of", "In this thread", target="Communication"),
        Param("encounterId", "session", "Belonging to this session", target="Encounter"),
        PATIENT,
        *_SHARED_PARAMS,
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
    holds=lambda resource: bool(communications.header_id(resource)),
    all=(("part-of:missing", "false"),),
    narrowing=frozenset({"threadId", "encounterId"}),
)
