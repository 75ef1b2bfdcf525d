"""What is known of the request at hand, for the audit trail: by whom, what for, what it wrote."""

from collections.abc import Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from shared.access import Actor
from shared.access.actor import DEFAULT_TENANT
from shared.audit import events
from shared.catalog.interactions import Interaction
from shared.catalog.types import TYPES
from shared.fhir import fhirjson, instants, ulids
from shared.rules import compartments

type Resource = dict[str, Any]
# An answer's JSON, or the resources that it shows, each whole.
type Answer = bytes | Sequence[bytes | Resource]

_LEAST_FAILURE, _LEAST_ERROR = 400, 500
# What of an event its log line says anyhow.
IN_LOG_LINE = (
    *("type", "id", "version", "operation", "parameters"),
    *("request", "status", "issues"),
)


@dataclass(slots=True)
class Trail:
    """One request: `origin` is its id and IP address, `written` the rows of its transactions.

    `form` is what it asks in its body, `proposed` are the patients of what it would write.
    """

    origin: dict[str, str] = field(default_factory=dict)
    who: dict[str, str] = field(default_factory=dict)
    tenant: str = DEFAULT_TENANT
    interaction: Interaction | None = None
    written: list[str] = field(default_factory=list)
    has_token: bool = False
    form: list[tuple[str, str]] = field(default_factory=list)
    proposed: set[str] = field(default_factory=set)

    def note_claims(self, claims: Mapping[str, str]) -> None:
        """Note whose token it is, if there is one, before it is known whether it may ask."""
        self.has_token = bool(claims)
        known = {name: claims[claim] for claim, name in _NAMES.items() if claim in claims}
        self.who = events.shortened_claims(known)

    def proposes(self, resource: Resource) -> None:
        """Note whom a resource that is to be written is about, by references to others.

        A query for somebody is no reference, and an own id may still be refused.
        """
        others = compartments.patients(resource) - {f"Patient/{resource.get('id')}"}
        self.proposed |= {name for name in others if "?" not in name}

    def note_caller(self, caller: Actor) -> None:
        """Note who asks."""
        self.who, self.tenant = events.shortened_claims(caller.who), caller.tenant

    def for_entry(self, interaction: Interaction | None) -> "Trail":
        """Begin that of a Bundle's entry which does not come to its own function."""
        return replace(self, interaction=interaction, written=[], form=[], proposed=set())

    def lines(
        self,
        status: int,
        answer: Answer,
        asked: frozenset[str] = frozenset(),
        target: str = "",
    ) -> list[dict[str, Any]]:
        """Return what the log lines of a request say for the audit trail alone; mostly it is one.

        `events` are the rows that its transactions have written; `audit` is an event that has yet
        to be stored, where there is no such row, or the answer is a failure all the same: what of
        it is not `OF_LINE`. `asked` are the references of what the request asks for, `target` that
        of the resource which it is about. Whoever asks without a token leaves nothing.
        """
        if not self.has_token or (self.interaction and not self.interaction.audit):
            return [{}]
        done = {"events": self.written} if self.written else {}
        if done and status < _LEAST_FAILURE:
            return [done]
        now = instants.now()
        if _LEAST_FAILURE <= status < _LEAST_ERROR:  # the line of an error has nothing of a body
            asked |= self.proposed
        event = {
            "at": instants.written(now),
            "who": self.who,
            "interaction": self.interaction.code if self.interaction else "",
            **_about(answer if status < _LEAST_FAILURE else None, asked, target),
            **{name: value for name, value in self.origin.items() if name not in IN_LOG_LINE},
        }
        event_id = ulids.new(instants.nanoseconds(now) // instants.MILLISECOND)
        first, *more = (
            {"audit": {"id": part_id, "tenant": self.tenant, "event": part}}
            for part_id, part in events.split(event_id, event)
        )
        return [done | first, *more]


def _about(answer: Answer | None, asked: frozenset[str], target: str) -> dict[str, Any]:
    """Return whom a request was about; no answer is one of a failure, which shows nothing.

    Whatever shows nothing tells something all the same: of the resource that it was about, or of
    those that a search asked for.
    """
    resources = [] if answer is None else shown_resources(answer)
    patients = {name for name in asked if compartments.is_a("Patient", name)}
    through = frozenset().union(*map(compartments.through, resources))
    if not any(resource.get("resourceType") in TYPES for resource in resources):
        others = asked - patients if answer is not None else frozenset()
        through = (frozenset({target}) if target else others) - patients
    named = {
        "patients": events.shortened_references(
            patients.union(*map(compartments.patients, resources))
        )
    }
    return named | ({"through": sorted(through)} if through else {})


_NAMES = {"sub": "subject", "client_id": "client", "fhirUser": "fhirUser"}
_current: ContextVar[Trail] = ContextVar("trail")


def begin(**origin: str) -> Trail:
    """Begin a request."""
    trail = Trail({name: value for name, value in origin.items() if value})
    _current.set(trail)
    return trail


def current() -> Trail:
    """Give the request at hand; one of its own where none has begun."""
    return _current.get(None) or begin()


def shown_resources(answer: Answer) -> list[Resource]:
    """Return the resources of an answer, those of Bundles within it too."""
    if isinstance(answer, bytes):
        answer = [answer] if answer else []
    resources = (_loads(one) if isinstance(one, bytes) else one for one in answer)
    return [inner for resource in resources for inner in _inside(resource)]


def _inside(resource: Resource) -> Iterator[Resource]:
    if resource.get("resourceType") != "Bundle":
        yield resource
        return
    for entry in resource.get("entry", ()):
        yield from _inside(entry.get("resource", {}))


def _loads(json: bytes) -> Resource:
    try:
        body: Resource = orjson.loads(json)
    except orjson.JSONDecodeError:
        # A number that is larger than any of a processor's own.
        body = fhirjson.loads(json)
    return body
