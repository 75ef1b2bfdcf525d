"""The operation $close-session on a session."""

from shared.access import Actor
from shared.audit.work import Work
from shared.errors import BusinessRule
from shared.interactions import write_access
from shared.interactions.operations.session_access import writable_session
from shared.rules import classification
from shared.sessions import changes, closing
from shared.sessions.changes import Outcome
from shared.store.records import EncounterRecord


def close_session(actor: Actor, interaction: str, session_id: str) -> Outcome:
    """Finish a session. A session that is already finished stays unchanged.

    Raises NotFound, Deleted, and BusinessRule if it was cancelled or is not a session.
    """

    def change(work: Work) -> Outcome:
        session = writable_session(work, session_id)
        with write_access.untold(work, session.resource):
            return Outcome(_closed(work, session))

    return changes.make(actor, interaction, change)


def _closed(work: Work, session: EncounterRecord) -> EncounterRecord:
    """Return a session's finished record; close it if it is open."""
    if classification.is_open(session.resource):
        return closing.finish(work, session)
    if session.resource["status"] != classification.FINISHED:
        raise BusinessRule(
            f"Encounter/{session.id} is {session.resource['status']}",
            expression="Encounter.status",
            diagnostics="A session with this status cannot be closed",
        )
    return session
