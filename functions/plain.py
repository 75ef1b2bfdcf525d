"""The plain-JSON API, for applications that do not use FHIR."""

from shared.http.endpoint import endpoint_decorator
from shared.http.requests import Request
from shared.http.responses import Response
from shared.plain.endpoint import answered
from shared.plain.face import PLAIN


@endpoint_decorator(lambda _: PLAIN)
def handler(request: Request) -> Response:
    """Answer a request to a collection, or to one of its members."""
    return answered(request)
