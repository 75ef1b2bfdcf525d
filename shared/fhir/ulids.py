"""ULIDs: ids that sort in the order of their times, written with the library python-ulid.

https://github.com/ulid/spec
"""

import os
import re
from hashlib import sha256

from ulid import base32
from ulid.constants import (
    MAX_TIMESTAMP,
    RANDOMNESS_LEN,
    REPR_LEN,
    TIMESTAMP_LEN,
    TIMESTAMP_REPR_LEN,
)

LENGTH = REPR_LEN
# The upper half of a ULID's 48-bit timestamp is unused until the year 6429. Items without a time of
# their own are put there in order of arrival, so that they sort after all items that have one.
UNDATED = 1 << 47
PATTERN = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}", re.ASCII)
# From the letters of ULIDs, which leave out those that are mistaken for others, to those of `int`.
_TO_BASE_32 = str.maketrans(base32.ENCODE, "0123456789ABCDEFGHIJKLMNOPQRSTUV")


def _within(milliseconds: int) -> int:
    return max(0, min(milliseconds, MAX_TIMESTAMP))


def prefix(milliseconds: int) -> str:
    """Return the ten letters that every ULID of a time begins with.

    The time is in milliseconds since 1970; earlier times count as 1970.
    """
    return base32.encode_timestamp(_within(milliseconds).to_bytes(TIMESTAMP_LEN))


def new(milliseconds: int) -> str:
    """Return a new ULID of a time since 1970, with 80 bits of the system's randomness."""
    # The library's default makes those of one millisecond neighbours: each gives away the next.
    return prefix(milliseconds) + base32.encode_randomness(os.urandom(RANDOMNESS_LEN))


def derived(ulid: str, number: int) -> str:
    """Return a ULID derived from another: of the same time, and always the same for a number."""
    hashed = sha256(f"{ulid}.{number}".encode()).digest()
    return ulid[:TIMESTAMP_REPR_LEN] + base32.encode_randomness(hashed[:RANDOMNESS_LEN])


def milliseconds(ulid: str) -> int:
    """Return the time of a ULID, in milliseconds since 1970."""
    # A search asks this of each message. The library, which goes through the letters, takes 2.7 µs.
    return int(ulid[:TIMESTAMP_REPR_LEN].translate(_TO_BASE_32), 32)
