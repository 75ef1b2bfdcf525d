"""Corrections of a session when one of its messages ceases to count, or counts again."""

from enum import Enum

from shared.rules.classification import FINISHED, NamedEncounter
from shared.rules.state import Figures, Slot


class Recount(Enum):
    """The correction when a message ceases to count, or counts again.

    MARK_SLOT and MARK_SESSION: its figures are marked dirty, so that whoever closes the session
    reads its messages. AMEND: the session is finished and corrected at once.
    """

    MARK_SLOT = "mark slot"
    MARK_SESSION = "mark session"
    AMEND = "amend"
    NOTHING = "nothing"


class Amendment(Enum):
    """The correction of a finished session by the messages that still count."""

    UPDATE_PERIOD = "update period"
    MARK_IN_ERROR = "mark in error"
    KEEP_RESOURCE = "keep resource"


def decide(session: NamedEncounter | None, slot: Slot, *, waits: bool, is_late: bool) -> Recount:
    """Return what is corrected when a message ceases to count, or counts again.

    `session` is its effective session; without one it may be among those that wait for a link.
    `is_late`: the session adopted it after finishing, so that it does not count for the period.
    """
    if session is None:
        return Recount.MARK_SLOT if waits else Recount.NOTHING
    if slot.open and slot.session == session.id:
        return Recount.MARK_SLOT
    if is_late:
        return Recount.NOTHING
    return Recount.AMEND if session.status == FINISHED else Recount.MARK_SESSION


def is_neither_first_nor_last(known: Figures, at: str) -> bool:
    """Return whether a message is certainly neither the first nor the last of its session."""
    return known.first < at < known.last and not known.dirty


def amendment(figures: Figures, *, by_server: bool) -> Amendment:
    """Return what becomes of a finished session with the figures of the messages that still count.

    Without any, a session that the server opened was an error, and a client's is left as it was.
    """
    if figures.first:
        return Amendment.UPDATE_PERIOD
    return Amendment.MARK_IN_ERROR if by_server else Amendment.KEEP_RESOURCE
