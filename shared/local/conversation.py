"""A client of a FHIR server that prints each request and checks its response.

It sends resources that are models of fhir.resources, and reads the answers into such models.
"""

import json
import time
from collections.abc import Callable, Iterable
from typing import Any

import httpx
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.reference import Reference
from fhir.resources.R4B.resource import Resource

from shared.local.client import FHIR, JSON_PATCH, UnexpectedResponse

SHOWN_IDS = 6
# The stream gathers what was written for five seconds.
_PATIENCE_SECONDS, _PAUSE_SECONDS = 60, 0.5


class Conversation:
    """The requests of one caller to one FHIR server."""

    def __init__(self, http: httpx.Client, tell: Callable[[str], object] = print) -> None:
        """Send requests through `http`, and pass a line about each to `tell`."""
        self._http = http
        self._base_url = str(http.base_url)
        self._tell = tell

    def create[R: Resource](self, resource: R) -> R:
        """POST a resource."""
        path, body = resource.get_resource_type(), resource.model_dump_json()
        response = self._send("POST", path, {201}, FHIR, body)
        created = _model(response, type(resource))
        version = created.meta.versionId if created.meta else ""
        location = f"{_reference(created)}/_history/{version}"
        self.check("Location", response.headers["location"] == f"{self._base_url}{location}")
        self.check("what was sent", created.model_dump().items() >= resource.model_dump().items())
        return created

    def patch[R: Resource](self, resource: R, operations: list[dict[str, Any]]) -> R:
        """PATCH a resource."""
        body = json.dumps(operations)
        response = self._send("PATCH", _reference(resource), {200}, JSON_PATCH, body)
        return _model(response, type(resource))

    def update[R: Resource](self, resource: R) -> R:
        """PUT a resource."""
        body = resource.model_dump_json()
        return _model(self._send("PUT", _reference(resource), {200}, FHIR, body), type(resource))

    def read[R: Resource](self, resource: R) -> R:
        """GET a resource by its id."""
        return self.follow(Reference(reference=_reference(resource)), type(resource))

    def follow[R: Resource](self, reference: Reference | None, kind: type[R]) -> R:
        """GET the resource that a reference names. Raises UnexpectedResponse if there is none."""
        path = reference and reference.reference
        if not path:
            raise UnexpectedResponse(f"no reference to an {kind.get_resource_type()}")
        return _model(self._send("GET", path, {200}), kind)

    def delete(self, resource: Resource) -> None:
        """DELETE a resource, and check that it is gone."""
        self._send("DELETE", _reference(resource), {200, 204})
        self._send("GET", _reference(resource), {410})

    def history[R: Resource](self, resource: R) -> list[R]:
        """GET all versions of a resource, newest first."""
        return _resources(self._send("GET", f"{_reference(resource)}/_history", {200}))

    def search(
        self, query: str, expected: Iterable[Resource], *, others: bool = False
    ) -> list[Any]:
        """GET all pages of a search, and return the resources in them.

        Raises UnexpectedResponse if the expected resources are not among them, or if there are
        others and `others` does not allow them.
        """
        matches: list[Any] = []
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

    def await_matches(self, query: str, number: int) -> list[Any]:
        """GET a search until it finds so many resources, and return them.

        Raises UnexpectedResponse if it does not within a minute.
        """
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while len(_resources(self._http.get(query))) < number and time.monotonic() < deadline:
            time.sleep(_PAUSE_SECONDS)
        matches = _resources(self._send("GET", query, {200}))
        self.check(f"{number} found, not {len(matches)}", len(matches) == number)
        return matches

    def check(self, what: str, holds: bool) -> None:  # noqa: FBT001 - reads as a sentence
        """Raise UnexpectedResponse naming `what` unless it holds."""
        if not holds:
            raise UnexpectedResponse(f"not as it should be: {what}")

    def _send(
        self, method: str, path: str, statuses: set[int], media_type: str = "", body: str = ""
    ) -> httpx.Response:
        headers = {"Content-Type": media_type} if media_type else {}
        response = self._http.request(method, path, content=body, headers=headers)
        relative = path.removeprefix(self._base_url)
        self._tell(f"{response.status_code} {method:6} {relative}{_summary(response)}")
        if response.status_code not in statuses:
            raise UnexpectedResponse(
                f"expected {statuses}, not {response.status_code}: {response.text}"
            )
        return response


def _reference(resource: Resource) -> str:
    return f"{resource.get_resource_type()}/{resource.id}"


def _model[R: Resource](response: httpx.Response, kind: type[R]) -> R:
    return kind.model_validate_json(response.content)


def _resources(response: httpx.Response) -> list[Any]:
    entries = _model(response, Bundle).entry or []
    return [entry.resource for entry in entries if entry.resource]


def _next(response: httpx.Response) -> str | None:
    links = {link.relation: link.url for link in _model(response, Bundle).link or []}
    return links.get("next")


def _summary(response: httpx.Response) -> str:
    body = response.json() if response.content else {}
    if body.get("resourceType") == "Bundle":
        ids = [resource.id for resource in _resources(response)]
        more = " ..." if len(ids) > SHOWN_IDS else ""
        return f" -> {len(ids)}: {' '.join(ids[:SHOWN_IDS])}{more}"
    return f" -> {body['id']}" if "id" in body and "meta" in body else ""
