"""A request's body as its sender meant it: decoded, unpacked, without a byte order mark."""

from base64 import b64decode
from codecs import BOM_UTF8
from collections.abc import Iterator, Mapping
from typing import Any

from shared.errors import Malformed, TooLong, UnsupportedMedia

# A body reaches a function with 6 MB at most, which gzip may make a thousand times as much.
LARGEST_UNPACKED = 10_000_000
ENCODING, ACCEPT_ENCODING = "Content-Encoding", "Accept-Encoding"
# x-gzip is gzip's old name: https://www.rfc-editor.org/rfc/rfc9110#section-8.4.1.3
_GZIP, _IDENTITY = ("gzip", "x-gzip"), "identity"


class UnsupportedCoding(UnsupportedMedia):
    """The body is packed in a way that is not unpacked here."""

    accepted = _GZIP[0]

    def __init__(self) -> None:
        """Name the coding that is accepted."""
        super().__init__(
            "The body's content coding is not supported",
            expression=ENCODING,
            diagnostics=f"Supported: {self.accepted}",
        )


def content(event: Mapping[str, Any], headers: Mapping[str, str]) -> bytes:
    """Return the content of an event's body. Raises UnsupportedCoding, Malformed and TooLong."""
    text = event.get("body") or ""
    is_packed = event.get("isBase64Encoded")
    body = b64decode(text) if is_packed else text.encode(errors="surrogatepass")
    if body:
        for coding in _codings(headers.get(ENCODING.lower(), "")):
            if coding not in _GZIP:
                raise UnsupportedCoding
            body = _unpacked(body)
    return body.removeprefix(BOM_UTF8)


def _codings(header: str) -> Iterator[str]:
    """Yield the codings to be undone: the last that was applied comes first."""
    for name in reversed(header.lower().split(",")):
        if name.strip() not in ("", _IDENTITY):
            yield name.strip()


def _unpacked(body: bytes) -> bytes:
    """Unpack all members of a gzip file, and no more than a body may have."""
    # Few clients pack what they send.
    from gzip import GzipFile  # noqa: PLC0415
    from io import BytesIO  # noqa: PLC0415
    from zlib import error as ZlibError  # noqa: N812, PLC0415 - it is named like a variable

    try:
        with GzipFile(fileobj=BytesIO(body)) as file:
            unpacked = file.read(LARGEST_UNPACKED + 1)
    except (OSError, EOFError, ZlibError):
        raise Malformed("The body is not in gzip, or not whole", expression=ENCODING) from None
    if len(unpacked) > LARGEST_UNPACKED:
        size = LARGEST_UNPACKED // 1_000_000
        raise TooLong(f"A body has at most {size} MB when it is unpacked", expression=ENCODING)
    return unpacked
