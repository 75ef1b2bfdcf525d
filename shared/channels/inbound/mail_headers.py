"""The headers of a mail, as far as they say who wrote it, when, about what, and in answer to what.

Senders' programs break every rule, so each value is read by itself, bounded, and never raises.
https://www.rfc-editor.org/rfc/rfc5322
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from email import policy, utils
from email.errors import InvalidHeaderDefect
from email.parser import HeaderParser
from hashlib import sha256

# By name in lower case, the values of a mail's headers in their order.
type Headers = Mapping[str, Sequence[str]]

# What mail systems take. A block that is longer is cut.
_LONGEST_BLOCK = 256 * 1024
# The parsers of the standard library take time with the square of a value's length.
_LONGEST_PARSED = 4_000
_LONGEST_SUBJECT = 200
# Those of an exchange that was answered more often name at least its beginning and its end.
_MOST_ANSWERS = 30
# An item's key is bounded, and no mail program makes a longer one.
_LONGEST_ID = 250
_END = re.compile(rb"\r?\n\r?\n|\r\r")
_ID = re.compile(r"<([^<>]+)>")
_SPACE = re.compile(r"\s+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_ADDRESS = re.compile(r"[^@\s<>()\[\]\\,;:\"]+@[^@\s<>()\[\]\\,;:\"]+")
_LONGEST_ADDRESS = 254
_QUOTED_OR_COMMENT = re.compile(r'"(?:[^"\\]|\\.)*"|\([^()]*\)')
_ANGLES = re.compile(r"(?P<name>[^<>]*)<(?P<address>[^<>]*)>\s*")
# What mail programs put before a subject that they answer or forward, in the languages of
# https://en.wikipedia.org/wiki/List_of_email_subject_abbreviations
_REPLY = re.compile(
    r"(?:(?:re|fwd?|aw|wg|antw|antwoord|doorst|sv|vs|vb|vl|ref|tr|rv|res|enc|rif|i|odp|pd|ynt|ilt"
    r"|回复|回覆|转发|轉寄|답장|전달)\s*(?:\[\d+\])?\s*[:\uff1a]\s*)+",
    re.IGNORECASE,
)


def read(raw: bytes) -> Headers:
    """Return the headers at the beginning of a mail."""
    block = raw[:_LONGEST_BLOCK]
    if end := _END.search(block):
        block = block[: end.start()]
    return from_pairs(HeaderParser(policy=policy.compat32).parsestr(_text(block)).raw_items())


def from_pairs(pairs: Iterable[tuple[str, object]]) -> Headers:
    """Return headers of their names and values."""
    headers: dict[str, list[str]] = {}
    for name, value in pairs:
        unfolded = _SPACE.sub(" ", str(value)).strip()
        headers.setdefault(name.strip().lower(), []).append(unfolded)
    return headers


def first(headers: Headers, name: str) -> str:
    """Return the beginning of a header's first value in lower case, empty if there is none."""
    return _first(headers, name).lower()


def _first(headers: Headers, name: str) -> str:
    return next(iter(headers.get(name, ())), "")[:_LONGEST_PARSED]


def message_id(headers: Headers) -> str:
    """Return the mail's Message-ID, without angle brackets; empty if it has none."""
    for value in headers.get("message-id", ()):
        if found := _ids(value) or _ids(f"<{value}>"):
            return found[0]
    return ""


def answers(headers: Headers) -> tuple[str, ...]:
    """Return the ids of the mails that this one answers, nearest first."""
    direct = [found for value in headers.get("in-reply-to", ()) for found in _ids(value)]
    thread = [found for value in headers.get("references", ()) for found in _ids(value)]
    nearest_first = dict.fromkeys((*direct, *reversed(thread)))
    return tuple(nearest_first)[:_MOST_ANSWERS]


def sender(headers: Headers) -> str:
    """Return the address that a mail is from, in lower case; empty unless there is exactly one."""
    values = headers.get("from", ())
    if len(values) != 1 or len(values[0]) > _LONGEST_PARSED:
        return ""
    found = _addresses(values[0])
    return found[0] if len(found) == 1 and found[0] else _in_angle_brackets(values[0])


def address(text: str) -> str:
    """Return an address in lower case, empty if the text is none that can be written to."""
    lower = text.strip().lower()
    is_address = len(lower) <= _LONGEST_ADDRESS and _ADDRESS.fullmatch(lower)
    return lower if is_address and lower.isprintable() else ""


def subject(headers: Headers) -> str:
    """Return the subject without what answering and forwarding put before it; may be empty."""
    value = _first(headers, "subject")
    decoded = _tried(lambda: str(policy.default.header_factory("Subject", value)), value)
    plain = _SPACE.sub(" ", _CONTROL.sub(" ", _without_surrogates(decoded))).strip()
    plain = plain[:_LONGEST_SUBJECT]
    # What consists of nothing else is a subject.
    return _REPLY.sub("", plain, count=1).strip() if _REPLY.match(plain) else plain


def sent(headers: Headers) -> datetime | None:
    """Return when a mail says it was sent, None if it does not."""
    value = _first(headers, "date")
    found = _tried(lambda: utils.parsedate_to_datetime(value), None)
    if found is None:
        return None
    # `-0000` is UTC at an unknown place.
    aware = found if found.tzinfo else found.replace(tzinfo=UTC)
    return _tried(lambda: aware.astimezone(UTC), None)


def _ids(text: str) -> list[str]:
    found = (_CONTROL.sub("", _SPACE.sub("", match)) for match in _ID.findall(text))
    return [_bounded(_without_surrogates(one)) for one in found if one]


def _bounded(own_id: str) -> str:
    """Return an id, or a hash of one that no key has room for."""
    is_long = len(own_id.encode()) > _LONGEST_ID
    return f"sha256-{sha256(own_id.encode()).hexdigest()}" if is_long else own_id


def _addresses(value: str) -> list[str]:
    """Return the addresses of a header; those that cannot be written to are empty.

    There are none if it breaks the rules: the library reads then as far as it understands.
    """

    def by_library() -> list[str]:
        header = policy.default.header_factory("From", value)
        is_broken = any(isinstance(defect, InvalidHeaderDefect) for defect in header.defects)
        return [] if is_broken else [found.addr_spec for found in header.addresses]

    none: list[str] = []
    return [address(found) for found in _tried(by_library, none)]


def _in_angle_brackets(value: str) -> str:
    """Return the only address in angle brackets, after a name that should be quoted but is not."""
    match = _ANGLES.fullmatch(_QUOTED_OR_COMMENT.sub("", value))
    if match is None or ("," in match["name"] and "@" in match["name"]):
        return ""
    return address(match["address"])


def _text(block: bytes) -> str:
    """Return the text of headers, which may be UTF-8 though they should be ASCII."""
    try:
        return block.decode()
    except UnicodeDecodeError:
        return block.decode("latin-1")


def _without_surrogates(text: str) -> str:
    return text.encode(errors="replace").decode()


def _tried[T](read_value: Callable[[], T], otherwise: T) -> T:
    """Return what a parser of the standard library returns, or another value if it raises."""
    try:
        return read_value()
    except Exception:  # noqa: BLE001 - on broken values they raise whatever their code runs into
        return otherwise
