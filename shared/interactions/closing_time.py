"""$closing: how a session closes, and when it does so by itself."""

from shared import fhirjson, instants
from shared.access import Actor
from shared.interactions import attaching, detaching
from shared.interactions.read import there
from shared.interactions.session_operations import check_is_session
from shared.sessions import due, kinds
from shared.sight import Sight
from shared.store.records import EncounterRecord
from shared.store.transactions import settle
from shared.store.work import Work


def closing_time(actor: Actor, session_id: str) -> bytes:
    """Give a Parameters resource as JSON. Raises NotFound, Deleted and BusinessRule."""
    return settle(lambda: _told(actor, session_id))


def _told(actor: Actor, session_id: str) -> bytes:
    work = Work(actor, instants.now())
    found = work.encounter(session_id, closing=True)
    seen = found if Sight(actor, "r").sees_record(found) else None
    session = there(seen, "Encounter", session_id)
    check_is_session(work, session)
    closes = _closes(work, session)
    told = [{"name": "policy", "valueCode": session.policy}]
    told += [{"name": "closes", "valueInstant": closes}] if closes else []
    return fhirjson.dumps({"resourceType": "Parameters", "parameter": told})


def _closes(work: Work, session: EncounterRecord) -> str:
    """Give when the schedule closes a session, as things stand; nothing where it does not."""
    if session.closing:
        return session.closing.at
    if not kinds.is_open(session.resource):
        return ""
    moment = due.closes_at(attaching.opened(session, detaching.active(work, session)))
    return attaching.spread(session, moment) if moment else ""
