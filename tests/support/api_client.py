"""Call the functions as the gateway does: find the route, build the event, call the handler."""

import gzip
import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Any
from urllib.parse import unquote, urlsplit

from shared.catalog.interactions import INTERACTIONS, Interaction
from tests.support import response_checks
from tests.support.greedy_routes import GREEDY_ROUTES, greedy_path

DOMAIN = "fhir.example.org"
ORIGIN, BASE_PATH = f"https://{DOMAIN}", "/fhir/R4"
BASE = ORIGIN + BASE_PATH
JSON, PATCH = "application/fhir+json", "application/json-patch+json"


@dataclass(frozen=True)
class Answer:
    """The response. `body` is the parsed JSON, or None if the response has no body.

    `content` are the bytes of a file, for which `text` is empty.
    """

    status: int
    headers: dict[str, str]
    text: str
    content: bytes = b""

    @property
    def body(self) -> Any:
        return json.loads(self.text) if self.text else None

    @property
    def id(self) -> str:
        return str(self.body["id"])

    @property
    def version(self) -> str:
        return str(self.body["meta"]["versionId"])

    @property
    def resources(self) -> list[Any]:
        """Return the resources of a searchset, in order."""
        return [entry["resource"] for entry in self.body.get("entry", ())]

    @property
    def ids(self) -> list[str]:
        return [resource["id"] for resource in self.resources]

    @property
    def expressions(self) -> list[str]:
        return [
            expression for issue in self.body["issue"] for expression in issue.get("expression", ())
        ]


@dataclass(frozen=True)
class ApiClient:
    """A caller with a role. `claims` adds claims to the token; `sends_base64` encodes bodies."""

    role: str = "practitioner"
    fhir_user: str = "Practitioner/doctor-alice-smith"
    claims: Mapping[str, str] = field(default_factory=dict)
    sends_base64: bool = False

    @property
    def administrator(self) -> "ApiClient":
        """Return the same caller as an administrator, who may delete anything."""
        return replace(self, role="admin")

    def call(
        self,
        method: str,
        url: str,
        body: Any = None,
        *,
        content_type: str = JSON,
        **headers: str,
    ) -> Answer:
        """Call `url`: relative to the base URL, or absolute, as links and paths at the root are."""
        handler, event = self.handler_and_event(
            method, url, body, content_type=content_type, **headers
        )
        answer = handler(event, None)
        body, content = answer["body"], b""
        if answer.get("isBase64Encoded"):
            content, body = b64decode(body), ""
            if answer["headers"].get("Content-Encoding") == "gzip":
                content, body = b"", gzip.decompress(content).decode()
        if body and answer["headers"]["Content-Type"].startswith(JSON):
            response_checks.check(body)
        return Answer(answer["statusCode"], answer["headers"], body, content)

    def handler_and_event(
        self,
        method: str,
        url: str,
        body: Any = None,
        *,
        content_type: str = JSON,
        **headers: str,
    ) -> tuple[Callable[[Any, Any], Any], dict[str, Any]]:
        """Return the handler that the gateway would call, and its event."""
        rooted = url.startswith(ORIGIN) and not url.startswith(BASE)
        base = "" if rooted else BASE_PATH
        parts = urlsplit(url.removeprefix(ORIGIN + base))
        row, parameters = route(method, parts.path, rooted=rooted)
        sent = {"host": DOMAIN, **{name.replace("_", "-"): text for name, text in headers.items()}}
        if body is not None:
            sent["content-type"] = content_type
        event = self._event(method, base + parts.path, parts.query, sent, body)
        event |= {"routeKey": f"{method} {base}{row.path}" if row else "$default"}
        if not row and (slashed := _slashed(method, parts.path)):
            row, event["routeKey"] = slashed, f"{method} {base}{greedy_path(slashed)}"
        event["pathParameters"] = parameters
        module = import_module(f"functions.{row.function if row else 'fallback'}")
        return module.handler, json.loads(json.dumps(event))

    def _event(
        self, method: str, path: str, query: str, headers: dict[str, str], body: Any
    ) -> dict[str, Any]:
        text = body if isinstance(body, str | bytes) or body is None else json.dumps(body)
        is_packed = isinstance(text, bytes) or self.sends_base64
        if is_packed and text:
            text = b64encode(text if isinstance(text, bytes) else text.encode()).decode()
        claims = {
            "sub": f"user-{self.role}",
            "client_id": "tests",
            "token_use": "access",
            "cognito:groups": f"[{self.role}]",
            "fhirUser": self.fhir_user,
            **self.claims,
        }
        return {
            "version": "2.0",
            "rawPath": path,
            "rawQueryString": query,
            "headers": headers,
            "requestContext": {
                "requestId": "request-1",
                "domainName": DOMAIN,
                "stage": "$default",
                "http": {"method": method, "path": path},
                "authorizer": {"jwt": {"claims": claims}},
            },
            "body": text,
            "isBase64Encoded": is_packed,
        }

    def get(self, url: str, **headers: str) -> Answer:
        return self.call("GET", url, **headers)

    def post(self, url: str, body: Any, **headers: str) -> Answer:
        return self.call("POST", url, body, **headers)

    def put(self, url: str, body: Any, **headers: str) -> Answer:
        return self.call("PUT", url, body, **headers)

    def patch(self, url: str, body: Any, **headers: str) -> Answer:
        return self.call("PATCH", url, body, content_type=PATCH, **headers)

    def delete(self, url: str, **headers: str) -> Answer:
        return self.call("DELETE", url, **headers)


def route(method: str, path: str, *, rooted: bool) -> tuple[Interaction | None, dict[str, str]]:
    """Find the route as the gateway does: a static segment takes precedence over a variable."""
    segments = path.split("/")
    rows = [row for row in INTERACTIONS if row.method == method and row.is_at_root is rooted]
    # The path "/" is a route key only in an API without a base path.
    matching = [row for row in rows if row.path != "/" and _matches(row, segments)]
    if not matching:
        return None, {}
    row = min(matching, key=lambda row: row.path.count("{"))
    pairs = zip(row.path.split("/"), segments, strict=True)
    return row, {part[1:-1]: unquote(segment) for part, segment in pairs if part.startswith("{")}


def _slashed(method: str, path: str) -> Interaction | None:
    """Find the row whose greedy route takes a path without a token, if there is one."""
    for key, row in GREEDY_ROUTES.items():
        verb, _, template = key.partition(" ")
        if verb == method and path.startswith(template.removesuffix("{proxy+}")):
            return row
    return None


def _matches(row: Interaction, segments: list[str]) -> bool:
    """Return whether a path matches a row. A variable matches any segment that is not empty."""
    template = row.path.split("/")
    return len(template) == len(segments) and all(
        part == segment or (part.startswith("{") and segment)
        for part, segment in zip(template, segments, strict=True)
    )
