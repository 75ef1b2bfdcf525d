"""Payloads that Lambda returns to the gateway, within Lambda's size limit.

https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""

from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from shared.catalog.interactions import READ_METHODS
from shared.errors import FhirError, TooLong
from shared.fhir import fhirjson
from shared.http import routing
from shared.http.requests import Event
from shared.http.responses import FHIR_JSON, Response
from shared.settings import settings

# Lambda limits a payload to 6 MB: the body as a JSON string, and some KB of headers.
LARGEST_RESPONSE = 6_000_000
# A file is sent in base64, which is a third longer.
LARGEST_FILE_IN_RESPONSE = LARGEST_RESPONSE // 4 * 3
_SUCCESS = range(200, 300)


def fit_response(
    event: Event, response: Response, error_response: Callable[[FhirError], Response]
) -> Response:
    """Return a response if it fits into a payload.

    If not, a write is answered without its body, and anything else is refused.
    """
    if response.is_file and len(response.body) <= LARGEST_FILE_IN_RESPONSE:
        return response
    if fhirjson.fits([response.body], LARGEST_RESPONSE):
        return response
    is_write = routing.method(event) not in READ_METHODS
    if response.status in _SUCCESS and is_write and "ETag" in response.headers:
        # The write has been made: Location and ETag say which version it is.
        return replace(response, body=b"")
    return error_response(
        TooLong(
            f"The response would be larger than {LARGEST_RESPONSE // 1_000_000} MB",
            diagnostics="Request fewer resources with _count, or parts of them with _elements",
        )
    )


def payload(event: Event, response: Response) -> dict[str, Any]:
    """Return the payload of a response, indented if the client asks for that and it fits."""
    headers = _cache_headers(event) | response.headers
    if response.is_file:
        return {
            "statusCode": response.status,
            "headers": headers,
            "body": b64encode(response.body).decode(),
            "isBase64Encoded": True,
        }
    if response.body:
        headers = {"Content-Type": FHIR_JSON} | headers
    is_pretty = "_pretty=true" in event.get("rawQueryString", "") and response.body[:1] == b"{"
    body = _indented(response.body) if is_pretty else response.body
    plain_payload = {
        "statusCode": response.status,
        "headers": headers,
        "body": "" if routing.method(event) == "HEAD" else body.decode(),
    }
    accepted = event.get("headers", {}).get("accept-encoding", "")
    if not accepted:
        return plain_payload
    from shared.http import compression  # noqa: PLC0415 - functions start faster without it

    return compression.gzip_if_accepted(plain_payload, accepted)


def _indented(body: bytes) -> bytes:
    indented = fhirjson.indented(body)
    return indented if fhirjson.fits([indented], LARGEST_RESPONSE) else body


def _cache_headers(event: Event) -> dict[str, str]:
    """Return the headers that say whether a response may be cached.

    Only public responses may. `Vary: Origin` keeps the responses to pages of different origins
    apart, because the gateway adds CORS headers by the API's `CorsConfiguration`.
    """
    row = routing.find_interaction(event)
    is_public = row is not None and row.public
    varies = [] if is_public else ["Authorization"]
    varies += ["Origin"] if settings().allowed_origins else []
    headers = {"Cache-Control": "no-cache" if is_public else "no-store"}
    return headers | ({"Vary": ", ".join(varies)} if varies else {})
