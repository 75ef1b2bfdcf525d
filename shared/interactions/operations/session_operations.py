"""The operations $add-patient and $close-session on an existing session."""

from shared.access import Actor
from shared.audit.work import Work
from shared.errors import BusinessRule, NotFound
from shared.interactions import write_access
from shared.interactions.operations.parameters import Values, relative
from shared.interactions.read import look_on, there
from shared.references import checks
from shared.rules import classification, new_session
from shared.sessions import attaching, changes, closing, patients
from shared.sessions.changes import Outcome
from shared.settings import settings
from shared.store import meter
from shared.store.records import EncounterRecord


def add_patient(actor: Actor, interaction: str, session_id: str, values: Values) -> Outcome:
    """Add a patient to an open session. Raises NotFound, Deleted and BusinessRule."""

    def change(work: Work) -> Outcome:
        session = _session(work, session_id)
        system = settings().encounter_type_system
        child = new_session.medical_encounter("", session_id, values["patient"][0], "", system)
        write_access.check_scopes(work, "c", child)
        with write_access.untold(work, session.resource):
            checks.check(work, session.resource, child | {"partOf": {}})
            patients.add(work, session, relative(values["patient"][0]))
        return Outcome(work.encounter(session_id))

    return changes.make(actor, interaction, change)


def close_session(actor: Actor, interaction: str, session_id: str) -> Outcome:
    """Finish a session. A session that is already finished stays unchanged.

    Raises NotFound, Deleted, and BusinessRule if it was cancelled or is not a session.
    """

    def change(work: Work) -> Outcome:
        session = _session(work, session_id)
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


def _session(work: Work, session_id: str) -> EncounterRecord:
    """Read a session that the caller may update.

    Raises NotFound, Deleted, Forbidden, and BusinessRule if the Encounter is not a session.
    """
    begun = meter.accesses()
    encounter = work.encounter(session_id)
    if encounter is None or not work.sight.sees_record(encounter):
        look_on(work.sight, "Encounter", session_id, begun)
        raise NotFound(f"Encounter/{session_id} does not exist")
    there(encounter, "Encounter", session_id)
    write_access.check_scopes(work, "u", encounter.resource)
    with write_access.untold(work, encounter.resource):
        check_is_session(work, encounter)
    return encounter


def check_is_session(work: Work, encounter: EncounterRecord) -> None:
    """Raise BusinessRule if an Encounter is not a session, naming a medical encounter's session."""
    session_id = encounter.id
    if parent := attaching.session_of_medical_encounter(work, encounter):
        raise BusinessRule(
            f"Encounter/{session_id} is a medical encounter",
            expression="Encounter.partOf",
            diagnostics=f"Its session is Encounter/{parent}",
        )
    if not attaching.is_session(encounter):
        raise BusinessRule(
            f"Encounter/{session_id} is not a session",
            expression="Encounter.class",
            diagnostics="A session has class VR or type session, and no partOf",
        )
