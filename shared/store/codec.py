"""How a resource is kept: its JSON, compressed with a dictionary of what such resources share.

The first byte is the dictionary's number. Dictionaries are added, never changed or removed: what is
stored was written with one of them.
"""

import zlib
from functools import cache
from importlib.resources import files

CURRENT = 1
_WINDOW_BITS = (
    -15
)  # raw deflate: the item's own length and DynamoDB's checks make a header needless
_LEVEL, _MEMORY = 6, 8
_SEPARATOR = b"\x00"


@cache
def _dictionary(number: int) -> bytes:
    return files(__package__).joinpath(f"dictionary-{number}.txt").read_bytes()


def pack(json: bytes, beside: bytes = b"") -> bytes:
    """Compress a resource's JSON and what is kept beside it."""
    packer = zlib.compressobj(
        _LEVEL, zlib.DEFLATED, _WINDOW_BITS, _MEMORY, zdict=_dictionary(CURRENT)
    )
    content = json + _SEPARATOR + beside if beside else json
    return bytes((CURRENT,)) + packer.compress(content) + packer.flush()


def unpack(packed: bytes) -> tuple[bytes, bytes]:
    """Give back the JSON and what was kept beside it."""
    unpacker = zlib.decompressobj(_WINDOW_BITS, zdict=_dictionary(packed[0]))
    json, _, beside = unpacker.decompress(packed[1:]).partition(_SEPARATOR)
    return json, beside
