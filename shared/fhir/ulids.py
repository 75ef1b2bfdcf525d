"""ULIDs: ids that sort in the order of their times.

https://github.com/ulid/spec
"""

import os
import re
from hashlib import sha256

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUES = {letter: value for value, letter in enumerate(_ALPHABET)}
LENGTH, _TIME_LETTERS = 26, 10
# The upper half of a ULID's 48-bit timestamp is unused until the year 6429. Items without a time of
# their own are put there in order of arrival, so that they sort after all items that have one.
UNDATED = 1 << 47
PATTERN = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}", re.ASCII)


def _letters(value: int, count: int) -> str:
    return "".join(_ALPHABET[value >> shift & 31] for shift in range(5 * (count - 1), -1, -5))


def prefix(milliseconds: int) -> str:
    """Return the ten letters that every ULID of a time begins with.

    The time is in milliseconds since 1970; earlier times count as 1970.
    """
    return _letters(max(0, min(milliseconds, (1 << 48) - 1)), _TIME_LETTERS)


def new(milliseconds: int) -> str:
    """Return a new ULID of a time since 1970, with 80 bits of the system's randomness."""
    return prefix(milliseconds) + _letters(int.from_bytes(os.urandom(10)), 16)


def derived(ulid: str, number: int) -> str:
    """Return a ULID derived from another: of the same time, and always the same for a number."""
    hashed = sha256(f"{ulid}.{number}".encode()).digest()
    return ulid[:_TIME_LETTERS] + _letters(int.from_bytes(hashed[:10]), 16)


def milliseconds(ulid: str) -> int:
    """Return the time of a ULID, in milliseconds since 1970."""
    value = 0
    for letter in ulid[:_TIME_LETTERS]:
        value = value << 5 | _VALUES[letter]
    return value
