"""The content of a mail: the newest part of its text, and its files, the whole mail among them."""

from collections.abc import Collection
from typing import NamedTuple

from shared.channels.inbound import mail_files, mail_parts, mail_text
from shared.channels.inbound.mail_parts import Parts
from shared.channels.inbound.message import File

WHOLE_MAIL = "mail.eml"
# What staff are told besides, below what the sender has written.
NOT_READ = "[Not all of this mail could be read. See the mail itself.]"
MORE_FILES = "[{} more of its files are in the mail itself.]"
INFECTED = "[This mail contains a virus. Neither its files nor the mail itself are shown.]"
GONE = "[This mail could not be kept.]"
NO_TEXT = "[This mail has no text.]"


class Content(NamedTuple):
    """The text and the files of a message that a mail is."""

    text: str
    files: tuple[File, ...]


def content(
    raw: bytes, subject: str, languages: Collection[str], *, is_infected: bool = False
) -> Content:
    """Return the content of a mail. Without any text, its subject is its text."""
    parts = mail_parts.read(raw)
    newest = mail_text.newest(parts.text, languages) or subject or NO_TEXT
    if is_infected:
        return Content(f"{newest}\n\n{INFECTED}", ())
    if not raw:
        return Content(f"{subject or NO_TEXT}\n\n{GONE}", ())
    whole = File(content_type=mail_files.MAIL, name=WHOLE_MAIL, content=raw)
    return Content("\n\n".join([newest, *_notes(parts)]), (*parts.files, whole))


def _notes(parts: Parts) -> list[str]:
    notes = [MORE_FILES.format(parts.omitted)] if parts.omitted else []
    return notes if parts.is_complete else [*notes, NOT_READ]
