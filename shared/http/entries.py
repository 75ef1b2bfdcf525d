"""An entry of a Bundle as the request that it stands for, and its answer as an entry.

https://hl7.org/fhir/R4/bundle.html
"""

import re
from base64 import b64decode
from binascii import Error as NoBase64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import format_datetime
from typing import Any

import orjson

from shared import fhirjson, instants, queries, references
from shared.catalog.interactions import BY_ROUTE, NO_RESOURCE
from shared.errors import Invalid, Malformed, UnsupportedMedia
from shared.http import routing
from shared.http.requests import Event, Request
from shared.http.responses import Response
from shared.resources import bundles
from shared.resources.empties import strip
from shared.resources.outcome import moved
from shared.resources.patching import JSON_PATCH
from shared.resources.validation import element_issues
from shared.settings import settings

type Json = dict[str, Any]

_CONDITIONS = {
    "ifMatch": "if-match",
    "ifNoneMatch": "if-none-match",
    "ifNoneExist": "if-none-exist",
}
# What the whole Bundle was asked with holds for each entry.
_INHERITED = ("authorization", "accept", "prefer")
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
_FHIR_JSON = "application/fhir+json"
# Those that stand for a resource without one: `$close-session`, `_search`.
_BY_NAME = ("$", "_")
_OUTCOME = re.compile(rb'\{"resourceType":"OperationOutcome"')
# A resource is written with its type and id first.
_IDENTITY = re.compile(rb'\{"resourceType":"(\w+)","id":"([^"]+)"')


@dataclass(frozen=True, slots=True)
class Sent:
    """An entry: its FHIRPath, its `fullUrl`, and the event that the gateway would have made."""

    place: str
    full_url: str
    event: Event


def read(request: Request, entry: Any, place: str) -> Sent:
    """Read an entry. Raises Invalid naming what is wrong in it, as in a Bundle by itself."""
    entry, resource = _parts(entry, place)
    asked = entry["request"]
    path, _, query = _below_base(asked["url"]).partition("?")
    method = asked["method"]
    headers = {name: request.headers[name] for name in _INHERITED if name in request.headers}
    headers |= _conditions(asked)
    body: Json = {"body": "", "isBase64Encoded": False}
    if method in _WITH_BODY and resource is not None:
        media_type, body = _body(method, resource)
        headers["content-type"] = media_type
    elif method in _WITH_BODY and not path.rpartition("/")[2].startswith(_BY_NAME):
        raise Invalid(f"{method} needs a resource", expression="Resource")
    event = _event(request, method, path, {"rawQueryString": query, "headers": headers, **body})
    return Sent(place, entry.get("fullUrl", ""), event)


def unread(request: Request) -> Event:
    """Give the event of an entry that cannot be read: it asks for nothing that there is."""
    return {"routeKey": "$default", "requestContext": request.context}


def _parts(entry: Any, place: str) -> tuple[Json, Any]:
    """Give an entry without its resource, and that. Raises Invalid where it is none."""
    rest = entry
    if isinstance(entry, dict):
        rest = {name: part for name, part in entry.items() if name != "resource"}
        _check_conditions(rest.get("request"), place)
        rest = strip(rest).resource
        if "request" not in rest:
            raise Invalid("The entry has no request: what to do with it", expression="request")
    issues = element_issues(rest, "Bundle.entry", place)
    if issues:
        raise Invalid(issues=issues)
    return rest, entry.get("resource")


def _check_conditions(asked: Any, place: str) -> None:
    """Refuse an empty condition: without it the entry would do what it was to prevent."""
    for name in _CONDITIONS:
        if isinstance(asked, dict) and asked.get(name) == "":
            raise Invalid("The condition is empty", expression=f"{place}.request.{name}")


def _below_base(url: str) -> str:
    """Return an entry's URL as the path and query below the base. Raises Invalid."""
    below = queries.below_base(url)
    if below is None:
        base = references.BASE.get()
        raise Invalid("The URL is not below this server's base", expression="url", diagnostics=base)
    if below.partition("?")[0] == "":
        raise Invalid(
            "A Bundle holds no Bundles", expression="url", diagnostics="The URL is that of the base"
        )
    return f"/{below}"


def _conditions(asked: Mapping[str, str]) -> dict[str, str]:
    given = {header: asked[name] for name, header in _CONDITIONS.items() if name in asked}
    if since := asked.get("ifModifiedSince"):
        low = instants.from_nanoseconds(instants.parse(since, UTC).low)
        given["if-modified-since"] = format_datetime(low.astimezone(UTC), usegmt=True)
    return given


def _body(method: str, resource: Any) -> tuple[str, Json]:
    """Give an entry's resource as the body of a request, with its media type."""
    if method != "PATCH":
        return _FHIR_JSON, _json(resource)
    match resource:
        case {"resourceType": "Binary", "contentType": str(media_type), "data": str(data)}:
            data = "".join(data.split())  # R4's base64Binary may have spaces and line ends
            _check_base64(data)
            return media_type, {"body": data, "isBase64Encoded": True}
        case {"resourceType": "Parameters", "parameter": list(operations)}:
            patch = [_operation(each) for each in operations]
            return JSON_PATCH, _json(patch)
    raise Invalid(
        "The resource is not a patch",
        expression="Resource",
        diagnostics="A patch is a Binary with contentType and data: JSON Patch in base64",
    )


def _json(value: Any) -> Json:
    try:
        return {"body": fhirjson.dumps(value).decode(), "isBase64Encoded": False}
    except orjson.JSONEncodeError:
        raise Malformed("The resource is nested too deeply", expression="Resource") from None


def _check_base64(data: str) -> None:
    try:
        b64decode(data, validate=True)
    except (NoBase64, ValueError):
        raise Invalid("The patch is not base64", expression="Binary.data") from None


def _operation(parameter: Any) -> Json:
    """Read one operation of a JSON Patch as Medplum's clients write it: its value is JSON as text.

    Raises UnsupportedMedia for FHIRPath Patch, which is written alike.
    """
    parts = parameter.get("part") if isinstance(parameter, dict) else None
    named: Json = {
        part["name"]: next((part[key] for key in part if key.startswith("value")), None)
        for part in (parts if isinstance(parts, list) else [])
        if isinstance(part, dict) and isinstance(part.get("name"), str)
    }
    if "op" not in named:
        raise UnsupportedMedia(
            "FHIRPath Patch is not supported",
            expression="Parameters.parameter",
            diagnostics="Send a JSON Patch as a Binary, or as parts op, path and value",
        )
    value = named.get("value")
    if isinstance(value, str):
        named["value"] = fhirjson.loads(value)
    return named


def _event(request: Request, method: str, path: str, sent: Json) -> Event:
    known, context = settings(), request.context
    route, variables = routing.route(method, path)
    if route in BY_ROUTE and BY_ROUTE[route].code in NO_RESOURCE:
        raise Invalid("There is no resource at this path: ask for it by itself", expression="url")
    verb, space, template = route.partition(" ")
    stage = "" if context["stage"] == "$default" else f"/{context['stage']}"
    return {
        "version": "2.0",
        "routeKey": f"{verb}{space}{known.base_path if space else ''}{template}",
        "rawPath": f"{stage}{known.base_path}{path}",
        "pathParameters": variables,
        "requestContext": {**context, "http": {**context["http"], "method": method}},
        **sent,
    }


def answered(place: str, response: Response, base: str) -> Json:
    """Return an entry of the answer's Bundle with the response to an entry's request."""
    entry: Json = {"response": _described(response)}
    if _OUTCOME.match(response.body):
        outcome = fhirjson.loads(response.body)
        entry["response"]["outcome"] = _placed(outcome, place)
    elif response.body:
        if identity := _IDENTITY.match(response.body):
            entry = {"fullUrl": f"{base}/{identity[1].decode()}/{identity[2].decode()}", **entry}
        entry["resource"] = orjson.Fragment(response.body)
    return entry


def _described(response: Response) -> Json:
    headers = response.headers
    named = {
        "location": headers.get("Location") or headers.get("Content-Location"),
        "etag": headers.get("ETag"),
        # A header has whole seconds only.
        "lastModified": response.about.last_updated if response.about else None,
    }
    return {"status": str(response.status)} | {name: text for name, text in named.items() if text}


def _placed(outcome: Json, place: str) -> Json:
    """Return an entry's outcome with its errors at their places in the Bundle."""
    issues = [
        moved(issue, bundles.within(place, *issue.get("expression", [""])))
        if issue["severity"] == "error"
        else issue
        for issue in outcome["issue"]
    ]
    return outcome | {"issue": issues}
