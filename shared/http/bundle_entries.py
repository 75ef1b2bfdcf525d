"""Conversion of a Bundle's entries into requests, and of their responses into entries.

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

from shared.catalog.interactions import BY_ROUTE, NON_RESOURCE_CODES
from shared.errors import Invalid, Malformed, UnsupportedMedia
from shared.fhir import bundles, fhirjson, instants, queries, references
from shared.fhir.empties import strip
from shared.fhir.outcome import with_expression
from shared.fhir.patch.patching import JSON_PATCH
from shared.fhir.validation.validation import element_issues
from shared.http import requests, routing
from shared.http.requests import Event, Request
from shared.http.responses import Response
from shared.settings import settings

type Json = dict[str, Any]

_CONDITIONS = {
    "ifMatch": "if-match",
    "ifNoneMatch": "if-none-match",
    "ifNoneExist": "if-none-exist",
}
# Headers of the Bundle's own request that hold for each entry.
_INHERITED = ("authorization", "prefer")
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
_FHIR_JSON = "application/fhir+json"
# Paths such as `$close-session` and `_search`, to which an entry may post without a resource.
_WITHOUT_RESOURCE = ("$", "_")
_OUTCOME = re.compile(rb'\{"resourceType":"OperationOutcome"')
# The JSON of a resource begins with its type and id.
_IDENTITY = re.compile(rb'\{"resourceType":"(\w+)","id":"([^"]+)"')


@dataclass(frozen=True, slots=True)
class ParsedEntry:
    """A parsed entry: its FHIRPath, its `fullUrl`, its resource, and its event.

    The event is what the gateway would make of the entry as a request.
    """

    expression: str
    full_url: str
    resource: Any
    event: Event


def parse(request: Request, entry: Any, place: str) -> ParsedEntry:
    """Return a parsed entry. Raises Invalid, Malformed and UnsupportedMedia."""
    entry, resource = _parts(entry, place)
    requested = entry["request"]
    path, _, query = _below_base(requested["url"]).partition("?")
    method = requested["method"]
    headers = {name: request.headers[name] for name in _INHERITED if name in request.headers}
    # A response entry has a resource, also if the client would rather have a Binary's file.
    headers |= {"accept": _FHIR_JSON, **_conditions(requested)}
    body: Json = {"body": "", "isBase64Encoded": False}
    if method in _WITH_BODY and resource is not None:
        media_type, body = _body(method, resource)
        headers["content-type"] = media_type
    elif method in _WITH_BODY and not path.rpartition("/")[2].startswith(_WITHOUT_RESOURCE):
        raise Invalid(f"An entry with {method} needs a resource", expression="Resource")
    event = _event(request, method, path, {"rawQueryString": query, "headers": headers, **body})
    return ParsedEntry(place, entry.get("fullUrl", ""), resource, event)


def unroutable_event(request: Request) -> Event:
    """Return the event of an entry that cannot be parsed: its route matches nothing."""
    return {"routeKey": "$default", "requestContext": request.context}


def _parts(entry: Any, place: str) -> tuple[Json, Any]:
    """Return an entry without its resource, and the resource. Raises Invalid."""
    rest = entry
    if isinstance(entry, dict):
        rest = {name: part for name, part in entry.items() if name != "resource"}
        _check_conditions(rest.get("request"), place)
        rest = strip(rest).resource
        if "request" not in rest:
            raise Invalid(
                "The entry has no request: it needs a method and a url", expression="request"
            )
    issues = element_issues(rest, "Bundle.entry", place)
    if issues:
        raise Invalid(issues=issues)
    return rest, entry.get("resource")


def _check_conditions(requested: Any, place: str) -> None:
    """Raise Invalid for an empty condition.

    Ignoring it would execute the entry unconditionally.
    """
    for name in _CONDITIONS:
        if isinstance(requested, dict) and requested.get(name) == "":
            raise Invalid("The condition must not be empty", expression=f"{place}.request.{name}")


def _below_base(url: str) -> str:
    """Return the path and query of an entry's URL below the base. Raises Invalid."""
    below = queries.relative_url(url)
    if below is None:
        base = references.BASE.get()
        raise Invalid(
            "The URL is not below this server's base URL", expression="url", diagnostics=base
        )
    if below.partition("?")[0] == "":
        raise Invalid(
            "A Bundle cannot contain another batch or transaction",
            expression="url",
            diagnostics="The URL is this server's base URL",
        )
    return f"/{below}"


def _conditions(requested: Mapping[str, str]) -> dict[str, str]:
    headers = {header: requested[name] for name, header in _CONDITIONS.items() if name in requested}
    if since := requested.get("ifModifiedSince"):
        low = instants.from_nanoseconds(instants.parse(since, UTC).low)
        headers["if-modified-since"] = format_datetime(low.astimezone(UTC), usegmt=True)
    return headers


def _body(method: str, resource: Any) -> tuple[str, Json]:
    """Return the media type and the body of the request that an entry's resource stands for."""
    if method != "PATCH":
        return _FHIR_JSON, _json(resource)
    match resource:
        case {"resourceType": "Binary", "contentType": str(media_type), "data": str(data)}:
            data = "".join(data.split())  # R4 allows whitespace in base64Binary
            _check_base64(data)
            return media_type, {"body": data, "isBase64Encoded": True}
        case {"resourceType": "Parameters", "parameter": list(operations)}:
            patch = [_operation(parameter) for parameter in operations]
            return JSON_PATCH, _json(patch)
    raise Invalid(
        "The resource is not a patch",
        expression="Resource",
        diagnostics="Send a Binary whose data is a JSON Patch in base64, and its contentType",
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
        raise Invalid(
            "The data of the patch is not valid base64", expression="Binary.data"
        ) from None


def _operation(parameter: Any) -> Json:
    """Return a JSON Patch operation from Parameters, as Medplum's clients send it.

    They send the operation's value as JSON text. Raises UnsupportedMedia for a FHIRPath Patch,
    which has the same structure.
    """
    parts = parameter.get("part") if isinstance(parameter, dict) else None
    operation: Json = {
        part["name"]: next((part[key] for key in part if key.startswith("value")), None)
        for part in (parts if isinstance(parts, list) else [])
        if isinstance(part, dict) and isinstance(part.get("name"), str)
    }
    if "op" not in operation:
        raise UnsupportedMedia(
            "FHIRPath Patch is not supported",
            expression="Parameters.parameter",
            diagnostics="Send a JSON Patch in a Binary, or as Parameters with op, path and value",
        )
    value = operation.get("value")
    if isinstance(value, str):
        operation["value"] = fhirjson.loads(value)
    return operation


def _event(request: Request, method: str, path: str, content: Json) -> Event:
    base_path, context = settings().base_path, request.context
    route, variables = routing.match_route(method, path)
    if route in BY_ROUTE and BY_ROUTE[route].code in NON_RESOURCE_CODES:
        raise Invalid("This path has no FHIR resource: request it on its own", expression="url")
    verb, space, template = route.partition(" ")
    return {
        "version": "2.0",
        "routeKey": f"{verb}{space}{base_path if space else ''}{template}",
        "rawPath": f"{requests.stage_path(context)}{base_path}{path}",
        "pathParameters": variables,
        "requestContext": {**context, "http": {**context["http"], "method": method}},
        **content,
    }


def response_entry(place: str, response: Response, base: str) -> Json:
    """Return the entry of the response Bundle that carries the response to a request entry."""
    entry: Json = {"response": _response_element(response)}
    if _OUTCOME.match(response.body):
        outcome = fhirjson.loads(response.body)
        entry["response"]["outcome"] = _placed(outcome, place)
    elif response.body:
        if identity := _IDENTITY.match(response.body):
            entry = {"fullUrl": f"{base}/{identity[1].decode()}/{identity[2].decode()}", **entry}
        entry["resource"] = orjson.Fragment(response.body)
    return entry


def _response_element(response: Response) -> Json:
    headers = response.headers
    details = {
        "location": headers.get("Location") or headers.get("Content-Location"),
        "etag": headers.get("ETag"),
        # Not from the Last-Modified header, which has whole seconds only.
        "lastModified": response.record.last_updated if response.record else None,
    }
    return {"status": str(response.status)} | {name: text for name, text in details.items() if text}


def _placed(outcome: Json, place: str) -> Json:
    """Return an entry's OperationOutcome with its errors' expressions relative to the Bundle."""
    issues = [
        with_expression(issue, bundles.entry_expression(place, *issue.get("expression", [""])))
        if issue["severity"] == "error"
        else issue
        for issue in outcome["issue"]
    ]
    return outcome | {"issue": issues}
