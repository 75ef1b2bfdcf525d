"""The collections `threads` and `messages`: conversations, and what is said in them."""

from typing import Annotated

from shared.plain.collection import Collection, Member
from shared.plain.collections import common
from shared.plain.collections.common import Concept, Text
from shared.plain.kinds import Code, EncodedText
from shared.plain.models import Part, element, every, example
from shared.plain.parameters import Param
from shared.plain.references import Id
from shared.rules import classification as communications

_SENDERS = (*common.PEOPLE, "HealthcareService")
RecipientId = Annotated[str, Id("", (*_SENDERS, "CareTeam", "Group"))]


class Communication(Member):
    """The fields of threads and messages."""

    status: Annotated[str, Code("event-status")] = element(
        "status", "in-progress by default", default="in-progress"
    )
    patient_id: common.PatientId
    encounter_id: common.EncounterId = element("encounter", "The session that it is linked to")
    sender_id: Annotated[str, Id("", _SENDERS)] = element(
        "sender", "With the type, as in Patient/id or Practitioner/id"
    )
    recipient_ids: list[RecipientId] = element("recipient[*]", "With the type, as in Patient/id")
    category: common.Category
    categories: common.Categories
    medium: Concept = element("medium[*]", "How it was sent, for example SMS")
    media: list[Concept] = every("medium")
    priority: common.RequestPriority
    sent: common.DateTime = element("sent")
    received: common.DateTime = element("received")
    note: common.Note
    notes: common.Notes
    identifiers: common.Identifiers


class Threads(Communication):
    """A conversation."""

    model_config = example(
        {
            "topic": "Back pain",
            "patientId": "homer-simpson",
            "senderId": "Patient/homer-simpson",
            "recipientIds": ["Patient/homer-simpson", "Practitioner/doctor-alice-smith"],
        }
    )

    topic: Concept = element("topic", "What it is about")


class Attachment(Part):
    """A picture or a document: its text, or where it is."""

    content: Annotated[str, EncodedText()] = element("", "The text of the attachment")
    content_type: common.MediaType = element("contentType", stays=True)
    title: Text = element("title")
    url: common.Url = element("url")


class Messages(Communication):
    """A message of a thread."""

    model_config = example(
        {
            "threadId": "example",
            "patientId": "homer-simpson",
            "senderId": "Patient/homer-simpson",
            "sent": "2026-11-20T09:00:00Z",
            "text": "My back hurts again.",
        }
    )

    thread_id: Annotated[str, Id.to("Communication")] = element(
        "partOf[*]", "The thread that it belongs to", required=True
    )
    text: Text = element("payload[*].contentString")
    texts: list[Text] = every("text")
    attachments: list[Attachment] = element(
        "payload[*].contentAttachment", "Pictures and documents"
    )


_PARAMS = (
    Param("senderId", "sender", "From this sender, as in Patient/id", is_reference=True),
    Param("recipientId", "recipient", "To this recipient, as in Patient/id", is_reference=True),
    common.status("event-status"),
)

THREADS = Collection(
    "threads",
    "Communication",
    Threads,
    (
        common.PATIENT,
        Param("encounterId", "encounter", "Linked to this session", target="Encounter"),
        *_PARAMS,
        *common.dates("_lastUpdated", "updated"),
    ),
    "_lastUpdated",
    holds=lambda resource: not communications.header_id(resource),
    all=(("part-of:missing", "true"),),
)

MESSAGES = Collection(
    "messages",
    "Communication",
    Messages,
    (
        Param("threadId", "part-of", "In this thread", target="Communication"),
        Param("encounterId", "session", "Belonging to this session", target="Encounter"),
        common.PATIENT,
        *_PARAMS,
        *common.dates("sent", "sent"),
    ),
    "sent",
    holds=lambda resource: bool(communications.header_id(resource)),
    all=(("part-of:missing", "false"),),
    narrowing=frozenset({"threadId", "encounterId"}),
)
