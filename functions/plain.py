"""The collections of the plain-JSON face, for applications that do not speak FHIR."""

from shared.http import Request, Response, endpoint
from shared.http.plain import answered


@endpoint
def handler(request: Request) -> Response:
    """Do with a collection or a member of it what the route asks."""
    return answered(request)
