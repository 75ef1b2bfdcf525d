"""The collection `notes`: DocumentReferences as plain objects."""

from shared.plain.collections.rows import (
    CONCEPT,
    ENCOUNTER,
    IDENTIFIERS,
    MEDIA_TYPE,
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
from shared.plain.kinds import Code, Primitive, Written

NOTES = Collection(
    "notes",
    "DocumentReference",
    (
        Field(
            "status",
            "status",
            Code("document-reference-status"),
            "current by default",
            default="current",
        ),
        Field("type", "type", CONCEPT),
        Field("category", "category", CONCEPT, plural="categories"),
        PATIENT_ID,
        id_of(
            "encounterId",
            "context.encounter",
            "Encounter",
            about="The encounter during which it was written",
            plural="encounterIds",
        ),
        id_of("authorId", "author", *PEOPLE, about="Who wrote it", plural="authorIds"),
        Field("date", "date", Primitive("instant")),
        Field("content", "content[0].attachment", Written(), "The text of the note"),
        Field("title", "content[0].attachment.title", TEXT),
        Field("contentType", "content[0].attachment.contentType", MEDIA_TYPE, stays=True),
        Field(
            "url",
            "content[0].attachment.url",
            Primitive("url"),
            "Where the text is stored, if not here",
        ),
        Field("description", "description", TEXT),
        IDENTIFIERS,
    ),
    (
        PATIENT,
        ENCOUNTER,
        Param("authorId", "author", "By this practitioner", target="Practitioner"),
        status("document-reference-status"),
        Param("type", "type", "Of this type, as code or system|code"),
        *dates("date", "date"),
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
