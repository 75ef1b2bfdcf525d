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
    return {"issues": [issue.code for issue in error.issues]}


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

    The audit trail's rows of what writes nothing are made of it.
    """
    asked = {
        **_resource(event),
        "parameters": _names(event.get("rawQueryString", ""), is_plain=routing.is_plain(event)),
    }
    answer = response.body if response.seen is None else response.seen
    audited = audit.line(response.status, answer)
    line = {
        "request": event["requestContext"].get("requestId", ""),
        "route": event["routeKey"],
        **{name: value for name, value in (asked | figures).items() if value},
        "status": response.status,
        **response.log,
        **failure,
        **audited,
    }
    (logger.error if "error" in failure else logger.info)("request", extra=line)


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


def _names(query: str, *, is_plain: bool) -> list[str]:
    """Give the names of a query's parameters, `?` for an unknown one: that may be anything."""
    if not query:
        return []
    from shared.catalog.parameters import SEARCH_PARAMS  # noqa: PLC0415 - a read has no query

    known = {code for each in _KNOWN for code in SEARCH_PARAMS.of(each)}
    if is_plain:
        from shared.plain.collections import EVERY_PARAM  # noqa: PLC0415 - has been imported

        known = EVERY_PARAM
    parts = (unquote(part.partition("=")[0]) for part in query.split("&") if part)
    names = {part.partition(":")[0] for part in parts}
    return sorted({name if name in known or _CONTROL.fullmatch(name) else "?" for name in names})
