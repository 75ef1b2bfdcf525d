"""ULIDs: ids that sort by time.

https://github.com/ulid/spec
"""

import os
import re
from hashlib import sha256

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUES = {letter: value for value, letter in enumerate(_ALPHABET)}
LENGTH, _TIME_LETTERS = 26, 10
# The upper half of a ULID's 48 bits of time is free until the year 6429: what has no time of its
# own is put there, in order of its arrival, so that it sorts after everything that has one.
UNDATED = 1 << 47
PATTERN = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}", re.ASCII)


def _letters(value: int, count: int) -> str:
    return "".join(_ALPHABET[value >> shift & 31] for shift in range(5 * (count - 1), -1, -5))


def prefix(milliseconds: int) -> str:
    """Give the ten letters with which every ULID of that time begins; before 1970 is 1970."""
    return _letters(max(0, min(milliseconds, (1 << 48) - 1)), _TIME_LETTERS)


def new(milliseconds: int) -> str:
    """Make a ULID of that time since 1970, with 80 bits from the system's own randomness."""
    return prefix(milliseconds) + _letters(int.from_bytes(os.urandom(10)), 16)


def derived(ulid: str, number: int) -> str:
    """Return the same further ULID each time, of the time of another."""
    hashed = sha256(f"{ulid}.{number}".encode()).digest()
    return ulid[:_TIME_LETTERS] + _letters(int.from_bytes(hashed[:10]), 16)


def milliseconds(ulid: str) -> int:
    """Give the time a ULID carries."""
    value = 0
    for letter in ulid[:_TIME_LETTERS]:
        value = value << 5 | _VALUES[letter]
    return value
