"""Decoding of request bodies: base64, content codings and the byte order mark."""

from base64 import b64decode
from collections.abc import Iterator, Mapping
from typing import Any

from shared.errors import Malformed, TooLong, UnsupportedMedia

# Lambda delivers at most 6 MB, but gzip data of that size may decompress to a thousand times more.
LARGEST_UNPACKED = 10_000_000
CONTENT_ENCODING, ACCEPT_ENCODING = "Content-Encoding", "Accept-Encoding"
# x-gzip is gzip's old name: https://www.rfc-editor.org/rfc/rfc9110#section-8.4.1.3
_GZIP, _IDENTITY = ("gzip", "x-gzip"), "identity"


class UnsupportedCoding(UnsupportedMedia):
    """The body has a content coding that this server does not decode."""

    accepted = _GZIP[0]

    def __init__(self) -> None:
        """Name the accepted coding in the diagnostics."""
        super().__init__(
            "The body's Content-Encoding is not supported",
            expression=CONTENT_ENCODING,
            diagnostics=f"Send the body in {self.accepted} or uncompressed",
        )


def decode(event: Mapping[str, Any], headers: Mapping[str, str]) -> bytes:
    """Return the decoded body of an event, without content codings.

    Raises UnsupportedCoding, Malformed and TooLong.
    """
    text = event.get("body") or ""
    is_base64 = event.get("isBase64Encoded")
    body = b64decode(text) if is_base64 else text.encode(errors="surrogatepass")
    if body:
        for coding in _codings(headers.get(CONTENT_ENCODING.lower(), "")):
            if coding not in _GZIP:
                raise UnsupportedCoding
            body = _decompressed(body)
    return body


def _codings(header: str) -> Iterator[str]:
    """Yield the content codings to undo, the one that was applied last first."""
    for name in reversed(header.lower().split(",")):
        if name.strip() not in ("", _IDENTITY):
            yield name.strip()


def _decompressed(body: bytes) -> bytes:
    """Decompress all members of a gzip file. Raises Malformed, and TooLong past the limit."""
    # Imported here because few clients compress what they send.
    from gzip import GzipFile  # noqa: PLC0415
    from io import BytesIO  # noqa: PLC0415
    from zlib import error as ZlibError  # noqa: N812, PLC0415 - zlib names its exception in lower case

    try:
        with GzipFile(fileobj=BytesIO(body)) as file:
            decompressed = file.read(LARGEST_UNPACKED + 1)
    except (OSError, EOFError, ZlibError):
        raise Malformed(
            "The body is not valid gzip data, or it is truncated", expression=CONTENT_ENCODING
        ) from None
    if len(decompressed) > LARGEST_UNPACKED:
        size = LARGEST_UNPACKED // 1_000_000
        raise TooLong(
            f"The body is larger than {size} MB when decompressed", expression=CONTENT_ENCODING
        )
    return decompressed
