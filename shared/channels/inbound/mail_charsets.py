"""The text of a part's bytes, whatever their charset is said to be.

https://encoding.spec.whatwg.org/ has what browsers do about wrong names.
"""

import codecs
import re
from collections.abc import Iterator

# Mails with years of history have fewer bytes of text. The rest is in the mail itself.
LONGEST_PART = 2_000_000
# Whoever names none of them, or one of these, may well mean UTF-8.
_UNSURE = frozenset({"", "ascii", "cp1252"})
_USUAL = "cp1252"
# Names of charsets that stand for larger ones, by Python's names.
_LARGER = {
    "iso8859-1": _USUAL,
    "iso8859-9": "cp1254",
    "euc_kr": "cp949",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
}
# Python's encodings of text that no mail has, some of which take time by the square.
_NO_CHARSETS = frozenset({"idna", "punycode", "raw-unicode-escape", "undefined", "unicode-escape"})
_META = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?([A-Za-z0-9_-]{2,40})", re.IGNORECASE)
_META_WITHIN = 4_000
_UNKNOWN = "\N{REPLACEMENT CHARACTER}"
# Control characters, which FHIR's strings must not have, and halves of characters.
_NO_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufeff\ufffe\uffff]")


def text(content: bytes, charset: str) -> str:
    """Return the text of bytes in a charset, whose lines end with a line feed."""
    decoded = _decoded(content[:LONGEST_PART], _codec(charset))
    return plain(decoded.replace("\r\n", "\n").replace("\r", "\n"))


def plain(decoded: str) -> str:
    """Return a text without what is no text."""
    return _NO_TEXT.sub("", decoded)


def html_charset(content: bytes) -> str:
    """Return the charset that a page names itself, empty if it does not."""
    found = _META.search(content[:_META_WITHIN])
    return found[1].decode() if found else ""


def _decoded(content: bytes, codec: str) -> str:
    if codec in _UNSURE:
        try:
            return content.decode()
        except UnicodeDecodeError:
            return content.decode(codec or _USUAL, "replace")
    decoded = content.decode(codec, "replace")
    # What is not in the charset that it is said to be in is mostly in the usual one.
    foreign = sum(not letter.isascii() for letter in decoded)
    is_wrong = codec == "utf-8" and decoded.count(_UNKNOWN) * 2 > foreign
    return content.decode(_USUAL, "replace") if is_wrong else decoded


def _codec(charset: str) -> str:
    """Return Python's name of a charset, empty if it has none."""
    for name in _names(charset.strip().lower()):
        try:
            codec = codecs.lookup(name)
            b"AAAA".decode(codec.name, "replace")
        except (LookupError, ValueError):
            continue
        if codec.name not in _NO_CHARSETS:
            return _LARGER.get(codec.name, codec.name)
    return ""


def _names(charset: str) -> Iterator[str]:
    """Yield a charset's name, and how Python may call it."""
    yield charset
    yield charset.removeprefix("x-")
    yield charset.replace("windows-", "cp")
    # The order in which right-to-left text is stored.
    yield charset.removesuffix("-i").removesuffix("-e")
