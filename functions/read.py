"""Read a resource, or one of its versions."""

from functions._endpoint import endpoint
from shared.http.requests import Request
from shared.http.responses import Response, read_response
from shared.interactions.read import read, vread


@endpoint
def handler(request: Request) -> Response:
    """Return the current version of the resource, or the version that the path names."""
    if version := request.path_variables.get("vid"):
        return read_response(request, vread(request.caller, request.type, request.id, version))
    return read_response(request, read(request.caller, request.type, request.id))
