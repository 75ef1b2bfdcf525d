"""What the answer to a Bundle has room and time for.

https://hl7.org/fhir/R4/http.html#transaction
"""

import time
from dataclasses import replace

from shared import deadlines
from shared.errors import TooLong, Transient
from shared.fhirjson import sent_size
from shared.http.requests import Event
from shared.http.responses import Response, refused

# A function is called with 6 MB at most, and answers with as much, in which quotes are escaped.
LARGEST = 5_000_000
# The last entry that is begun has to end before the function does.
SECONDS = 15
READING = ("GET", "HEAD")


class Room:
    """What is left of the bytes and seconds of an answer."""

    def __init__(self) -> None:
        """Begin an answer."""
        self._left = LARGEST
        self._end = min(time.monotonic() + SECONDS, deadlines.end())

    def check_time(self) -> None:
        """Raise Transient if no other entry may be begun."""
        if time.monotonic() > self._end:
            raise Transient("The time for this Bundle is over: send the entry again")

    def fitting(self, event: Event, response: Response) -> Response:
        """Return a response that fits: without what was written, or refusing what was read."""
        size = sent_size(response.body)
        if size <= self._left:
            self._left -= size
            return response
        if response.status < _LEAST_FAILURE and method(event) not in READING:
            return replace(response, body=b"")
        return refused(TooLong("The answer has no room for it: ask for it by itself"))


_LEAST_FAILURE = 400


def method(event: Event) -> str:
    """Return the method of an entry's event."""
    named: str = event["requestContext"]["http"]["method"]
    return named
