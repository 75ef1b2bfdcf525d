"""The HTTP client of a FHIR server, and its media types."""

import httpx

FHIR = "application/fhir+json"
JSON_PATCH = "application/json-patch+json"


class UnexpectedResponse(Exception):
    """A response is not what it should be."""


def client(base_url: str, token: str) -> httpx.Client:
    """Return an HTTP client that sends a caller's token."""
    headers = {"Authorization": f"Bearer {token}", "Accept": FHIR}
    return httpx.Client(base_url=base_url, headers=headers, timeout=30)
