"""The stored form of JSON: raw deflate with a preset dictionary of text that resources share.

The first byte is the dictionary's number. Dictionaries are added and never changed or removed,
because stored items can only be read with the dictionary that they were written with.
"""

import zlib
from functools import cache
from importlib.resources import files

CURRENT = 1
# Negative for raw deflate: DynamoDB keeps lengths and checksums, so a header would be wasted.
_WINDOW_BITS = -15
# The window of most resources, in bits: it has room for the dictionary and 2.7 KB. A larger window
# compresses no better then, and takes 43 µs instead of 11, most of it for clearing memory.
_SMALL_WINDOW_BITS = -13
# The part of a window that zlib keeps free.
_MARGIN = 262
# zlib's own choice of memory, 8, compresses no better and takes longer to clear.
_LEVEL, _MEMORY = 6, 6
_SEPARATOR = b"\x00"


@cache
def _dictionary(number: int) -> bytes:
    return files(__package__).joinpath(f"dictionary-{number}.txt").read_bytes()


@cache
def _packer(window_bits: int) -> "zlib._Compress":
    """Return a packer that knows the dictionary, to be copied for each use."""
    dictionary = _dictionary(CURRENT)
    return zlib.compressobj(_LEVEL, zlib.DEFLATED, window_bits, _MEMORY, zdict=dictionary)


def pack(json: bytes, beside: bytes = b"") -> bytes:
    """Compress JSON, and optionally a second value that is stored with it."""
    content = json + _SEPARATOR + beside if beside else json
    is_small = len(_dictionary(CURRENT)) + len(content) + _MARGIN <= 1 << -_SMALL_WINDOW_BITS
    packer = _packer(_SMALL_WINDOW_BITS if is_small else _WINDOW_BITS).copy()
    return bytes((CURRENT,)) + packer.compress(content) + packer.flush()


def unpack(packed: bytes) -> tuple[bytes, bytes]:
    """Return the JSON and the second value, which is empty if there is none."""
    unpacker = zlib.decompressobj(_WINDOW_BITS, zdict=_dictionary(packed[0]))
    json, _, beside = unpacker.decompress(packed[1:]).partition(_SEPARATOR)
    return json, beside
