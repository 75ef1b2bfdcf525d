"""The decorator of every function behind the API."""

import re
import time
from collections.abc import Callable
from functools import wraps
from types import ModuleType
from typing import Any
from urllib.parse import unquote

from aws_lambda_powertools import Logger

from shared import deadlines, metrics
from shared.audit import trail
from shared.audit.events import MOST_NAMES
from shared.audit.trail import Answer
from shared.catalog.interactions import AUDIT_EVENT
from shared.catalog.operations import OPERATIONS
from shared.catalog.types import TYPES
from shared.errors import FhirError
from shared.http import requests, responses, routing
from shared.http.payloads import fitting, payload
from shared.http.requests import Event, Request
from shared.http.responses import Response, refused
from shared.references import ID
from shared.store import meter

type Handler = Callable[[Request], Response]

logger = Logger(location=None)  # each line is written at the same place

# `_count`, `_sort` and the like: the names of no parameter of a type.
_CONTROL = re.compile(r"_[A-Za-z]{1,20}", re.ASCII)
_KNOWN = (*TYPES, AUDIT_EVENT)
_NAMED = {"type": "type", "id": "id", "version": "vid"}


def endpoint(handle: Handler) -> Callable[[Event, Any], dict[str, Any]]:
    """Make a Lambda handler: read the event, call, turn exceptions into an OperationOutcome, log.

    Raises nothing; what is logged is ids, names, figures and the places in the code of an error.
    """

    @wraps(handle)
    def handler(event: Event, context: Any) -> dict[str, Any]:
        event = routing.settled(event)
        deadlines.begin(context)
        return payload(event, respond(handle, event))

    return handler


def respond(handle: Handler, event: Event) -> Response:
    """Return the response to an event, and log it."""
    started = time.perf_counter()
    event = routing.settled(event)
    meter.start()
    _begin(event["requestContext"])
    response, failure = _answer(handle, event)
    response = fitting(event, response, _refusals(event).refused)
    _log(event, response, failure, time.perf_counter() - started)
    metrics.write()
    return response


def _begin(context: dict[str, Any]) -> None:
    claims = context.get("authorizer", {}).get("jwt", {}).get("claims") or {}
    address = context["http"].get("sourceIp", "")
    trail.begin(request=context.get("requestId", ""), address=address).asked_with(claims)


def _answer(handle: Handler, event: Event) -> tuple[Response, dict[str, Any]]:
    try:
        return handle(requests.read(event)), {}
    except FhirError as error:
        return _refusals(event).refused(error), _failure(error)
    except Exception as error:  # noqa: BLE001 - the last resort: nothing of it leaves but its place
        from shared import failures  # noqa: PLC0415 - hardly any request breaks

        request_id = event["requestContext"].get("requestId", "")
        return _refusals(event).broken(request_id), failures.described(error)


def _refusals(event: Event) -> ModuleType:
    """Give the module that says no as the face does that is asked."""
    if not routing.is_plain(event):
        return responses
    from shared.http import problems  # noqa: PLC0415 - few requests are refused

    return problems


def refuse_entry(event: Event, error: FhirError) -> Response:
    """Refuse a Bundle's entry which does not come to its own function, and log it as that would."""
    response, asked = refused(error), trail.current().of_entry(routing.row(event))
    _write(event, response, _failure(error), {}, asked)
    return response


def _failure(error: FhirError) -> dict[str, Any]:
    return {"issues": [issue.code for issue in error.issues[:MOST_NAMES]]}


def _log(event: Event, response: Response, failure: dict[str, Any], seconds: float) -> None:
    figures = {"milliseconds": round(seconds * 1000, 1), **meter.read()}
    _write(event, response, failure, figures, trail.current())


def _write(
    event: Event,
    response: Response,
    failure: dict[str, Any],
    figures: dict[str, Any],
    audit: trail.Trail,
) -> None:
    """Write one line; of a query only the parameters' names, of a resource only its id.

    The audit trail's rows of what writes nothing are made of it. Where there is too much for one
    row, further lines say the rest.
    """
    query = _query(event) + audit.form
    asked = {**_resource(event), "parameters": _names(query, is_plain=routing.is_plain(event))}
    patients = _patients(event, asked, query)
    target = (
        f"{asked['type']}/{asked['id']}" if asked.get("type") in TYPES and "id" in asked else ""
    )
    audited = audit.lines(response.status, _answered(response), patients, target)
    line = {
        "request": event["requestContext"].get("requestId", ""),
        "route": event["routeKey"],
        **{name: value for name, value in asked.items() if value},
        "status": response.status,
    }
    write = logger.error if "error" in failure else logger.info
    figures = {name: value for name, value in figures.items() if value}
    write("request", extra=line | figures | response.log | failure | audited[0])
    for more in audited[1:]:
        logger.info("request", extra=line | failure | more)


def _answered(response: Response) -> Answer:
    """Return what a response is about, whole, whatever part of it stands in the body."""
    if response.seen is not None:
        return response.seen
    about = response.about
    return response.body if about is None else [about.json] if about.json else []


def _query(event: Event) -> list[tuple[str, str]]:
    """Return the parameters of the URL, also of one that is refused for how it is written."""
    parts = (part.partition("=") for part in event.get("rawQueryString", "").split("&") if part)
    return [(unquote(name), unquote(value)) for name, _, value in parts]


def _patients(event: Event, asked: dict[str, Any], query: list[tuple[str, str]]) -> frozenset[str]:
    """Return the patients whom the path and the query name."""
    kind, own_id = routing.path(event).get("type", ""), asked.get("id", "")
    own = frozenset({f"Patient/{own_id}"} if kind == "Patient" and own_id else ())
    if not query:
        return own
    from shared.audit import asking  # noqa: PLC0415 - a read has no query

    return own | asking.patients(kind, query)


def _resource(event: Event) -> dict[str, str]:
    """Give type, id and operation of the path where they are such: else they may be anything."""
    path = routing.path(event)
    if f"/{AUDIT_EVENT}" in event["routeKey"]:
        path = {"type": AUDIT_EVENT, **path}
    named = {name: path[part] for name, part in _NAMED.items() if part in path}
    if path.get("operation") in {row.name for row in OPERATIONS}:
        named["operation"] = path["operation"]
    ids = (named.get(name, "-") for name in ("id", "version"))
    return named if named.get("type", TYPES[0]) in _KNOWN and all(map(ID.fullmatch, ids)) else {}


def _names(query: list[tuple[str, str]], *, is_plain: bool) -> list[str]:
    """Return names of a query's parameters, `?` for an unknown one: that may be anything."""
    if not query:
        return []
    from shared.catalog.parameters import SEARCH_PARAMS  # noqa: PLC0415 - a read has no query

    known = {code for each in _KNOWN for code in SEARCH_PARAMS.of(each)}
    if is_plain:
        from shared.plain.collections import EVERY_PARAM  # noqa: PLC0415 - has been imported

        known = EVERY_PARAM
    names = {name.partition(":")[0] for name, _ in query}
    said = {name if name in known or _CONTROL.fullmatch(name) else "?" for name in names}
    return sorted(said)[:MOST_NAMES]
