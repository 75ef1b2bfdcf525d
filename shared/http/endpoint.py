"""The decorator that makes a Lambda handler of each function behind the API."""

import re
import time
from collections.abc import Callable, Container
from dataclasses import dataclass
from functools import cache, wraps
from typing import Any
from urllib.parse import unquote

import orjson
from aws_lambda_powertools import Logger

from shared import deadlines, metrics
from shared.audit import trail
from shared.audit.events import MOST_NAMES
from shared.audit.trail import Answer
from shared.catalog.operations import OPERATIONS
from shared.catalog.types import AUDIT_EVENT, BINARY, KEPT_TYPES, STORED_TYPES
from shared.errors import FhirError
from shared.fhir.bundles import IF_NONE_EXIST
from shared.fhir.references import ID
from shared.http import requests, responses, routing
from shared.http.payloads import fit_response, payload
from shared.http.requests import Event, Request
from shared.http.responses import Response, error_response
from shared.store import meter

type Handler = Callable[[Request], Response]
type Lambda = Callable[[Event, Any], dict[str, Any]]

# Every line is written at the same place in the code, and no message is JSON.
logger = Logger(
    location=None,
    json_serializer=lambda line: orjson.dumps(line, default=str).decode(),
    json_deserializer=str,
)

# Control parameters such as `_count` and `_sort`, which belong to no type.
_CONTROL = re.compile(r"_[A-Za-z]{1,20}", re.ASCII)
_SEARCHED_TYPES = (*STORED_TYPES, AUDIT_EVENT)
_KNOWN_TYPES = (*_SEARCHED_TYPES, BINARY)
# The types that routes name in their own text.
_ROUTED_TYPES = (AUDIT_EVENT, BINARY)
# The path variable of each field of the log line.
_VARIABLES = {"type": "type", "id": "id", "version": "vid"}


@dataclass(frozen=True, slots=True)
class ApiVariant:
    """The differences between the FHIR API and the plain-JSON API around their handlers.

    An internal error is rendered from the request's id alone. `parameter_names` returns the names
    of the query parameters that a request may have: the log names no others.
    """

    error_response: Callable[[FhirError], Response]
    internal_error_response: Callable[[str], Response]
    parameter_names: Callable[[Event], Container[str]]


@cache
def _search_parameters() -> Container[str]:
    from shared.catalog.parameters import SEARCH_PARAMS  # noqa: PLC0415 - a read has no query

    return {code for type_name in _SEARCHED_TYPES for code in SEARCH_PARAMS.of(type_name)}


FHIR = ApiVariant(
    responses.error_response, responses.internal_error_response, lambda _: _search_parameters()
)


def endpoint_decorator(variant_of: Callable[[Event], ApiVariant]) -> Callable[[Handler], Lambda]:
    """Return a decorator that makes Lambda handlers; `variant_of` says which API an event is for.

    A handler reads the event, calls `handle` and logs the request. It turns every exception into an
    error of that API, and raises none itself. The log has only ids, names, figures and the code
    locations of errors.
    """

    def decorate(handle: Handler) -> Lambda:
        @wraps(handle)
        def handler(event: Event, context: Any) -> dict[str, Any]:
            event = routing.resolve_final_slash(event)
            deadlines.begin(context)
            return payload(event, respond(handle, event, variant_of(event)))

        return handler

    return decorate


def respond(handle: Handler, event: Event, variant: ApiVariant = FHIR) -> Response:
    """Return the response to an event, and log the request."""
    started = time.perf_counter()
    meter.start()
    _begin(event["requestContext"])
    response, failure = _answer(handle, event, variant)
    response = fit_response(event, response, variant.error_response)
    milliseconds = round((time.perf_counter() - started) * 1000, 1)
    figures = {"milliseconds": milliseconds, **meter.consumed(), **meter.failure_fields()}
    _log(event, response, variant, trail.current(), failure=failure, figures=figures)
    metrics.write()
    return response


def _begin(context: dict[str, Any]) -> None:
    claims = context.get("authorizer", {}).get("jwt", {}).get("claims") or {}
    address = context["http"].get("sourceIp", "")
    trail.begin(request=context.get("requestId", ""), address=address).note_claims(claims)


def _answer(handle: Handler, event: Event, variant: ApiVariant) -> tuple[Response, dict[str, Any]]:
    """Return the response, and what the log says of a failure."""
    try:
        return handle(requests.from_event(event)), {}
    except FhirError as error:
        return variant.error_response(error), _failure(error)
    except Exception as error:  # noqa: BLE001 - the last resort: only its code location is logged
        from shared import failures  # noqa: PLC0415 - only failing requests need it

        request_id = event["requestContext"].get("requestId", "")
        return variant.internal_error_response(request_id), failures.log_fields(error)


def refuse_entry(event: Event, error: FhirError) -> Response:
    """Return the refusal of a Bundle's entry that never reaches its function, and log it."""
    response = error_response(error)
    audit = trail.current().for_bundle_entry(routing.find_interaction(event))
    _log(event, response, FHIR, audit, failure=_failure(error), figures={})
    return response


def _failure(error: FhirError) -> dict[str, Any]:
    return {"issues": [issue.code for issue in error.issues[:MOST_NAMES]]}


def _log(
    event: Event,
    response: Response,
    variant: ApiVariant,
    audit: trail.Trail,
    *,
    failure: dict[str, Any],
    figures: dict[str, Any],
) -> None:
    """Write a request's log line: of a query only parameter names, of a resource only its id.

    The line of a request that wrote nothing becomes its row in the audit trail. If an event is too
    large for one row, further lines carry the rest.
    """
    query = _query(event) + audit.form_params
    fields = {**_resource(event), "parameters": _names(event, query, variant)}
    is_instance = fields.get("type") in KEPT_TYPES and "id" in fields
    target = f"{fields['type']}/{fields['id']}" if is_instance else ""
    requested = _requested(event, fields, query)
    first, *further = audit.log_fields(response.status, _disclosed(response), requested, target)
    line = {
        "request": event["requestContext"].get("requestId", ""),
        "route": event["routeKey"],
        **{name: value for name, value in fields.items() if value},
        "status": response.status,
    }
    figures = {name: value for name, value in figures.items() if value}
    write = logger.error if "error" in failure else logger.info
    write("request", extra=line | figures | response.log | failure | first)
    for part in further:
        logger.info("request", extra=line | failure | part)


def _disclosed(response: Response) -> Answer:
    """Return the resources that a response discloses, complete even if the body has only parts."""
    if response.disclosed_resources is not None:
        return response.disclosed_resources
    record = response.record
    return response.body if record is None else [record.json] if record.json else []


def _query(event: Event) -> list[tuple[str, str]]:
    """Return the parameters of the URL and of If-None-Exist, even of one refused as malformed."""
    condition = event.get("headers", {}).get(IF_NONE_EXIST.lower(), "")
    text = f"{event.get('rawQueryString', '')}&{condition.rpartition('?')[2]}"
    parts = (part.partition("=") for part in text.split("&") if part)
    return [(unquote(name), unquote(value)) for name, _, value in parts]


def _requested(
    event: Event, fields: dict[str, Any], query: list[tuple[str, str]]
) -> frozenset[str]:
    """Return the patient that the path names, and what the query names, as references."""
    kind, own_id = routing.path_variables(event).get("type", ""), fields.get("id", "")
    own = frozenset({f"Patient/{own_id}"} if kind == "Patient" and own_id else ())
    if not query:
        return own
    from shared.audit import named_resources  # noqa: PLC0415 - a read has no query

    return own | named_resources.in_query(kind, query)


def _resource(event: Event) -> dict[str, str]:
    """Return the path's type, ids and operation for the log, if they are valid.

    Anything else could contain personal data.
    """
    path = routing.path_variables(event)
    for name in _ROUTED_TYPES:
        if f"/{name}" in event["routeKey"]:
            path = {"type": name, **path}
    fields = {field: path[variable] for field, variable in _VARIABLES.items() if variable in path}
    if path.get("operation") in {row.name for row in OPERATIONS}:
        fields["operation"] = path["operation"]
    ids = (fields.get(name, "-") for name in ("id", "version"))
    is_known = fields.get("type", BINARY) in _KNOWN_TYPES
    return fields if is_known and all(map(ID.fullmatch, ids)) else {}


def _names(event: Event, query: list[tuple[str, str]], variant: ApiVariant) -> list[str]:
    """Return the names of a query's parameters, with `?` for unknown ones.

    An unknown name could contain personal data.
    """
    if not query:
        return []
    known = variant.parameter_names(event)
    names = {name.partition(":")[0] for name, _ in query}
    logged = {name if name in known or _CONTROL.fullmatch(name) else "?" for name in names}
    return sorted(logged)[:MOST_NAMES]
