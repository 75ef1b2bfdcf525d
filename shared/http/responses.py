"""Responses: resources with their version headers, Bundles and OperationOutcomes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from email.utils import format_datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from shared import errors
from shared.catalog.roles import ADMIN
from shared.fhir import bundles, fhirjson, instants, ulids
from shared.fhir.outcome import operation_outcome
from shared.http.bodies import ACCEPT_ENCODING, UnsupportedCoding
from shared.http.negotiation import is_not_modified
from shared.http.requests import Request
from shared.http.routing import MethodNotAllowed
from shared.http.statuses import status_of
from shared.store.records import VersionedRecord

# Imported for type checking only, so that a function does not load other interactions' code.
if TYPE_CHECKING:
    from shared.interactions.history import HistoryEntry, HistoryPage
    from shared.interactions.operations.everything import EverythingPage
    from shared.search.run.search import Result
    from shared.sessions.changes import ChangeResult

FHIR_JSON = "application/fhir+json; charset=utf-8"
RETRY_AFTER_SECONDS = "1"
# Markers of the type and the id in stored JSON, which begins with type, id and meta.
_TYPE, _ID = b'"resourceType":"', b'"id":"'


@dataclass(frozen=True, slots=True)
class Response:
    """A response; `body` may be empty, and `log` is written to the log only.

    The body of a file may have any bytes; all others are text in UTF-8.
    `record` is the version of the resource that it is about, if it is about one.
    `disclosed_resources` are complete, for a body that does not contain them as they are.
    """

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    log: dict[str, Any] = field(default_factory=dict)
    disclosed_resources: Sequence[bytes | dict[str, Any]] | None = None
    record: VersionedRecord | None = None
    is_file: bool = False


def version_headers(record: VersionedRecord) -> dict[str, str]:
    """Return the headers ETag and Last-Modified of a resource's version."""
    return {
        "ETag": f'W/"{record.version}"',
        "Last-Modified": _http_date(record.last_updated),
    }


# All that a transaction writes has the same instant.
@lru_cache(maxsize=64)
def _http_date(instant: str) -> str:
    return format_datetime(instants.from_text(instant), usegmt=True)


def read_response(request: Request, record: VersionedRecord) -> Response:
    """Return the response to a read: 200, or 304 if the client has this version."""
    headers = version_headers(record)
    if request.interaction.code == "vread":
        headers["Content-Location"] = _versioned(request, record)
    if is_not_modified(request.headers, record.version, record.last_updated):
        return Response(304, headers=headers, record=record)
    return Response(200, _requested_part(request, record.json or b""), headers, record=record)


def _requested_part(request: Request, json: bytes) -> bytes:
    """Return a resource's JSON, or the part of it that the query asks for."""
    if not request.query:
        return json
    from shared.fhir import subsets  # noqa: PLC0415 - most reads return whole resources

    subset = subsets.parse_for_read(request.type, request.query)
    return subset.apply(json) if subset else json


def _versioned(request: Request, record: VersionedRecord) -> str:
    return f"{request.base}/{record.type}/{record.id}/_history/{record.version}"


def write_response(request: Request, outcome: "ChangeResult") -> Response:
    """Return the response to a write: 201 if the resource is new, 204 if it is gone, else 200.

    Location (of a new resource) or Content-Location names the id and version, even for a client
    that wants no body: https://www.rfc-editor.org/rfc/rfc9110#section-8.7
    """
    record = outcome.record
    if record is None:
        return Response(204)
    headers = version_headers(record)
    if record.deleted:
        return Response(204, headers=headers, record=record)
    headers["Location" if outcome.created else "Content-Location"] = _versioned(request, record)
    status = 201 if outcome.created else 200
    return Response(status, _preferred(request, outcome, record), headers, record=record)


def _preferred(request: Request, outcome: "ChangeResult", record: VersionedRecord) -> bytes:
    if request.prefers("return=minimal"):
        return b""
    if request.prefers("return=OperationOutcome"):
        done = errors.Issue("informational", "The resource was written", severity="information")
        return fhirjson.dumps(operation_outcome([done]))
    return record.json or b"" if outcome.readable else b""


def history_response(request: Request, page: "HistoryPage") -> Response:
    """Return the response with a page of a history."""
    entries = [_history_entry(request, step) for step in page.entries]
    url = f"{request.base}/{request.type}/{request.id}/_history"
    links = {"self": _link(url, request.query)}
    if page.next_offset is not None:
        query = [pair for pair in request.query if pair[0] != "_offset"]
        links["next"] = _link(url, [*query, ("_offset", str(page.next_offset))])
    body = fhirjson.dumps(bundles.history(entries, links, total=page.total))
    # An empty page discloses something about the resource, too.
    return Response(
        200, body, disclosed_resources=None if page.entries else page.disclosed_resources
    )


def _history_entry(request: Request, step: "HistoryEntry") -> bundles.HistoryEntry:
    record = step.record
    reference = f"{record.type}/{record.id}"
    is_posted = record.version == 1 and ulids.PATTERN.fullmatch(record.id.rpartition(".")[2])
    method, status = ("POST" if is_posted else "PUT"), ("201" if step.created else "200")
    if record.deleted:
        method, status = "DELETE", "204"
    return bundles.HistoryEntry(
        full_url=f"{request.base}/{reference}",
        method=method,
        url=record.type if is_posted else reference,
        status=status,
        version=record.version,
        updated=record.last_updated,
        resource=record.json,
    )


def searchset_response(request: Request, result: "Result") -> Response:
    """Return the response with a page of a search."""
    entries = [_search_entry(request, json) for json in result.resources]
    entries += [_search_entry(request, json)._replace(mode="include") for json in result.included]
    url = f"{request.base}/{request.type}"
    links = {"self": _link(url, result.applied)}
    links |= {relation: _link(url, query) for relation, query in result.links.items()}
    issues = [*result.warnings]
    if request.prefers("debug=plan") and ADMIN in request.caller.roles:
        plan = fhirjson.dumps(result.plan).decode()
        text = "How this search was executed"
        issues.append(errors.Issue("informational", text, severity="information", data=plan))
    if issues:
        entries.append(bundles.SearchEntry(operation_outcome(issues), mode="outcome"))
    body = fhirjson.dumps(bundles.searchset(entries, links, total=result.total))
    return Response(
        200, body, log={"plan": result.plan}, disclosed_resources=result.whole_resources
    )


def everything_response(request: Request, page: "EverythingPage") -> Response:
    """Return the response with a page of everything about an Encounter."""
    url = f"{request.base}/{request.type}/{request.id}/{request.operation.name}"
    links = {"self": _link(url, page.applied)}
    if page.next:
        links["next"] = _link(url, page.next)
    entries = [_search_entry(request, json) for json in page.resources]
    body = fhirjson.dumps(bundles.searchset(entries, links))
    return Response(200, body, disclosed_resources=[page.session, *page.resources])


def _link(url: str, query: Sequence[tuple[str, str]]) -> str:
    return f"{url}?{urlencode(query, quote_via=quote)}" if query else url


def _search_entry(request: Request, json: bytes) -> bundles.SearchEntry:
    url = f"{request.base}/{_text_after(json, _TYPE)}/{_text_after(json, _ID)}"
    return bundles.SearchEntry(json, url)


def _text_after(json: bytes, name: bytes) -> str:
    start = json.index(name) + len(name)
    return json[start : json.index(b'"', start)].decode()


def validation_response(issues: Sequence[errors.Issue]) -> Response:
    """Return a 200 response with the OperationOutcome of a validation, whatever its issues are."""
    return Response(200, fhirjson.dumps(operation_outcome(issues)))


def error_response(error: errors.FhirError) -> Response:
    """Return the response to an error, with its OperationOutcome."""
    outcome = fhirjson.dumps(operation_outcome(error.issues))
    return Response(status_of(error), outcome, error_headers(error))


def error_headers(error: errors.FhirError) -> dict[str, str]:
    """Return the headers that tell a client how to react to an error."""
    headers = {}
    if isinstance(error, errors.Transient):
        headers["Retry-After"] = RETRY_AFTER_SECONDS
    if isinstance(error, errors.Throttled):
        headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, errors.OutOfRange):
        headers["Content-Range"] = f"bytes */{error.size}"
    if isinstance(error, MethodNotAllowed):
        headers["Allow"] = error.allowed_methods
    if isinstance(error, UnsupportedCoding):
        headers[ACCEPT_ENCODING] = error.accepted
    return headers


def internal_error_response(request_id: str) -> Response:
    """Return the response to an internal error, without details about it."""
    issue = errors.Issue("exception", "Internal error", diagnostics=f"Request {request_id}")
    return Response(500, fhirjson.dumps(operation_outcome([issue])))
