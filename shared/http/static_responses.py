"""Responses with public documents, which clients may cache: 304 if the document is unchanged."""

from functools import lru_cache
from hashlib import sha256

from shared.http.negotiation import is_not_modified
from shared.http.requests import Request
from shared.http.responses import FHIR_JSON, Response


def cacheable_response(request: Request, body: bytes, media_type: str = FHIR_JSON) -> Response:
    """Return 200 with the body and its ETag, or 304 if the caller has it already."""
    tag = _digest(body)
    headers = {"ETag": f'W/"{tag}"'}
    if is_not_modified(request.headers, tag):
        return Response(304, headers=headers)
    return Response(200, body, {"Content-Type": media_type, **headers})


@lru_cache(maxsize=16)
def _digest(body: bytes) -> str:
    return sha256(body).hexdigest()[:32]
