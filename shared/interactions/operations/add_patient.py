"""The operation $add-patient on an open session."""

from shared.access import Actor
from shared.audit.work import Work
from shared.interactions import write_access
from shared.interactions.operations.parameters import Values, relative
from shared.interactions.operations.session_access import writable_session
from shared.references import checks
from shared.rules import new_session
from shared.sessions import changes, patients
from shared.sessions.changes import Outcome
from shared.settings import settings


def add_patient(actor: Actor, interaction: str, session_id: str, values: Values) -> Outcome:
    """Add a patient to an open session. Raises NotFound, Deleted and BusinessRule."""

    def change(work: Work) -> Outcome:
        session = writable_session(work, session_id)
        system = settings().encounter_type_system
        child = new_session.medical_encounter("", session_id, values["patient"][0], "", system)
        write_access.check_scopes(work, "c", child)
        with write_access.untold(work, session.resource):
            checks.check(work, session.resource, child | {"partOf": {}})
            patients.add(work, session, relative(values["patient"][0]))
        return Outcome(work.encounter(session_id))

    return changes.make(actor, interaction, change)
