"""A message's way into a session, and what changes when it is taken back."""

from dataclasses import replace

from shared.errors import BusinessRule
from shared.interactions import closing, links, versions
from shared.resources.patching import without_generated_text
from shared.sessions import kinds, slots, times
from shared.sessions.state import Adoption, Slot, adopted
from shared.settings import settings
from shared.store.records import CommunicationRecord, EncounterRecord
from shared.store.work import Work


def count(
    work: Work, before: CommunicationRecord | None, message: CommunicationRecord
) -> CommunicationRecord:
    """Save a message, with what its beginning or ceasing to count means for its session."""
    if message.counts and not message.at:
        message = arrive(work, message)
    elif before and message.counts != before.counts:
        _recount(work, message)
    elif before and before.at and message.place != before.place:
        _follow(work, message)
    work.save(message)
    return message


def arrive(work: Work, message: CommunicationRecord) -> CommunicationRecord:
    """Give a message that counts for the first time its *at* and its effective session or epoch."""
    slot = work.slot(message.place.thread)
    at = times.at(message.resource, work.now, settings().zone)
    message = replace(message, at=at)
    own = _own_session(work, message)
    if slot.session:
        if own and own.id != slot.session and not work.span(own.id, slot.thread):
            raise BusinessRule(
                f"The thread belongs to Encounter/{slot.session}",
                expression="Communication.encounter",
            )
        return _join(work, message, slot)
    header = work.communication(slot.thread)
    linked = kinds.linked(header.resource) if header else ""
    session = work.encounter(linked) if linked else None
    if session and _takes_messages(session):
        links.attach(work, slot, session)
        return _join(work, message, work.slot(slot.thread))
    if own and not linked and _takes_messages(own):
        return _join_by_itself(work, message, slot, own)
    work.save(_arrived(work, message, slot))
    return replace(message, epoch=slot.epoch)


def _own_session(work: Work, message: CommunicationRecord) -> EncounterRecord | None:
    """Give the session that the message's own `encounter` names; a plain record is none."""
    named = kinds.linked(message.resource)
    encounter = work.encounter(named) if named else None
    if encounter and kinds.is_session(encounter.resource, settings().encounter_type_system):
        return encounter
    return None


def _takes_messages(encounter: EncounterRecord) -> bool:
    resource = encounter.resource
    return kinds.is_open(resource) and kinds.is_session(resource, settings().encounter_type_system)


def _arrived(work: Work, message: CommunicationRecord, slot: Slot) -> Slot:
    return slots.arrived(
        slot,
        at=message.at,
        key=message.place.sort,
        sender=kinds.sender(message.resource),
        received=work.instant,
    )


def _join(work: Work, message: CommunicationRecord, slot: Slot) -> CommunicationRecord:
    """Join the session that the thread is attached to."""
    if not slot.figures.first or message.at < slot.figures.first:
        _begin_earlier(work, slot.session, message.at)
    if not slot.low or message.place.sort < slot.low:
        _widen(work, slot.session, message)
    work.save(_arrived(work, message, slot))
    return replace(message, session=slot.session)


def _join_by_itself(
    work: Work, message: CommunicationRecord, slot: Slot, session: EncounterRecord
) -> CommunicationRecord:
    """Join the session that the message itself names, where the header names none."""
    work.save(slots.noticed(slot))
    one = slots.arrived(
        Slot(thread=slot.thread),
        at=message.at,
        key=message.place.sort,
        sender=kinds.sender(message.resource),
        received=work.instant,
    )
    work.save(replace(session, figures=session.figures.merged(one.figures)))
    _begin_earlier(work, session.id, message.at)
    _widen(work, session.id, message)
    return replace(message, session=session.id)


def _begin_earlier(work: Work, session_id: str, at: str) -> None:
    """Correct a session's beginning, where the server wrote it and the message is before it."""
    session = work.encounter(session_id)
    if session is None or "start" not in session.filled:
        return
    period = session.resource["period"]
    if at < period["start"]:
        corrected = session.resource | {"period": period | {"start": at}}
        corrected = without_generated_text(session.resource, corrected)
        work.save(versions.of_encounter(work, session, corrected))


def _widen(work: Work, session_id: str, message: CommunicationRecord) -> None:
    thread, key = message.place.thread, message.place.sort
    span = work.span(session_id, thread)
    widened = slots.span_widened(span, session_id, thread, key)
    if span is None or widened.low != span.low or (span.high and widened.high != span.high):
        work.save(widened)


def _effective(work: Work, message: CommunicationRecord) -> tuple[str, Adoption | None]:
    """Give the id of a message's effective session, and the adoption that made it so."""
    if message.session or message.epoch is None:
        return message.session, None
    adoption = adopted(message.epoch, work.adoptions(message.place.thread))
    return (adoption.session if adoption else ""), adoption


def _follow(work: Work, message: CommunicationRecord) -> None:
    """Widen what leads to a message that has moved within its thread."""
    session_id, _ = _effective(work, message)
    slot = work.slot(message.place.thread)
    if not session_id:
        work.save(slots.widened(slot, message.place.sort))
        return
    span = work.span(session_id, message.place.thread)
    widened = slots.span_widened(span, session_id, message.place.thread, message.place.sort)
    if widened != span:
        work.save(widened)


def _recount(work: Work, message: CommunicationRecord) -> None:
    """Bring figures up to date when a message ceases to count, or counts again."""
    session_id, adoption = _effective(work, message)
    slot = work.slot(message.place.thread)
    if not session_id or session_id == slot.session:
        work.save(slots.retracted(slot))
        return
    session = work.encounter(session_id)
    if session is None or (adoption and adoption.late):
        return
    if session.deleted or session.resource["status"] != "finished":
        work.save(replace(session, figures=replace(session.figures, dirty=True)))
        return
    closing.amend(work, session, message)
