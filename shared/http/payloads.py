"""What Lambda is given to answer with, no larger than Lambda takes it.

https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from shared import fhirjson
from shared.errors import FhirError, TooLong
from shared.http import routing
from shared.http.requests import Event
from shared.http.responses import FHIR_JSON, Response
from shared.settings import settings

# Lambda ends an answer at 6 MB: the body as a string of JSON, beside it headers of some KB.
LARGEST = 6_000_000
_SUCCESS, _READING = range(200, 300), ("GET", "HEAD")


def fitting(event: Event, response: Response, refused: Callable[[FhirError], Response]) -> Response:
    """Return a response if it fits, else one without what was written, or a refusal."""
    if fhirjson.sent_size(response.body) <= LARGEST:
        return response
    is_read = event["requestContext"]["http"]["method"] in _READING
    if response.status in _SUCCESS and not is_read and "ETag" in response.headers:
        # It has been done: Location and ETag say what it is now.
        return replace(response, body=b"")
    return refused(
        TooLong(
            f"The answer would be larger than {LARGEST // 1_000_000} MB",
            diagnostics="Ask for fewer resources with _count, or for parts of them with _elements",
        )
    )


def payload(event: Event, response: Response) -> dict[str, Any]:
    """Return a response as Lambda is given it, indented if that is asked for and fits."""
    headers = _kept(event) | response.headers
    if response.body:
        headers = {"Content-Type": FHIR_JSON} | headers
    head = event["requestContext"]["http"]["method"] == "HEAD"
    pretty = "_pretty=true" in event.get("rawQueryString", "") and response.body[:1] == b"{"
    body = _indented(response.body) if pretty else response.body
    made = {
        "statusCode": response.status,
        "headers": headers,
        "body": "" if head else body.decode(),
    }
    accepted = event.get("headers", {}).get("accept-encoding", "")
    if not accepted:
        return made
    from shared.http import coding  # noqa: PLC0415 - a function starts sooner without it

    return coding.coded(made, accepted)


def _indented(body: bytes) -> bytes:
    indented = fhirjson.indented(body)
    return indented if fhirjson.sent_size(indented) <= LARGEST else body


def _kept(event: Event) -> dict[str, str]:
    """Return what says who may keep the answer: nobody, unless it is the same for everybody.

    Caches keep the answers to pages of several origins apart: the gateway adds the headers that let
    such pages read them, by the API's `CorsConfiguration`.
    """
    row = routing.row(event)
    is_public = row is not None and row.public
    varies = [] if is_public else ["Authorization"]
    varies += ["Origin"] if settings().allowed_origins else []
    headers = {"Cache-Control": "no-cache" if is_public else "no-store"}
    return headers | ({"Vary": ", ".join(varies)} if varies else {})
