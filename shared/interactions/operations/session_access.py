"""The session that an operation is called on."""

from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.errors import NotFound
from shared.interactions import write_access
from shared.interactions.read import equalize_reads, existing_record
from shared.rules import lifecycle
from shared.sessions import attaching
from shared.store import meter
from shared.store.records import EncounterRecord


def writable_session(work: AuditedUnitOfWork, session_id: str) -> EncounterRecord:
    """Read a session that the caller may update.

    Raises NotFound, Deleted, Forbidden, and BusinessRule if the Encounter is not a session.
    """
    begun = meter.accesses()
    encounter = work.encounter(session_id)
    if encounter is None or not work.visibility.sees_record(encounter):
        equalize_reads(work.visibility, "Encounter", session_id, begun)
        raise NotFound(f"Encounter/{session_id} does not exist")
    existing_record(encounter, "Encounter", session_id)
    write_access.check_scopes(work, "u", encounter.resource)
    with write_access.hide_error_details(work, encounter.resource):
        check_is_session(work, encounter)
    return encounter


def check_is_session(work: AuditedUnitOfWork, encounter: EncounterRecord) -> None:
    """Raise BusinessRule if an Encounter is not a session, naming a medical encounter's session."""
    parent = attaching.parent_session_id(work, encounter)
    lifecycle.check_is_session(encounter.id, parent, is_session=attaching.is_session(encounter))
