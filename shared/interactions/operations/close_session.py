"""The operation $close-session on a session."""

from shared.access.caller import Caller
from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.interactions import write_access
from shared.interactions.operations.session_access import writable_session
from shared.rules import lifecycle
from shared.sessions import changes, closing
from shared.sessions.changes import ChangeResult


def close_session(caller: Caller, interaction: str, session_id: str) -> ChangeResult:
    """Finish a session. A session that is already finished stays unchanged.

    Raises NotFound, Deleted, and BusinessRule if it was cancelled or is not a session.
    """

    def change(work: AuditedUnitOfWork) -> ChangeResult:
        session = writable_session(work, session_id)
        with write_access.hide_error_details(work, session.resource):
            closes = lifecycle.closes_on_request(session.resource)
            return ChangeResult(closing.finish(work, session) if closes else session)

    return changes.commit_change(caller, interaction, change)
