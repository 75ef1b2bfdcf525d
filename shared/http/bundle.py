"""Batch and transaction Bundles: each entry on its own, or all entries or none.

https://hl7.org/fhir/R4/http.html#transaction
"""

from collections.abc import Callable, Iterable, Iterator
from contextvars import copy_context
from dataclasses import replace
from typing import Any

from shared.access.caller import Caller
from shared.audit import trail
from shared.catalog.interactions import INTERACTIONS
from shared.catalog.types import BINARY
from shared.errors import (
    BusinessRule,
    FhirError,
    Invalid,
    Issue,
    Malformed,
    TooLong,
)
from shared.fhir import bundles, fhirjson
from shared.fhir.bundle_links import replace_links
from shared.fhir.empties import strip
from shared.fhir.validation.validation import element_issues
from shared.http import bundle_entries, requests, routing
from shared.http.bundle_budget import LARGEST_BUNDLE, BundleBudget
from shared.http.bundle_entries import ParsedEntry
from shared.http.endpoint import refuse_entry
from shared.http.requests import PATCH_TYPES, Event, Request
from shared.http.responses import Response, error_response, write_response
from shared.interactions.bundles.entries import Entry, locate_errors, map_entries
from shared.interactions.bundles.transaction import WRITES, transact
from shared.store import meter

type Numbered = list[tuple[str, Any]]
type Answers = Iterator[tuple[str, Response]]
# Calls the function that the gateway would call for an event.
type Call = Callable[[Event], Response]

BUNDLE_INTERACTIONS = {row.code: row for row in INTERACTIONS if row.function == "bundle"}
# Each entry is a request of its own, which takes time and writes a line to the log.
MOST_ENTRIES = 500


def execute_bundle(request: Request, call: Call) -> Response:
    """Execute a batch or transaction and return the response with its Bundle.

    Raises Malformed if the body is not a Bundle, BusinessRule if its type is another one, TooLong
    if it has too many bytes or entries, and Invalid if another part of it is invalid.
    """
    kind, raw_entries = _type_and_entries(request)
    trail.current().interaction = BUNDLE_INTERACTIONS[kind]
    numbered = [(f"Bundle.entry[{number}]", entry) for number, entry in enumerate(raw_entries)]
    execute = _transaction if kind == "transaction" else _batch
    responses = execute(request, numbered, call)
    answered = [
        bundle_entries.response_entry(place, response, request.base)
        for place, response in responses
    ]
    return Response(200, fhirjson.dumps(bundles.batch_response(kind, answered)))


def _type_and_entries(request: Request) -> tuple[str, list[Any]]:
    """Return a Bundle's type and its entries, which are not parsed or validated yet."""
    if len(request.body) > LARGEST_BUNDLE:
        raise TooLong(
            f"The Bundle is larger than {LARGEST_BUNDLE // 1_000_000} MB",
            diagnostics="Split it into several Bundles",
        )
    body = request.resource()
    if not isinstance(body, dict) or body.get("resourceType") != "Bundle":
        raise Malformed("The body is not a Bundle", expression="resourceType")
    kind, raw_entries = body.get("type"), body.get("entry", [])
    if not isinstance(kind, str) or kind not in BUNDLE_INTERACTIONS:
        raise BusinessRule(
            f"The base URL accepts only Bundles of type {' or '.join(BUNDLE_INTERACTIONS)}",
            expression="Bundle.type",
        )
    if not isinstance(raw_entries, list):
        raise Malformed("Bundle.entry must be an array", expression="Bundle.entry")
    if len(raw_entries) > MOST_ENTRIES:
        raise TooLong(
            f"The Bundle has more than {MOST_ENTRIES} entries",
            expression="Bundle.entry",
            diagnostics=f"It has {len(raw_entries)}. Split it into several Bundles",
        )
    envelope = {name: part for name, part in body.items() if name not in ("resourceType", "entry")}
    if issues := element_issues(strip(envelope).resource, "Bundle", "Bundle"):
        raise Invalid(issues=issues)
    return kind, raw_entries


def _batch(request: Request, numbered: Numbered, call: Call) -> Answers:
    """Execute the entries one after the other, whatever the outcome of the others.

    Entries that are refused before they can be parsed share one event in the audit trail.
    """
    room, unread = BundleBudget(), bundle_entries.unroutable_event(request)
    urns = {entry["fullUrl"] for _, entry in numbered if _has_urn(entry)}
    refusals: list[FhirError] = []
    for place, entry in numbered:
        event = unread
        try:
            with locate_errors(place):
                room.check_time()
                event = bundle_entries.parse(request, entry, place).event
                _check_independent(entry.get("resource"), urns)
            response = _called(call, event)
        except FhirError as error:
            if event is unread:
                refusals.append(error)
            response = error_response(error) if event is unread else refuse_entry(event, error)
        yield place, room.fit(event, response)
    if refusals:
        refuse_entry(unread, refusals[0])


def _has_urn(entry: Any) -> bool:
    full_url = entry.get("fullUrl") if isinstance(entry, dict) else None
    return isinstance(full_url, str) and full_url.startswith("urn:")


def _check_independent(resource: Any, urls: set[str]) -> None:
    """Raise Invalid if a resource refers to another entry by its `fullUrl`.

    Only a transaction resolves such references.
    """

    def refuse(text: str) -> None:
        if text in urls:
            raise Invalid(
                f"A batch does not resolve references to other entries, such as {text}",
                expression="Resource",
                diagnostics="Send a transaction",
            )

    if isinstance(resource, dict):
        replace_links(resource, refuse)


def _transaction(request: Request, numbered: Numbered, call: Call) -> Answers:
    """Apply all writes or none, then answer the reads from the state after them."""
    sent = map_entries(
        ((place, (entry, place)) for place, entry in numbered),
        lambda pair: bundle_entries.parse(request, *pair),
    )
    try:
        entry_requests = map_entries(((entry.expression, entry.event) for entry in sent), _read)
        pairs = [*zip(sent, entry_requests, strict=True)]
        to_apply = map_entries(
            ((pair[0].expression, pair) for pair in pairs), lambda pair: _entry(*pair)
        )
        outcomes = transact(_writer(request.caller, entry_requests), to_apply)
    except FhirError as error:
        for entry in sent:
            refuse_entry(entry.event, error)
        raise
    room = BundleBudget()
    for entry, entry_request in pairs:
        if entry.expression in outcomes:
            response = write_response(entry_request, outcomes[entry.expression])
        else:
            response = _read_after(room, entry, call)
        yield entry.expression, room.fit(entry.event, response)


def _read_after(room: BundleBudget, sent: ParsedEntry, call: Call) -> Response:
    """Answer a read after the writes have been committed, if there is time left for it."""
    try:
        with locate_errors(sent.expression):
            room.check_time()
        return _called(call, sent.event)
    except FhirError as error:
        return refuse_entry(sent.event, error)


def _read(event: Event) -> Request:
    """Return the request of an entry's event, checked as its own function would check it."""

    def read() -> Request:
        trail.begin()  # an entry's audit trail is not the Bundle's
        return requests.from_event(event)

    return copy_context().run(read)


def _writer(caller: Caller, entry_requests: Iterable[Request]) -> Caller:
    """Return the caller with only those of their roles that may make every write."""
    allowed = (
        request.caller.roles for request in entry_requests if request.interaction.code in WRITES
    )
    # Without their wider roles, the caller may be a related person, whose links have to be read.
    return requests.with_linked_patients(replace(caller, roles=caller.roles.intersection(*allowed)))


def _entry(sent: ParsedEntry, request: Request) -> Entry:
    """Return an entry as `transact` takes it. Raises Invalid if a transaction cannot hold it."""
    code, path = request.interaction.code, request.path_variables
    is_of_files = request.interaction.is_of_files
    if is_of_files and code in WRITES:
        text = f"A transaction cannot include writes of a {BINARY}: send it in a batch"
        raise Invalid(issues=[Issue("not-supported", text, "url")])
    resource_type = path.get("type", BINARY if is_of_files else "")
    target = sent.expression, code, resource_type, path.get("id", "")
    if code not in WRITES:
        _check_read_only(request)
        return Entry(*target, query=() if request.is_lenient else tuple(request.query))
    is_patch = code == "patch"
    return Entry(
        *target,
        media_type=request.media_type(PATCH_TYPES) if is_patch else "",
        body=fhirjson.loads(request.body) if is_patch else sent.resource,
        query=tuple(request.conditional_query),
        full_url=sent.full_url,
        only_if=request.preconditions,
    )


def _check_read_only(request: Request) -> None:
    if "operation" in request.path_variables and request.operation.affects_state:
        text = f"A transaction cannot include {request.interaction.code}: send it in a batch"
        raise Invalid(issues=[Issue("not-supported", text, "url")])


def _called(call: Call, event: Event) -> Response:
    """Call an entry's own function, with its own audit trail and figures."""
    before = meter.consumed(), meter.failure_counts()
    response = copy_context().run(call, event)
    meter.add(*before)
    return replace(response, body=b"") if routing.method(event) == "HEAD" else response
