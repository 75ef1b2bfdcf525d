"""Send the requests of published guides and API references exactly as they are written there."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlencode

import httpx

type Json = dict[str, Any]
type Headers = Mapping[str, str]

FIXTURES = Path(__file__).parents[1] / "fixtures/published"
FHIR = {"Content-Type": "application/fhir+json"}
JSON = {"Content-Type": "application/json"}
# Making a TLS context takes longer than a request.
_tls = cache(httpx.create_ssl_context)


def body(name: str, **ids: str) -> Json:
    """Return a published body, with placeholders replaced by ids from earlier answers."""
    text = (FIXTURES / f"{name}.json").read_text()
    for place, own_id in ids.items():
        text = text.replace(f"{{{place}}}", own_id)
    content: Json = json.loads(text)
    return content


@dataclass(frozen=True)
class Api:
    """The service under one URL, called by one user."""

    url: str
    token: str

    def send(
        self, method: str, path: str, headers: Headers, sent: Any = None, *, status: int = 200
    ) -> httpx.Response:
        """Send a request with path and query as given, and check the status of the answer."""
        url = httpx.URL(self.url)
        answer = httpx.request(
            method,
            url.copy_with(raw_path=url.raw_path.rstrip(b"/") + path.encode()),
            headers={"Authorization": f"Bearer {self.token}", **headers},
            content=None if sent is None else json.dumps(sent),
            timeout=30,
            verify=_tls(),
        )
        assert answer.status_code == status, f"{method} {path}: {answer.text}"
        return answer

    def search_all(self, path: str, headers: Headers) -> list[Json]:
        """Run a search and return the resources of all its pages."""
        bundle = self.send("GET", path, headers).json()
        assert (bundle["resourceType"], bundle["type"]) == ("Bundle", "searchset")
        matches = resources(bundle)
        while following := links(bundle).get("next"):
            bundle = self.send("GET", following.removeprefix(self.url), headers).json()
            matches += resources(bundle)
        return matches


class Medplum(Api):
    """The requests that @medplum/core makes."""

    headers: ClassVar = {"Accept": "application/fhir+json, */*; q=0.1", "X-Medplum": "extended"}

    def create_resource(self, resource: Json) -> Json:
        path = f"/{resource['resourceType']}"
        answer = self.send("POST", path, self.headers | FHIR, resource, status=201)
        created: Json = answer.json()
        assert created.items() >= resource.items()
        return created

    def patch_resource(self, kind: str, own_id: str, operations: list[Json]) -> Json:
        headers = self.headers | {"Content-Type": "application/json-patch+json"}
        patched: Json = self.send("PATCH", f"/{kind}/{own_id}", headers, operations).json()
        return patched

    def search_resources(self, kind: str, query: Json) -> list[Json]:
        """Search with names and values percent-encoded, as URLSearchParams does."""
        written = {name: "true" if value is True else value for name, value in query.items()}
        return self.search_all(f"/{kind}?{urlencode(written)}", self.headers)


def resources(bundle: Json) -> list[Json]:
    """Return the resources of a searchset."""
    return [entry["resource"] for entry in bundle.get("entry", ())]


def links(bundle: Json) -> dict[str, str]:
    """Return the URLs of a searchset's links by their relations."""
    return {link["relation"]: link["url"] for link in bundle["link"]}


def ids(found: list[Json]) -> set[str]:
    """Return the ids of resources."""
    return {resource["id"] for resource in found}
