"""The files in a mail: their bytes, their types, and names that are fit for a disk."""

import mimetypes
import re
from email import policy
from email.generator import BytesGenerator
from email.message import MIMEPart
from io import BytesIO
from typing import Any

from shared.channels.inbound.message import File
from shared.rules import files

MAIL = "message/rfc822"
# Encoded words: https://www.rfc-editor.org/rfc/rfc2047
_ENCODED_NAME = re.compile(r"name=\s*((?:=\?[^?\s]+\?[bq]\?[^?\s]*\?=\s*)+)", re.IGNORECASE)
_LONGEST_HEADER = 4_000
_PATH = re.compile(r"^.*[/\\]", re.DOTALL)
# With the extension, which is what a longer name must keep.
_LONGEST_NAME = 120
_LONGEST_EXTENSION = 10
# Types whose extensions the standard library does not know, or does not choose.
_EXTENSIONS = {
    MAIL: ".eml",
    "application/ms-tnef": ".dat",
    "text/plain": ".txt",
    "image/jpeg": ".jpg",
    "text/calendar": ".ics",
}


def file(part: MIMEPart, number: int) -> File:
    """Return a part as a file; `number` is in the name of one that has none."""
    media_type = _media_type(part)
    extension = _EXTENSIONS.get(media_type) or mimetypes.guess_extension(media_type) or ""
    return File(
        content_type=media_type,
        name=name(part) or f"attachment-{number}{extension}",
        content=content(part),
    )


def name(part: MIMEPart) -> str:
    """Return the name of a part's file without folders, empty if it has none."""
    given = str(part.get_filename() or "") or _encoded_name(part)
    last = _PATH.sub("", given.encode(errors="replace").decode())
    return files.printable_name(_shortened(last)).strip(". ")


def _encoded_name(part: MIMEPart) -> str:
    """Return a name that is encoded as only text may be, without quotes."""
    for header, value in part.raw_items():
        found = _ENCODED_NAME.search(str(value)[:_LONGEST_HEADER])
        if found and header.lower() in ("content-disposition", "content-type"):
            return str(policy.default.header_factory("Subject", found[1]))
    return ""


def content(part: MIMEPart) -> bytes:
    """Return the decoded bytes of a part; those of a mail, or of parts in it, as they came."""
    if part.is_multipart():
        return b"".join(_written(inner) for inner in part.get_payload())
    decoded = part.get_payload(decode=True)
    return decoded if isinstance(decoded, bytes) else b""


def _media_type(part: MIMEPart) -> str:
    found = part.get_content_type()
    return found if files.is_content_type(found) else files.UNKNOWN_TYPE


def _written(part: Any) -> bytes:
    written = BytesIO()
    BytesGenerator(written, mangle_from_=False, policy=policy.compat32).flatten(part)
    return written.getvalue()


def _shortened(given: str) -> str:
    stem, dot, extension = given.rpartition(".")
    if len(given) <= _LONGEST_NAME or not dot or len(extension) > _LONGEST_EXTENSION:
        return given[:_LONGEST_NAME]
    return f"{stem[: _LONGEST_NAME - len(extension) - 1]}.{extension}"
