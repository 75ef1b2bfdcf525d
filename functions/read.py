"""Read a resource, or one of its versions."""

from functions._endpoint import endpoint
from shared.http.requests import Request
from shared.http.responses import Response, found
from shared.interactions.read import read, vread


@endpoint
def handler(request: Request) -> Response:
    """Return the current version of the resource, or the version that the path names."""
    if version := request.path.get("vid"):
        return found(request, vread(request.actor, request.type, request.id, version))
    return found(request, read(request.actor, request.type, request.id))
