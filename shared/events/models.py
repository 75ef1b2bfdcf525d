"""The events that are published, as pydantic models. Their JSON Schemas are public.

An event names what happened, and the resource that it happened to. Of the resource's content it has
only references and instants: whoever wants to know more reads it, with rights of their own.
"""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shared.fhir import ulids

Reference = Annotated[str, StringConstraints(pattern="^[A-Z][A-Za-z]+/[A-Za-z0-9.-]{1,64}$")]
Instant = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
_ENCOUNTER = "The Encounter that the header names, or named until now; it may be no session"


class Event(BaseModel):
    """The fields of every event.

    `sequence` is what consumers order by, `version` what they read. Both are the same number today;
    whoever orders by `sequence` does not depend on that.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(
        pattern=f"^{ulids.PATTERN.pattern}$",
        description="A ULID; an event that is delivered again has the same",
    )
    sequence: int = Field(
        ge=1,
        description="Rises with each write of the resource: of two events about it, the one with "
        "the greater sequence is the later; those of one write have the same",
    )
    time: Instant = Field(description="When it happened")
    tenant: str = Field(description="Whose it is; `-` if the deployment has one tenant for all")
    reference: Reference = Field(description="The resource that it happened to")
    version: int = Field(ge=1, description="The version of the resource that it happened with")


class ResourceCreated(Event):
    """A resource was created, or written again after it had been deleted."""


class ResourceUpdated(Event):
    """A resource has a new version."""


class ResourceDeleted(Event):
    """A resource was deleted."""


class SessionOpened(Event):
    """A session has begun, or is open again."""

    policy: str | None = Field(
        None, description="How it begins and ends: explicit, thread or daily; none if not known"
    )


class SessionClosed(SessionOpened):
    """A session has ended: finished, cancelled, entered in error or deleted."""

    first: Instant | None = Field(None, description="When its first message counts; none without")
    last: Instant | None = Field(None, description="When its last message counts; none without")


class SessionAmended(SessionClosed):
    """A late or retracted message has changed a session that had ended."""


class MessageJoinedSession(Event):
    """A message belongs to a session from now on, and counts in it."""

    session: Reference = Field(description="The session")
    thread: Reference = Field(description="The header of the message's thread")
    at: Instant = Field(description="When the message counts")


class ThreadLinked(Event):
    """A thread's header names an Encounter from now on, to which its messages belong."""

    encounter: Reference = Field(description=_ENCOUNTER)
    since: Instant | None = Field(
        None,
        description="When the earliest message counts that had waited for this link; the session "
        "has those messages now, without an event of their own",
    )


class ThreadUnlinked(Event):
    """A thread's header no longer names an Encounter, names another one, or was deleted."""

    encounter: Reference = Field(description=_ENCOUNTER)


EVENTS: dict[str, type[Event]] = {
    model.__name__: model
    for model in (
        SessionOpened,
        SessionClosed,
        SessionAmended,
        MessageJoinedSession,
        ThreadLinked,
        ThreadUnlinked,
        ResourceCreated,
        ResourceUpdated,
        ResourceDeleted,
    )
}


def schema(name: str, url: str) -> dict[str, Any]:
    """Return the JSON Schema of an event, with its URL as its id.

    https://json-schema.org/draft/2020-12/schema
    """
    draft = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": url}
    return draft | EVENTS[name].model_json_schema()
