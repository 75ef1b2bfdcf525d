"""The collection `notes`: clinical notes and other documents."""

from typing import Annotated

from shared.plain.collection import Collection, Member
from shared.plain.collections import common
from shared.plain.collections.common import Concept, Text
from shared.plain.kinds import Code, EncodedText, Primitive
from shared.plain.models import element, every, example
from shared.plain.parameters import Param
from shared.plain.references import Id

AuthorId = Annotated[str, Id.to(*common.PEOPLE)]


class Notes(Member):
    """A clinical note, or another document."""

    model_config = example(
        {
            "patientId": "homer-simpson",
            "authorId": "doctor-alice-smith",
            "title": "Visit note",
            "type": "Progress note",
            "content": "Back pain since yesterday.",
        }
    )

    status: Annotated[str, Code("document-reference-status")] = element(
        "status", "current by default", default="current"
    )
    type: Concept = element("type")
    category: common.Category
    categories: common.Categories
    patient_id: common.PatientId
    encounter_id: common.EncounterId = element(
        "context.encounter[*]", "The encounter during which it was written"
    )
    encounter_ids: list[common.EncounterId] = every("encounter_id")
    author_id: AuthorId = element("author[*]", "Who wrote it")
    author_ids: list[AuthorId] = every("author_id")
    date: Annotated[str, Primitive("instant")] = element("date")
    content: Annotated[str, EncodedText()] = element(
        "content[0].attachment", "The text of the note"
    )
    title: Text = element("content[0].attachment.title")
    content_type: common.MediaType = element("content[0].attachment.contentType", stays=True)
    url: common.Url = element("content[0].attachment.url", "Where the text is stored, if not here")
    description: Text = element("description")
    identifiers: common.Identifiers


NOTES = Collection(
    "notes",
    "DocumentReference",
    Notes,
    (
        common.PATIENT,
        common.ENCOUNTER,
        Param("authorId", "author", "By this practitioner", target="Practitioner"),
        common.status("document-reference-status"),
        Param("type", "type", "Of this type, as code or system|code"),
        *common.dates("date", "date"),
    ),
    "date",
)
