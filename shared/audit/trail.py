"""What is known of the request at hand, for the audit trail: by whom, what for, what it wrote."""

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from shared import fhirjson, instants, ulids
from shared.access import Actor, compartments
from shared.access.actor import DEFAULT_TENANT
from shared.catalog.interactions import Interaction

# An answer's JSON, or the resources that it shows.
type Answer = bytes | Sequence[dict[str, Any]]

_LEAST_FAILURE = 400
# What of an event its log line says anyhow.
OF_LINE = (
    *("type", "id", "version", "operation", "parameters"),
    *("request", "status", "issues"),
)


@dataclass(slots=True)
class Trail:
    """One request: `origin` is its id and IP address, `written` the rows of its transactions."""

    origin: dict[str, str] = field(default_factory=dict)
    who: dict[str, str] = field(default_factory=dict)
    tenant: str = DEFAULT_TENANT
    interaction: Interaction | None = None
    written: list[str] = field(default_factory=list)

    def asked_with(self, claims: Mapping[str, str]) -> None:
        """Note whose token it is, before it is known whether it may ask."""
        self.who = {name: claims[claim] for claim, name in _NAMES.items() if claim in claims}

    def asked_by(self, caller: Actor) -> None:
        """Note who asks."""
        self.who, self.tenant = caller.who, caller.tenant

    def of_entry(self, interaction: Interaction | None) -> "Trail":
        """Begin that of a Bundle's entry which does not come to its own function."""
        return replace(self, interaction=interaction, written=[])

    def line(self, status: int, answer: Answer) -> dict[str, Any]:
        """Return what the log line of a request says for the audit trail alone.

        `events` are the rows that its transactions have written; `audit` is an event that has yet
        to be stored, where there is no such row, or the answer is a failure all the same: what of
        it is not `OF_LINE`.
        """
        if self.interaction and not self.interaction.audit:
            return {}
        done = {"events": self.written} if self.written else {}
        if done and status < _LEAST_FAILURE:
            return done
        now = instants.now()
        event = {
            "at": instants.written(now),
            "who": self.who,
            "interaction": self.interaction.code if self.interaction else "",
            "patients": patients(answer) if status < _LEAST_FAILURE else [],
            **{name: value for name, value in self.origin.items() if name not in OF_LINE},
        }
        event_id = ulids.new(instants.nanoseconds(now) // instants.MILLISECOND)
        return done | {"audit": {"id": event_id, "tenant": self.tenant, "event": event}}


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


def patients(answer: Answer) -> list[str]:
    """Give the patients whom the resources of an answer are about, as references."""
    resources = _resources(answer) if isinstance(answer, bytes) else answer
    return sorted(frozenset().union(*map(compartments.patients, resources)))


def _resources(answer: bytes) -> list[dict[str, Any]]:
    if not answer:
        return []
    try:
        body = orjson.loads(answer)
    except orjson.JSONDecodeError:
        # A number that is larger than any of a processor's own.
        body = fhirjson.loads(answer)
    entries = body.get("entry", ()) if body["resourceType"] == "Bundle" else [{"resource": body}]
    return [entry.get("resource", {}) for entry in entries]
