"""The text and the files of a mail, out of its tree of parts.

On broken mails the standard library raises whatever its code runs into. There is a text all the
same, perhaps an empty one: the whole mail is kept besides.
https://www.rfc-editor.org/rfc/rfc2046
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from email import message_from_bytes, message_from_string, policy
from email.headerregistry import HeaderRegistry
from email.message import MIMEPart
from typing import Any

from shared.channels.inbound import mail_charsets, mail_files
from shared.channels.inbound.flowed import unflowed
from shared.channels.inbound.message import File

# More than anybody attaches. The others are in the mail itself.
MOST_FILES = 20
# The standard library's parser needs some hundred bytes for a part or a header, so that a mail of
# few bytes could need all memory.
_MOST_DELIMITERS = 10_000
_MOST_LINES = 700_000
_DELIMITER = re.compile(rb"^--", re.MULTILINE)
_BOUNDARY = re.compile(r"^--([^\s\"]{4,70})\s*^content-", re.MULTILINE | re.IGNORECASE)
_DEEPEST = 30
# Enough for names of files in the longest encoding, and for parts of a large mail.
_LONGEST_HEADER, _MOST_HEADER_LETTERS = 4_000, 500_000
# So that many short texts take no longer than a long one.
_COST_OF_TEXT = 1_000
_SIGNATURES = frozenset(
    {
        *("application/pgp-signature", "application/pkcs7-signature"),
        "application/x-pkcs7-signature",
    }
)


class _Headers:
    """A factory of headers, for which the library takes time with the square of their lengths.

    So each is cut, and read once. Raises ValueError if there is too much to read.
    """

    def __init__(self) -> None:
        self._create = HeaderRegistry()
        self._created: dict[tuple[str, str], Any] = {}
        self._room = _MOST_HEADER_LETTERS

    def __call__(self, name: str, value: str) -> Any:
        key = (name, value[:_LONGEST_HEADER])
        if key not in self._created:
            self._room -= len(key[1])
            if self._room < 0:
                raise ValueError
            self._created[key] = self._create(*key)
        return self._created[key]


@dataclass(slots=True)
class Parts:
    """The parts of a mail: its texts and files in order, and how many files were left out.

    `is_complete` says whether all of it could be read. `room` is how many bytes of text may still
    be read, `takes_text` whether text is taken at all.
    """

    texts: list[str] = field(default_factory=list)
    files: list[File] = field(default_factory=list)
    omitted: int = 0
    is_complete: bool = True
    room: int = mail_charsets.LONGEST_PART
    takes_text: bool = True

    @property
    def text(self) -> str:
        """The texts as one."""
        return "\n\n".join(self.texts)


def read(raw: bytes) -> Parts:
    """Return the parts of a mail."""
    parts = Parts()
    if raw.count(b"\n") > _MOST_LINES or len(_DELIMITER.findall(raw)) > _MOST_DELIMITERS:
        parts.is_complete = False
        return parts
    try:
        mail = message_from_bytes(raw, policy=policy.default.clone(header_factory=_Headers()))
    except Exception:  # noqa: BLE001 - see above
        parts.is_complete = False
        return parts
    _add(parts, mail, 0)
    return parts


def _add(parts: Parts, part: MIMEPart, depth: int) -> None:
    """Add what can be read of a part, and of those in it."""
    try:
        _add_read(parts, part, depth)
    except Exception:  # noqa: BLE001 - see above
        parts.is_complete = False


def _add_read(parts: Parts, part: MIMEPart, depth: int) -> None:
    subtype = part.get_content_subtype()
    inner = _inner(part)
    if depth > _DEEPEST:
        parts.is_complete = False
    elif inner and subtype == "alternative":
        _add_alternative(parts, inner, depth)
    elif inner:
        for each in inner:
            _add(parts, each, depth + 1)
    elif _is_text(part):
        _add_text(parts, part)
    elif part.get_content_type() not in _SIGNATURES:
        _add_file(parts, part)


def _inner(part: MIMEPart) -> list[MIMEPart]:
    """Return the parts of a multipart. A mail in a mail is a file."""
    if part.get_content_maintype() != "multipart":
        return []
    found = part if part.is_multipart() else _with_boundary(part)
    return list(found.iter_parts())


def _with_boundary(part: MIMEPart) -> MIMEPart:
    """Return a multipart as it is with the boundary that it has, if its header names none."""
    payload = part.get_payload()
    found = _BOUNDARY.search(payload) if isinstance(payload, str) else None
    if found is None:
        return part
    header = f'Content-Type: {part.get_content_type()}; boundary="{found[1]}"\n\n'
    return message_from_string(f"{header}{payload}", policy=part.policy)


def _add_alternative(parts: Parts, choices: Sequence[MIMEPart], depth: int) -> None:
    """Add the text of the first choice that has one, plain text before others, and all files.

    Programs that write HTML only sometimes add an empty plain text.
    """
    takes_text, count = parts.takes_text, len(parts.texts)
    for choice in sorted(choices, key=lambda choice: choice.get_content_type() != "text/plain"):
        _add(parts, choice, depth + 1)
        parts.takes_text = takes_text and len(parts.texts) == count
    parts.takes_text = takes_text


def _is_text(part: MIMEPart) -> bool:
    # A multipart without parts has lost its boundaries.
    is_broken = part.get_content_maintype() == "multipart"
    is_readable = is_broken or part.get_content_type() in ("text/plain", "text/html")
    return is_readable and not part.is_attachment() and not mail_files.name(part)


def _add_text(parts: Parts, part: MIMEPart) -> None:
    if not parts.takes_text:
        return
    content = mail_files.content(part)
    if len(content) > parts.room:
        parts.is_complete = False
    text = _text(part, content[: max(parts.room, 0)]).strip("\n")
    parts.room -= len(content) + _COST_OF_TEXT
    if text.strip():
        parts.texts.append(text)


def _text(part: MIMEPart, content: bytes) -> str:
    charset = part.get_content_charset() or ""
    if part.get_content_subtype() == "html":
        # Imported here because most mails have plain text, and lxml takes long.
        from shared.channels.inbound import mail_html  # noqa: PLC0415

        page = mail_charsets.text(content, charset or mail_charsets.html_charset(content))
        return mail_charsets.plain(mail_html.text(page))
    text = mail_charsets.text(content, charset)
    if str(part.get_param("format", "")).lower() == "flowed":
        return unflowed(text, deletes_space=str(part.get_param("delsp", "")).lower() == "yes")
    return text


def _add_file(parts: Parts, part: MIMEPart) -> None:
    _keep(parts, mail_files.file(part, len(parts.files) + 1))


def _keep(parts: Parts, file: File) -> None:
    if not file.content:
        return
    if len(parts.files) < MOST_FILES:
        parts.files.append(file)
    else:
        parts.omitted += 1
