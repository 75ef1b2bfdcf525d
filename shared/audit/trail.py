"""Collect what the audit trail needs of the current request, and make its log lines."""

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any

import orjson

from shared.access.caller import DEFAULT_TENANT, Caller
from shared.audit import events
from shared.catalog.interactions import Interaction
from shared.catalog.types import KEPT_TYPES
from shared.fhir import fhirjson, instants, ulids
from shared.rules import compartments

type Resource = dict[str, Any]
# A response's JSON, or the whole resources of which it shows something.
type Answer = bytes | Sequence[bytes | Resource]

# Parts of an event that its log line has already.
IN_LOG_LINE = (
    *("type", "id", "version", "operation", "parameters"),
    *("request", "status", "issues"),
)


@dataclass(slots=True)
class Trail:
    """The facts known of one request, or of one entry of a Bundle.

    `origin` is its id and IP address, `who` the claims of its caller, `event_ids` the ids of the
    events of its transactions, `form_params` the search parameters in its body, `proposed` the
    resources that it would write.
    """

    origin: dict[str, str] = field(default_factory=dict)
    who: dict[str, str] = field(default_factory=dict)
    tenant: str = DEFAULT_TENANT
    interaction: Interaction | None = None
    event_ids: list[str] = field(default_factory=list)
    has_token: bool = False
    form_params: list[tuple[str, str]] = field(default_factory=list)
    proposed: list[Resource] = field(default_factory=list)

    def note_claims(self, claims: Mapping[str, str]) -> None:
        """Note the claims of the token, if any, before it is decided whether they suffice."""
        self.has_token = bool(claims)
        who = {name: claims[claim] for claim, name in _NAMES.items() if claim in claims}
        self.who = events.shortened_claims(who)

    def note_proposed(self, resource: Resource) -> None:
        """Note a resource that is to be written. Whom it is about matters only if it is refused."""
        self.proposed.append(resource)

    def note_caller(self, caller: Caller) -> None:
        """Note the caller, when it is known."""
        self.who, self.tenant = events.shortened_claims(caller.audit_claims), caller.tenant

    def for_bundle_entry(self, interaction: Interaction | None) -> "Trail":
        """Return a trail for an entry of a Bundle that is answered without its own function."""
        return replace(self, interaction=interaction, event_ids=[], form_params=[], proposed=[])

    def log_fields(
        self,
        status: int,
        answer: Answer,
        asked: frozenset[str] = frozenset(),
        target: str = "",
    ) -> list[dict[str, Any]]:
        """Return the fields for the audit trail in each log line of the request, usually one.

        `events` are the ids of the events that its transactions have stored. `audit` is an event
        that is still to be stored, without what is `IN_LOG_LINE`: there is one if no transaction
        stored an event, or if the request failed. `asked` are the references that the request
        names, `target` the resource. A request without a token leaves no event.
        """
        if not self.has_token or (self.interaction and not self.interaction.audit_action):
            return [{}]
        stored = {"events": self.event_ids} if self.event_ids else {}
        if stored and status < HTTPStatus.BAD_REQUEST:
            return [stored]
        now = instants.now()
        # The line of a server's error has nothing of a body.
        if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
            asked = asked.union(*map(_others, self.proposed))
        event = {
            "at": instants.to_text(now),
            "who": self.who,
            "interaction": self.interaction.code if self.interaction else "",
            **_about(answer if status < HTTPStatus.BAD_REQUEST else None, asked, target),
            **{name: value for name, value in self.origin.items() if name not in IN_LOG_LINE},
        }
        event_id = ulids.new(instants.to_nanoseconds(now) // instants.MILLISECOND)
        first, *more = (
            {"audit": {"id": part_id, "tenant": self.tenant, "event": part}}
            for part_id, part in events.split_by_patients(event_id, event)
        )
        return [stored | first, *more]


def _others(resource: Resource) -> set[str]:
    """Return whom a resource that was to be written is about, by references to others.

    A query for somebody is no reference, and an own id may have been refused.
    """
    others = compartments.patients(resource) - {f"Patient/{resource.get('id')}"}
    return {name for name in others if "?" not in name}


def _about(answer: Answer | None, asked: frozenset[str], target: str) -> dict[str, Any]:
    """Return the patients of a request. An answer of None is a failure, which shows nothing.

    A request that shows nothing still tells something of the resource that it is about, or of the
    resources that a search names.
    """
    resources = [] if answer is None else shown_resources(answer)
    patients = {name for name in asked if compartments.is_reference_to("Patient", name)}
    about, through = set(patients), set[str]()
    for resource in resources:
        own_patients = compartments.patients(resource)
        about |= own_patients
        through |= compartments.patient_sources(resource, own_patients)
    if not any(resource.get("resourceType") in KEPT_TYPES for resource in resources):
        others = asked - patients if answer is not None else frozenset()
        through = ({target} if target else set(others)) - patients
    return {
        "patients": events.shortened_references(about),
        **({"through": sorted(through)} if through else {}),
    }


_NAMES = {"sub": "subject", "client_id": "client", "fhirUser": "fhirUser"}
_current: ContextVar[Trail] = ContextVar("trail")


def begin(**origin: str) -> Trail:
    """Begin the trail of a request, whose origin has the named parts."""
    trail = Trail({name: value for name, value in origin.items() if value})
    _current.set(trail)
    return trail


def current() -> Trail:
    """Return the trail of the current request, or a new one if none has begun."""
    return _current.get(None) or begin()


def shown_resources(answer: Answer) -> list[Resource]:
    """Return the resources of an answer, with those inside its Bundles."""
    if isinstance(answer, bytes):
        answer = [answer] if answer else []
    resources = (_loads(part) if isinstance(part, bytes) else part for part in answer)
    return [inner for resource in resources for inner in _inside(resource)]


def _inside(resource: Resource) -> list[Resource]:
    if resource.get("resourceType") != "Bundle":
        return [resource]
    entries = resource.get("entry", ())
    return [inner for entry in entries for inner in _inside(entry.get("resource", {}))]


def _loads(json: bytes) -> Resource:
    try:
        body: Resource = orjson.loads(json)
    except orjson.JSONDecodeError:
        # A number that is too large for orjson.
        body = fhirjson.loads(json)
    return body
