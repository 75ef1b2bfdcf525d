"""The size and time limits of the response to a Bundle.

https://hl7.org/fhir/R4/http.html#transaction
"""

import time
from dataclasses import replace
from http import HTTPStatus

from shared import deadlines
from shared.catalog.interactions import READ_METHODS
from shared.errors import TooLong, Transient
from shared.fhir.fhirjson import sent_size
from shared.http import routing
from shared.http.requests import Event
from shared.http.responses import Response, error_response

# Lambda limits payloads to 6 MB in both directions; in a response, every quote is escaped.
LARGEST_BUNDLE = 5_000_000
# No entry is started later than this, so that the last one ends before the function times out.
SECONDS = 15


class BundleBudget:
    """The bytes and seconds that are left for a response."""

    def __init__(self) -> None:
        """Start with an empty response."""
        self._left = LARGEST_BUNDLE
        self._end = min(time.monotonic() + SECONDS, deadlines.current())

    def check_time(self) -> None:
        """Raise Transient if it is too late to start another entry."""
        if time.monotonic() > self._end:
            raise Transient("The time for this Bundle ran out before this entry: send it again")

    def fit(self, event: Event, response: Response) -> Response:
        """Return a response that fits into the rest of the response to the Bundle.

        If it does not fit, a write is answered without its body, and a read is refused.
        """
        size = sent_size(response.body)
        if size <= self._left:
            self._left -= size
            return response
        if response.status < HTTPStatus.BAD_REQUEST and routing.method(event) not in READ_METHODS:
            return replace(response, body=b"")
        return error_response(
            TooLong("The response has no room left for this entry: request it on its own")
        )
