"""The life of an Encounter: what a write or an operation does to it, and when a day is its own."""

from enum import Enum

from shared.errors import BusinessRule
from shared.fhir.fhirjson import Resource
from shared.rules import transitions
from shared.rules.classification import (
    ENTERED_IN_ERROR,
    FINISHED,
    PLANNED,
    is_open,
    is_open_session,
    is_session,
    parent_id,
)
from shared.rules.state import Figures, Slot


class WriteEffect(Enum):
    """The effect of a write on an Encounter.

    OPEN: it opens or reopens. START: it was planned, and the idle time of its threads begins.
    CLOSE: it ends as a session, with its open children. END: it ends alone, or has ended before.
    KEEP_OPEN: it stays open.
    """

    OPEN = "open"
    START = "start"
    CLOSE = "close"
    END = "end"
    KEEP_OPEN = "keep open"


def decide(before: Resource | None, after: Resource, type_system: str) -> WriteEffect:
    """Return the effect of a write on an Encounter.

    `before` is None if the Encounter is new, and empty if it is deleted.
    """
    previous = before or {}
    if is_open(after):
        if not is_open(previous):
            return WriteEffect.OPEN
        is_started = previous["status"] == PLANNED != after["status"]
        return WriteEffect.START if is_started else WriteEffect.KEEP_OPEN
    was_session = is_session(previous, type_system)
    becomes_session = before is not None and not was_session and is_session(after, type_system)
    if becomes_session or is_open_session(previous, type_system):
        return WriteEffect.CLOSE
    return WriteEffect.END


def begins_in_parent(before: Resource, after: Resource, parent: Resource, type_system: str) -> bool:
    """Return whether a write lets an Encounter begin or reopen in its parent, or move into it.

    `parent` is empty if it is deleted. Raises BusinessRule if it is a session that is not open.
    """
    was_in_parent = is_open(before) and parent_id(before) == parent_id(after)
    if not is_open(after) or was_in_parent:
        return False
    if is_session(parent, type_system) and not is_open(parent):
        raise BusinessRule(
            f"Encounter/{parent_id(after)} is {parent['status']}",
            expression="Encounter.partOf",
            diagnostics="A medical encounter can begin or reopen only in an open session",
        )
    return True


def reclaimed_day(slot: Slot, session_id: str, *, is_taken: bool) -> Slot:
    """Return the slot of the day of a session that is reopened or restored, naming it again.

    `is_taken` says whether it names another session that is not void. Raises BusinessRule then.
    """
    if is_taken:
        raise BusinessRule(
            f"{slot.key.day} already has a session: Encounter/{slot.session}",
            expression="Encounter.status",
            diagnostics="A day has only one session, so this one cannot be opened again",
        )
    return slot if slot.session == session_id else transitions.slot_naming_session(slot, session_id)


def final_status(status: str, figures: Figures, *, by_server: bool) -> str:
    """Return the status in which a session ends.

    One that the server opened and in which no message counts was an error.
    """
    is_empty = by_server and not figures.first
    return ENTERED_IN_ERROR if is_empty and status == FINISHED else status


def check_is_session(encounter_id: str, parent_session: str, *, is_session: bool) -> None:
    """Raise BusinessRule if an Encounter is no session, naming a medical encounter's session."""
    if parent_session:
        raise BusinessRule(
            f"Encounter/{encounter_id} is a medical encounter",
            expression="Encounter.partOf",
            diagnostics=f"Its session is Encounter/{parent_session}",
        )
    if not is_session:
        raise BusinessRule(
            f"Encounter/{encounter_id} is not a session",
            expression="Encounter.class",
            diagnostics="A session has class VR or type session, and no partOf",
        )


def closes_on_request(session: Resource) -> bool:
    """Return whether $close-session closes a session; a finished one stays as it is.

    Raises BusinessRule if the session was cancelled or entered in error.
    """
    if not is_open(session) and session["status"] != FINISHED:
        raise BusinessRule(
            f"Encounter/{session['id']} is {session['status']}",
            expression="Encounter.status",
            diagnostics="A session with this status cannot be closed",
        )
    return is_open(session)
