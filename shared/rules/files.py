"""Files: their content types, names and ranges, and how their bytes let them be shown.

https://mimesniff.spec.whatwg.org/ has why browsers must not guess.
"""

import re
from urllib.parse import quote

# A browser may show these in a page, because nothing in them is executed there. Any other file is
# only saved.
SHOWN_TYPES = frozenset(
    {
        *("image/avif", "image/bmp", "image/gif", "image/heic", "image/jpeg", "image/png"),
        *("image/tiff", "image/webp", "application/pdf"),
    }
)
UNKNOWN_TYPE = "application/octet-stream"
# The bytes at the beginning of a file that its type is found by.
HEAD_BYTES = 8192
_ALIASES = {"image/jpg": "image/jpeg", "image/pjpeg": "image/jpeg"}
_MEDIA = frozenset({"audio", "video"})
_RANGE = re.compile(r"bytes=(?P<first>[0-9]{0,15})-(?P<last>[0-9]{0,15})", re.ASCII)
# The characters of a file's name that are `_` in its quoted form.
_REPLACED = re.compile(r"[^A-Za-z0-9 ._()+,=@-]", re.ASCII)
LONGEST_NAME = 255
# S3 takes 2 KB of metadata, in which an upload's maker and context are, too.
LONGEST_ENCODED_NAME = 1536

# A media type with its parameters: https://www.rfc-editor.org/rfc/rfc9110#section-8.3.1
_WORD = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"
_QUOTED = r'"(?:[ !#-\[\]-~]|\\[ -~])*"'
CONTENT_TYPE = rf"{_WORD}/{_WORD}(?: *; *{_WORD}=(?:{_WORD}|{_QUOTED}))*"
LONGEST_CONTENT_TYPE = 255
_CONTENT_TYPE = re.compile(CONTENT_TYPE, re.ASCII)


def is_content_type(value: object) -> bool:
    """Return whether a value is a content type that a file may have: one, and fit for a header."""
    return (
        isinstance(value, str)
        and len(value) <= LONGEST_CONTENT_TYPE
        and _CONTENT_TYPE.fullmatch(value) is not None
    )


def base_type(content_type: str) -> str:
    """Return a content type in lower case, without its parameters and under its usual name."""
    name = content_type.partition(";")[0].strip().lower()
    return _ALIASES.get(name, name)


def is_name(text: str) -> bool:
    """Return whether a text may be the name of an upload."""
    is_printable = 0 < len(text) <= LONGEST_NAME and text.isprintable()
    return is_printable and len(quote(text, safe="")) <= LONGEST_ENCODED_NAME


def printable_name(text: str) -> str:
    """Return what may be a file's name of a text, which may be nothing."""
    printable = "".join(letter for letter in text if letter.isprintable() and letter not in "/\\")
    return printable[:LONGEST_NAME]


def is_as_declared(content_type: str, head: bytes) -> bool:
    """Return whether the first bytes of a file agree with its declared content type.

    A type that browsers show must be recognized. Any other must not be recognized as a file of
    another kind, such as an image that is declared as text.
    """
    # Imported here because reads do not need it.
    from filetype import guess_mime  # noqa: PLC0415

    declared, found = base_type(content_type), guess_mime(head)
    if declared in SHOWN_TYPES:
        return bool(declared == found)
    if found is None or declared == UNKNOWN_TYPE:
        return True
    return _kind(declared) == _kind(found)


def _kind(media_type: str) -> str:
    main = media_type.partition("/")[0]
    return "media" if main in _MEDIA else main


def served_type(content_type: str, *, as_declared: bool) -> str:
    """Return the content type that a file is sent with: bytes that contradict theirs have none.

    Those that browsers show have no parameters, which are not needed there.
    """
    if not as_declared:
        return UNKNOWN_TYPE
    declared = base_type(content_type)
    return declared if declared in SHOWN_TYPES else content_type


def disposition(served: str, name: str) -> str:
    """Return the Content-Disposition of a file with a served content type.

    https://www.rfc-editor.org/rfc/rfc6266
    """
    kind = "inline" if base_type(served) in SHOWN_TYPES else "attachment"
    if not name:
        return kind
    plain = _REPLACED.sub("_", name)
    extended = "" if plain == name else f"; filename*=UTF-8''{quote(name, safe='')}"
    return f'{kind}; filename="{plain}"{extended}'


def byte_range(header: str, size: int) -> tuple[int, int] | None:
    """Return the first and last position of the single range that a header asks for.

    None stands for the whole file: several ranges, and what is no range of bytes, are ignored. A
    range that begins beyond the end is returned as it is.
    https://www.rfc-editor.org/rfc/rfc9110#section-14.2
    """
    match = _RANGE.fullmatch(header.replace(" ", ""))
    if match is None or not (match["first"] or match["last"]):
        return None
    if not match["first"]:
        length = int(match["last"])
        return (max(size - length, 0), size - 1) if length else (size, size)
    first, last = int(match["first"]), int(match["last"] or size - 1)
    if match["last"] and last < first:
        return None
    return first, min(last, size - 1)
