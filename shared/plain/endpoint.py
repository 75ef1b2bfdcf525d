"""Dispatch of plain-JSON requests to their interactions, and their `{"data": ...}` responses."""

from typing import Any

import orjson

from shared.catalog.interactions import PLAIN_PATH
from shared.errors import Invalid, Issue, Malformed, TooCostly
from shared.fhir import fhirjson
from shared.http.negotiation import PLAIN_JSON, PLAIN_PATCHES, is_not_modified
from shared.http.requests import Request
from shared.http.responses import Response, version_headers
from shared.plain import interactions, mapping
from shared.plain.collection import Collection
from shared.plain.collections import COLLECTIONS
from shared.sessions.changes import ChangeResult
from shared.settings import settings
from shared.store.records import VersionedRecord

type Json = dict[str, Any]

_CONTENT_TYPE = {"Content-Type": PLAIN_JSON}
_ACCEPTED = frozenset({PLAIN_JSON})
# Each value of a few characters becomes an element of FHIR, and no resource holds so many.
MOST_ELEMENTS = 10_000


def answered(request: Request) -> Response:
    """Execute a plain-JSON request and return its response. Raises what the interaction does."""
    collection, caller = COLLECTIONS[request.path_variables["collection"]], request.caller
    code = request.interaction.code
    if code == "search-type":
        return _page(collection, *interactions.search(caller, collection, request.query))
    if request.query:
        names = dict.fromkeys(name for name, _ in request.query)
        raise Invalid(
            issues=[
                Issue("invalid", "This request takes no query parameters", name) for name in names
            ]
        )
    if code == "read":
        return _read(request, collection, interactions.read(caller, collection, request.id))
    if code == "create":
        outcome = interactions.create(caller, collection, _body(request, _ACCEPTED))
        return _written(request, collection, outcome)
    own_id, only_if = request.id, request.preconditions
    if code == "delete":
        outcome = interactions.delete(caller, collection, own_id, only_if=only_if)
    elif code == "update":
        body = _body(request, _ACCEPTED)
        outcome = interactions.update(caller, collection, own_id, body, only_if=only_if)
    else:
        body = _body(request, PLAIN_PATCHES)
        outcome = interactions.patch(caller, collection, own_id, body, only_if=only_if)
    return _written(request, collection, outcome)


def _body(request: Request, accepted: frozenset[str]) -> Any:
    request.media_type(accepted)
    body = fhirjson.loads(request.body)
    try:
        fhirjson.dumps(body)
    except orjson.JSONEncodeError:
        raise Malformed("The body is nested too deeply") from None
    _check_arrays(body)
    return body


def _check_arrays(body: Any) -> None:
    """Raise TooCostly naming each array whose values become too many elements in FHIR."""
    named = body.items() if isinstance(body, dict) else ()
    long = [name for name, value in named if isinstance(value, list) and len(value) > MOST_ELEMENTS]
    if long:
        text = f"An array has at most {MOST_ELEMENTS} values"
        raise TooCostly(issues=[Issue(TooCostly.code, text, f"#/{name}") for name in long])


def _page(collection: Collection, resources: list[Json], cursor: str | None) -> Response:
    members = [mapping.from_fhir(collection, resource) for resource in resources]
    body = fhirjson.dumps({"data": members, "next": cursor})
    return Response(200, body, _CONTENT_TYPE, disclosed_resources=resources)


def _read(request: Request, collection: Collection, record: VersionedRecord) -> Response:
    headers = version_headers(record)
    if is_not_modified(request.headers, record.version, record.last_updated):
        return Response(304, headers=headers, record=record)
    return _member(200, collection, record, headers)


def _written(request: Request, collection: Collection, outcome: ChangeResult) -> Response:
    record = outcome.record
    if record is None:
        return Response(204)
    headers = version_headers(record)
    if record.deleted:
        return Response(204, headers=headers)
    if outcome.created:
        root = request.base.removesuffix(settings().base_path)
        headers["Location"] = f"{root}{PLAIN_PATH}/{collection.name}/{record.id}"
    status = 201 if outcome.created else 200
    if not outcome.readable:
        return Response(status, headers=headers)
    return _member(status, collection, record, headers)


def _member(
    status: int, collection: Collection, record: VersionedRecord, headers: dict[str, str]
) -> Response:
    body = fhirjson.dumps({"data": mapping.from_fhir(collection, record.resource)})
    return Response(status, body, _CONTENT_TYPE | headers, disclosed_resources=[record.resource])
