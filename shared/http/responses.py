"""Answers: a resource with its version headers, a Bundle, an OperationOutcome."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from shared import errors, fhirjson, instants, ulids
from shared.catalog.roles import ADMIN
from shared.http.bodies import ACCEPT_ENCODING, UnsupportedCoding
from shared.http.negotiation import is_known
from shared.http.requests import Request
from shared.http.routing import MethodNotAllowed
from shared.resources import bundles
from shared.resources.outcome import operation_outcome
from shared.store.records import Versioned

# Only for types: no answer needs the code of another interaction.
if TYPE_CHECKING:
    from shared.interactions.changes import Outcome
    from shared.interactions.everything import Everything
    from shared.interactions.history import History, Step
    from shared.search import Result
    from shared.search.explaining import Explanation

FHIR_JSON = "application/fhir+json; charset=utf-8"
RETRY_AFTER_SECONDS = "1"
# Stored JSON begins with the resource's type, id and meta.
_TYPE, _ID = b'"resourceType":"', b'"id":"'

# The only place that knows HTTP's statuses; an exception takes that of its nearest ancestor here.
STATUS = {
    errors.Invalid: 400,
    errors.Login: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.NotSupported: 405,
    errors.NotAcceptable: 406,
    errors.Conflict: 409,
    errors.Deleted: 410,
    errors.PreconditionFailed: 412,
    errors.TooLong: 413,
    errors.UnsupportedMedia: 415,
    errors.BusinessRule: 422,
    errors.Throttled: 429,
    errors.FhirError: 500,
    errors.Transient: 503,
}


@dataclass(frozen=True, slots=True)
class Response:
    """An answer; `body` is JSON, empty where there is none; `log` is told to the log only.

    `about` is the version that it is about, if it is about one. `seen` are the resources that it
    tells something of, each whole, where these do not stand in the body as they are.
    """

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    log: dict[str, Any] = field(default_factory=dict)
    seen: Sequence[bytes | dict[str, Any]] | None = None
    about: Versioned | None = None


def entity_headers(record: Versioned) -> dict[str, str]:
    """Give ETag and Last-Modified of a resource's version."""
    return {
        "ETag": f'W/"{record.version}"',
        "Last-Modified": format_datetime(instants.read(record.last_updated), usegmt=True),
    }


def found(request: Request, record: Versioned) -> Response:
    """Answer a read: 200, or 304 where the caller has this version."""
    headers = entity_headers(record)
    if request.interaction.code == "vread":
        headers["Content-Location"] = _versioned(request, record)
    if is_known(request.headers, record.version, record.last_updated):
        return Response(304, headers=headers, about=record)
    return Response(200, _asked_for(request, record.json or b""), headers, about=record)


def _asked_for(request: Request, json: bytes) -> bytes:
    """Give a resource's JSON, or the part of it that the query asks for."""
    if not request.query:
        return json
    from shared.resources import subsets  # noqa: PLC0415 - most reads are of whole resources

    subset = subsets.of_read(request.type, request.query)
    return subset.cut(json) if subset else json


def _versioned(request: Request, record: Versioned) -> str:
    return f"{request.base}/{record.type}/{record.id}/_history/{record.version}"


def written(request: Request, outcome: "Outcome") -> Response:
    """Answer a write: 201 if the resource is new, else 200, or 204 if it is gone.

    Location (of what is new) or Content-Location tells the id and version, also to a client that
    wants no body: https://www.rfc-editor.org/rfc/rfc9110#section-8.7
    """
    record = outcome.record
    if record is None:
        return Response(204)
    headers = entity_headers(record)
    if record.deleted:
        return Response(204, headers=headers, about=record)
    headers["Location" if outcome.created else "Content-Location"] = _versioned(request, record)
    status = 201 if outcome.created else 200
    return Response(status, _preferred(request, outcome, record), headers, about=record)


def _preferred(request: Request, outcome: "Outcome", record: Versioned) -> bytes:
    if request.prefers("return=minimal"):
        return b""
    if request.prefers("return=OperationOutcome"):
        done = errors.Issue("informational", "The resource was written", severity="information")
        return fhirjson.dumps(operation_outcome([done]))
    return record.json or b"" if outcome.readable else b""


def history_bundle(request: Request, page: "History") -> Response:
    """Answer with a page of a history."""
    entries = [_version(request, step) for step in page.steps]
    url = f"{request.base}/{request.type}/{request.id}/_history"
    links = {"self": _link(url, request.query)}
    if page.next is not None:
        kept = [pair for pair in request.query if pair[0] != "_offset"]
        links["next"] = _link(url, [*kept, ("_offset", str(page.next))])
    body = fhirjson.dumps(bundles.history(entries, links, total=page.total))
    # That there are no such versions tells something of the resource as well.
    return Response(200, body, seen=None if page.steps else page.seen)


def _version(request: Request, step: "Step") -> bundles.Version:
    record = step.record
    reference = f"{record.type}/{record.id}"
    is_posted = record.version == 1 and ulids.PATTERN.fullmatch(record.id.rpartition(".")[2])
    method, status = ("POST" if is_posted else "PUT"), ("201" if step.created else "200")
    if record.deleted:
        method, status = "DELETE", "204"
    return bundles.Version(
        full_url=f"{request.base}/{reference}",
        method=method,
        url=record.type if is_posted else reference,
        status=status,
        version=record.version,
        updated=record.last_updated,
        resource=record.json,
    )


def searchset_bundle(request: Request, result: "Result") -> Response:
    """Answer with a page of a search."""
    entries = [_found(request, json) for json in result.resources]
    entries += [_found(request, json)._replace(mode="include") for json in result.included]
    url = f"{request.base}/{request.type}"
    links = {"self": _link(url, result.applied)}
    links |= {relation: _link(url, query) for relation, query in result.links.items()}
    issues = [*result.warnings]
    if request.prefers("debug=plan") and ADMIN in request.actor.roles:
        issues.append(_told(result.plan))
    if issues:
        entries.append(bundles.Found(operation_outcome(issues), mode="outcome"))
    body = fhirjson.dumps(bundles.searchset(entries, links, total=result.total))
    return Response(200, body, log={"plan": result.plan}, seen=result.seen)


def _told(plan: "Explanation") -> errors.Issue:
    return errors.Issue(
        "informational",
        "How this search was answered",
        severity="information",
        data=fhirjson.dumps(plan).decode(),
    )


def everything_bundle(request: Request, page: "Everything") -> Response:
    """Answer with a page of everything there is about an Encounter."""
    url = f"{request.base}/{request.type}/{request.id}/{request.operation.name}"
    links = {"self": _link(url, page.applied)}
    if page.next:
        links["next"] = _link(url, page.next)
    entries = [_found(request, json) for json in page.resources]
    body = fhirjson.dumps(bundles.searchset(entries, links))
    return Response(200, body, seen=[page.session, *page.resources])


def _link(url: str, query: Sequence[tuple[str, str]]) -> str:
    return f"{url}?{urlencode(query, quote_via=quote)}" if query else url


def _found(request: Request, json: bytes) -> bundles.Found:
    reference = "/".join(_text_after(json, name) for name in (_TYPE, _ID))
    return bundles.Found(json, f"{request.base}/{reference}")


def _text_after(json: bytes, name: bytes) -> str:
    start = json.index(name) + len(name)
    return json[start : json.index(b'"', start)].decode()


def told(issues: Sequence[errors.Issue]) -> Response:
    """Answer with what there is to say of a resource: 200, whatever it is."""
    return Response(200, fhirjson.dumps(operation_outcome(issues)))


def refused(error: errors.FhirError) -> Response:
    """Answer a refusal with its OperationOutcome."""
    outcome = fhirjson.dumps(operation_outcome(error.issues))
    return Response(status_of(error), outcome, refusal_headers(error))


def status_of(error: errors.FhirError) -> int:
    """Give the status that a refusal has."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def refusal_headers(error: errors.FhirError) -> dict[str, str]:
    """Return what the headers of a refusal say of what may be done about it."""
    headers = {}
    if isinstance(error, errors.Transient):
        headers["Retry-After"] = RETRY_AFTER_SECONDS
    if isinstance(error, errors.Throttled):
        headers["Retry-After"] = str(error.seconds)
    if isinstance(error, MethodNotAllowed):
        headers["Allow"] = error.offered
    if isinstance(error, UnsupportedCoding):
        headers[ACCEPT_ENCODING] = error.accepted
    return headers


def broken(request_id: str) -> Response:
    """Answer an error of our own, saying nothing about it."""
    issue = errors.Issue("exception", "Internal error", diagnostics=f"Request {request_id}")
    return Response(500, fhirjson.dumps(operation_outcome([issue])))
