"""A client of a FHIR server that prints each request and checks its response."""

from collections.abc import Callable, Iterable
from typing import Any

import httpx

Resource = dict[str, Any]

FHIR = "application/fhir+json"
JSON_PATCH = "application/json-patch+json"
SHOWN_IDS = 6


class UnexpectedResponse(Exception):
    """A response is not what it should be."""


class Conversation:
    """The requests of one caller to one FHIR server."""

    def __init__(self, http: httpx.Client, tell: Callable[[str], object] = print) -> None:
        """Send requests through `http`, and pass a line about each to `tell`."""
        self._http = http
        self._base_url = str(http.base_url)
        self._tell = tell

    def create(self, resource: Resource) -> Resource:
        """POST a resource."""
        response = self._send("POST", resource["resourceType"], {201}, FHIR, resource)
        created: Resource = response.json()
        location = f"{_reference(created)}/_history/{created['meta']['versionId']}"
        self.check("Location", response.headers["location"] == f"{self._base_url}{location}")
        self.check("what was sent", created.items() >= resource.items())
        return created

    def patch(self, resource: Resource, operations: list[dict[str, Any]]) -> Resource:
        """PATCH a resource."""
        response = self._send("PATCH", _reference(resource), {200}, JSON_PATCH, operations)
        patched: Resource = response.json()
        return patched

    def update(self, resource: Resource) -> Resource:
        """PUT a resource."""
        response = self._send("PUT", _reference(resource), {200}, FHIR, resource)
        updated: Resource = response.json()
        return updated

    def read(self, resource: Resource, status: int = 200) -> Resource:
        """GET a resource by its id."""
        body: Resource = self._send("GET", _reference(resource), {status}).json()
        return body

    def delete(self, resource: Resource) -> None:
        """DELETE a resource."""
        self._send("DELETE", _reference(resource), {200, 204})

    def history(self, resource: Resource) -> list[Resource]:
        """GET all versions of a resource, newest first."""
        return _resources(self._send("GET", f"{_reference(resource)}/_history", {200}))

    def search(
        self, query: str, expected: Iterable[Resource], *, others: bool = False
    ) -> list[Resource]:
        """GET all pages of a search, and return the resources in them.

        Raises UnexpectedResponse if the expected resources are not among them, or if there are
        others and `others` does not allow them.
        """
        matches: list[Resource] = []
        url: str | None = query
        while url:
            page = self._send("GET", url, {200})
            matches += _resources(page)
            url = _next(page)
        references = [_reference(resource) for resource in matches]
        wanted = {_reference(resource) for resource in expected}
        self.check("nothing twice", len(set(references)) == len(references))
        self.check("all that match", wanted <= set(references))
        self.check("nothing else", others or wanted == set(references))
        return matches

    def check(self, what: str, holds: bool) -> None:  # noqa: FBT001 - reads as a sentence
        """Raise UnexpectedResponse naming `what` unless it holds."""
        if not holds:
            raise UnexpectedResponse(f"not as it should be: {what}")

    def _send(
        self, method: str, path: str, statuses: set[int], media_type: str = "", body: Any = None
    ) -> httpx.Response:
        headers = {"Content-Type": media_type} if media_type else {}
        response = self._http.request(method, path, json=body, headers=headers)
        relative = path.removeprefix(self._base_url)
        self._tell(f"{response.status_code} {method:6} {relative}{_summary(response)}")
        if response.status_code not in statuses:
            raise UnexpectedResponse(
                f"expected {statuses}, not {response.status_code}: {response.text}"
            )
        return response


def client(base_url: str, token: str) -> httpx.Client:
    """Return an HTTP client that sends a caller's token."""
    headers = {"Authorization": f"Bearer {token}", "Accept": FHIR}
    return httpx.Client(base_url=base_url, headers=headers, timeout=30)


def _reference(resource: Resource) -> str:
    return f"{resource['resourceType']}/{resource['id']}"


def _resources(bundle: httpx.Response) -> list[Resource]:
    return [entry["resource"] for entry in bundle.json().get("entry", []) if "resource" in entry]


def _next(bundle: httpx.Response) -> str | None:
    links = {link["relation"]: link["url"] for link in bundle.json().get("link", [])}
    return links.get("next")


def _summary(response: httpx.Response) -> str:
    body = response.json() if response.content else {}
    if body.get("resourceType") == "Bundle":
        ids = [resource["id"] for resource in _resources(response)]
        more = " ..." if len(ids) > SHOWN_IDS else ""
        return f" -> {len(ids)}: {' '.join(ids[:SHOWN_IDS])}{more}"
    return f" -> {body['id']}" if "id" in body and "meta" in body else ""
