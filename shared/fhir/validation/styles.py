"""Checks of the style attributes in a Narrative, which may not run code or load anything.

https://hl7.org/fhir/R4/narrative.html#security, https://www.w3.org/TR/css-syntax-3/#tokenization
"""

import re
from collections.abc import Iterator

_HEX = r"[0-9a-fA-F]{1,6}(?:\r\n|[ \t\r\n\f])?"
_ESCAPE = re.compile(rf"\\(?:(?P<hex>{_HEX})|(?P<other>\r\n|.)|\Z)", re.DOTALL)
_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
# Each alternative starts with a different character, and matches even if it is not terminated, so
# that reading a style takes linear time.
_TOKEN = re.compile(
    rf"""
    {_COMMENT.pattern}
    | "(?P<double>[^"\\\n\r\f]*(?:\\.[^"\\\n\r\f]*)*)\\?"?
    | '(?P<single>[^'\\\n\r\f]*(?:\\.[^'\\\n\r\f]*)*)\\?'?
    | (?P<name>(?:[\w-]|[^\x00-\x7f]|\\(?:{_HEX}|[^0-9a-fA-F\n\r\f]))+)(?P<call>\()?
    | (?P<sign>.)
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_ADDRESS = re.compile(r"\s*(?![\s\"'])(?P<text>[^)\\]*(?:\\.[^)\\]*)*)\\?\)?", re.DOTALL)
_BLANKS = re.compile(r"[\s\x00-\x1f]+")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:")
_REPLACEMENT, _LAST = "\ufffd", 0x10FFFF
_SURROGATES = range(0xD800, 0xE000)
# Properties, a function and URL schemes that run code in some browser.
_ACTIVE = frozenset({"behavior", "-moz-binding", "expression", "javascript", "vbscript"})


def is_plain(style: str) -> bool:
    """Return whether a style runs no code, and loads nothing from another server.

    A URL in it must be relative, a fragment, or a `data:` URL of an image.
    """
    # Old browsers ignore comments within a word: `exp/**/ression`.
    return _is_plain(style) and ("/*" not in style or _is_plain(_COMMENT.sub("", style)))


def _is_plain(style: str) -> bool:
    try:
        return all(map(_is_local, _addresses(style)))
    except ValueError:
        return False


def _is_local(address: str) -> bool:
    # Browsers treat a backslash as a slash, and ignore line breaks.
    text = _BLANKS.sub("", address).lower().replace("\\", "/")
    if text.startswith("data:image/"):
        return True
    return not text.startswith("//") and _SCHEME.match(text) is None


def _addresses(style: str) -> Iterator[str]:
    """Yield everything that may be a URL. Raises ValueError if the style runs code or imports."""
    end = depth = 0
    while match := _TOKEN.match(style, end):
        end = match.end()
        name, sign = _unescaped(match["name"] or "").lower(), match["sign"]
        if name in _ACTIVE or sign == "@":
            raise ValueError(name or sign)
        unquoted = _ADDRESS.match(style, end) if match["call"] and name == "url" else None
        if unquoted:
            end = unquoted.end()
            yield _unescaped(unquoted["text"])
        elif match["call"] or sign == "(":
            depth += 1
        elif sign == ")":
            depth -= 1
        # A string in the argument of a function may be a URL: url(), image-set() and others.
        elif depth > 0:
            yield _unescaped(match["double"] or match["single"] or "")


def _unescaped(text: str) -> str:
    """Return a text with its escapes replaced by their characters."""
    return _ESCAPE.sub(_character, text) if "\\" in text else text


def _character(match: re.Match[str]) -> str:
    if not match["hex"]:
        other: str = match["other"] or ""
        return other if other not in ("\n", "\r", "\f", "\r\n") else ""
    code = int(match["hex"], 16)
    return _REPLACEMENT if code == 0 or code > _LAST or code in _SURROGATES else chr(code)
