"""The operation $add-patient on an open session."""

from shared.access.caller import Caller
from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.interactions import write_access
from shared.interactions.operations.parameters import Values, relative_reference
from shared.interactions.operations.session_access import writable_session
from shared.references import checks
from shared.rules import new_session
from shared.sessions import changes, patients
from shared.sessions.changes import ChangeResult
from shared.settings import settings


def add_patient(caller: Caller, interaction: str, session_id: str, values: Values) -> ChangeResult:
    """Add a patient to an open session. Raises NotFound, Deleted and BusinessRule."""

    def change(work: AuditedUnitOfWork) -> ChangeResult:
        session = writable_session(work, session_id)
        system = settings().encounter_type_system
        child = new_session.medical_encounter("", session_id, values["patient"][0], "", system)
        write_access.check_scopes(work, "c", child)
        with write_access.hide_error_details(work, session.resource):
            checks.require_targets(work, session.resource, child | {"partOf": {}})
            patients.add(work, session, relative_reference(values["patient"][0]))
        return ChangeResult(work.encounter(session_id))

    return changes.commit_change(caller, interaction, change)
