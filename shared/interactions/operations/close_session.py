"""The operation $close-session on a session."""

from shared.access import Caller
from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.errors import BusinessRule
from shared.interactions import write_access
from shared.interactions.operations.session_access import writable_session
from shared.rules import classification
from shared.sessions import changes, closing
from shared.sessions.changes import ChangeResult
from shared.store.records import EncounterRecord


def close_session(caller: Caller, interaction: str, session_id: str) -> ChangeResult:
    """Finish a session. A session that is already finished stays unchanged.

    Raises NotFound, Deleted, and BusinessRule if it was cancelled or is not a session.
    """

    def change(work: AuditedUnitOfWork) -> ChangeResult:
        session = writable_session(work, session_id)
        with write_access.hide_error_details(work, session.resource):
            return ChangeResult(_closed(work, session))

    return changes.commit_change(caller, interaction, change)


def _closed(work: AuditedUnitOfWork, session: EncounterRecord) -> EncounterRecord:
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
