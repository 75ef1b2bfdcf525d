"""The operation $closing: a session's policy, and when the server will close it."""

from shared.access.caller import Caller
from shared.access.visibility import Visibility
from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.fhir import fhirjson, instants
from shared.interactions.operations.session_access import check_is_session
from shared.interactions.read import existing_record
from shared.rules import classification, schedule
from shared.sessions import detaching, due_dates
from shared.store.records import EncounterRecord
from shared.store.transactions import with_retries


def closing_parameters(caller: Caller, session_id: str) -> bytes:
    """Return the policy and closing time of a session as a Parameters resource in JSON.

    Raises NotFound, Deleted, and BusinessRule if the Encounter is not a session.
    """
    return with_retries(lambda: _parameters(caller, session_id))


def _parameters(caller: Caller, session_id: str) -> bytes:
    work = AuditedUnitOfWork(caller, instants.now())
    record = work.encounter(session_id, closing=True)
    visible = record if Visibility(caller, "r").sees_record(record) else None
    session = existing_record(visible, "Encounter", session_id)
    check_is_session(work, session)
    closes = _closes(work, session)
    parameters = [{"name": "policy", "valueCode": session.policy}]
    parameters += [{"name": "closes", "valueInstant": closes}] if closes else []
    return fhirjson.dumps({"resourceType": "Parameters", "parameter": parameters})


def _closes(work: AuditedUnitOfWork, session: EncounterRecord) -> str:
    """Return when the schedule closes a session as things stand; empty if it does not."""
    if session.closing:
        return session.closing.at
    if not classification.is_open(session.resource):
        return ""
    moment = schedule.scheduled_end(
        due_dates.timing(session, detaching.last_activity(work, session))
    )
    return instants.to_text(moment) if moment else ""
