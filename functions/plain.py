"""The plain-JSON API, for applications that do not use FHIR."""

from shared.http import Request, Response, endpoint
from shared.plain.endpoint import answered


@endpoint
def handler(request: Request) -> Response:
    """Answer a request to a collection, or to one of its members."""
    return answered(request)
