"""Bundles that ask: a batch, each entry on its own, or a transaction, all or nothing.

https://hl7.org/fhir/R4/http.html#transaction
"""

from collections.abc import Callable, Iterable, Iterator
from contextvars import copy_context
from dataclasses import replace
from typing import Any

from shared import fhirjson
from shared.access import Actor
from shared.audit import trail
from shared.catalog.interactions import INTERACTIONS
from shared.errors import (
    BusinessRule,
    FhirError,
    Invalid,
    Issue,
    Malformed,
    TooLong,
)
from shared.http import entries, requests
from shared.http.endpoint import refuse_entry
from shared.http.entries import Sent
from shared.http.requests import PATCH_TYPES, Event, Request
from shared.http.responses import Response, refused, written
from shared.http.rooms import LARGEST, Room, method
from shared.interactions.entries import Entry, named_by, of_all
from shared.interactions.transaction import WRITES, transact
from shared.resources import bundles
from shared.resources.empties import strip
from shared.resources.linking import linked
from shared.resources.validation import element_issues
from shared.store import meter

type Numbered = list[tuple[str, Any]]
type Answers = Iterator[tuple[str, Response]]
# Calls the function that the gateway would call for an event.
type Call = Callable[[Event], Response]

KINDS = {row.code: row for row in INTERACTIONS if row.function == "bundle"}
# Each is a request of its own, with a line in the log.
MOST_ENTRIES = 500


def answer(request: Request, call: Call) -> Response:
    """Do what a Bundle asks.

    Raises Malformed for what is no Bundle, BusinessRule for one of another type, TooLong.
    """
    kind, sent = _parts(request)
    trail.current().interaction = KINDS[kind]
    numbered = [(f"Bundle.entry[{number}]", entry) for number, entry in enumerate(sent)]
    do = _transaction if kind == "transaction" else _batch
    responses = do(request, numbered, call)
    done = [entries.answered(place, response, request.base) for place, response in responses]
    return Response(200, fhirjson.dumps(bundles.answers(kind, done)))


def _parts(request: Request) -> tuple[str, list[Any]]:
    """Give a Bundle's type and its entries, which have yet to be read."""
    if len(request.body) > LARGEST:
        raise TooLong(f"A Bundle has at most {LARGEST // 1_000_000} MB", diagnostics="Send several")
    body = request.resource()
    if not isinstance(body, dict) or body.get("resourceType") != "Bundle":
        raise Malformed("The body is no Bundle", expression="resourceType")
    kind, sent = body.get("type"), body.get("entry", [])
    if not isinstance(kind, str) or kind not in KINDS:
        raise BusinessRule(
            f"The base takes Bundles of type {' and '.join(KINDS)}", expression="Bundle.type"
        )
    if not isinstance(sent, list):
        raise Malformed("An array is expected here", expression="Bundle.entry")
    if len(sent) > MOST_ENTRIES:
        raise TooLong(
            f"A Bundle has at most {MOST_ENTRIES} entries",
            expression="Bundle.entry",
            diagnostics=f"It has {len(sent)}: send several",
        )
    around = {name: part for name, part in body.items() if name not in ("resourceType", "entry")}
    if issues := element_issues(strip(around).resource, "Bundle", "Bundle"):
        raise Invalid(issues=issues)
    return kind, sent


def _batch(request: Request, numbered: Numbered, call: Call) -> Answers:
    """Ask for one after the other, whatever becomes of the others.

    What is refused without having been read leaves one event in the audit trail together.
    """
    room, unread = Room(), entries.unread(request)
    urns = {entry["fullUrl"] for _, entry in numbered if _is_urn(entry)}
    refusals: list[FhirError] = []
    for place, entry in numbered:
        event = unread
        try:
            with named_by(place):
                room.check_time()
                event = entries.read(request, entry, place).event
                _check_alone(entry.get("resource"), urns)
            response = _called(call, event)
        except FhirError as error:
            if event is unread:
                refusals.append(error)
            response = refused(error) if event is unread else refuse_entry(event, error)
        yield place, room.fitting(event, response)
    if refusals:
        refuse_entry(unread, refusals[0])


def _is_urn(entry: Any) -> bool:
    full_url = entry.get("fullUrl") if isinstance(entry, dict) else None
    return isinstance(full_url, str) and full_url.startswith("urn:")


def _check_alone(resource: Any, urls: set[str]) -> None:
    """Refuse what would have to be resolved: an entry of a batch does not know the others."""

    def refuse(text: str) -> None:
        if text in urls:
            raise Invalid(
                f"A batch does not resolve {text}",
                expression="Resource",
                diagnostics="Send a transaction",
            )

    if isinstance(resource, dict):
        linked(resource, refuse)


def _transaction(request: Request, numbered: Numbered, call: Call) -> Answers:
    """Write all or nothing, then read what there is after it."""
    sent = of_all(
        ((place, (one, place)) for place, one in numbered),
        lambda one: entries.read(request, *one),
    )
    try:
        asked = of_all(((one.place, one.event) for one in sent), _read)
        pairs = [*zip(sent, asked, strict=True)]
        asking = of_all(((one.place, (one, ask)) for one, ask in pairs), lambda pair: _entry(*pair))
        outcomes = transact(_writer(request.actor, asked), asking)
    except FhirError as error:
        for one in sent:
            refuse_entry(one.event, error)
        raise
    room = Room()
    for one, ask in pairs:
        if one.place in outcomes:
            answered = written(ask, outcomes[one.place])
        else:
            answered = _read_after(room, one, call)
        yield one.place, room.fitting(one.event, answered)


def _read_after(room: Room, sent: Sent, call: Call) -> Response:
    """Read what there is after the writes, which have been made, if there is time for it."""
    try:
        with named_by(sent.place):
            room.check_time()
        return _called(call, sent.event)
    except FhirError as error:
        return refuse_entry(sent.event, error)


def _read(event: Event) -> Request:
    """Read an entry's event as its own function would, and say no to whoever may not."""

    def read() -> Request:
        trail.begin()  # what is noted of an entry is not the Bundle's
        return requests.read(event)

    return copy_context().run(read)


def _writer(caller: Actor, asked: Iterable[Request]) -> Actor:
    """Give the caller in those of their roles that may make every write."""
    writes = (one.actor.roles for one in asked if one.interaction.code in WRITES)
    # Without a wider role that none of the writes is for, they may be a related person only.
    return requests.linked(replace(caller, roles=caller.roles.intersection(*writes)))


def _entry(sent: Sent, asked: Request) -> Entry:
    """Give an entry as a transaction takes it. Raises Invalid for what it does not do."""
    code = asked.interaction.code
    entry = Entry(sent.place, code, asked.path.get("type", ""), asked.path.get("id", ""))
    if code in ("create", "update"):
        entry = replace(entry, body=asked.resource())
    elif code == "patch":
        media_type = asked.media_type(PATCH_TYPES)
        entry = replace(entry, body=fhirjson.loads(asked.body), media_type=media_type)
    elif code != "delete":
        _check_reads(asked)
        return replace(entry, query=() if asked.is_lenient else tuple(asked.query))
    query = tuple(asked.condition)
    return replace(entry, query=query, full_url=sent.full_url, only_if=asked.preconditions)


def _check_reads(asked: Request) -> None:
    if "operation" in asked.path and asked.operation.affects_state:
        text = f"{asked.interaction.code} is not part of a transaction: send a batch"
        raise Invalid(issues=[Issue("not-supported", text, "url")])


def _called(call: Call, event: Event) -> Response:
    """Call an entry's own function, with an audit trail of its own."""
    before = meter.read()
    response = copy_context().run(call, event)
    meter.add(before)
    return replace(response, body=b"") if method(event) == "HEAD" else response
