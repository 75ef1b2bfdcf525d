"""A client's link to a session: from a thread, attaching, adopting, detaching; from one message."""

from dataclasses import replace

from shared import instants
from shared.errors import BusinessRule
from shared.interactions import attaching, closing, deployment, detaching, openings
from shared.sessions import kinds, policies, slots
from shared.sessions.policies import DAILY, EXPLICIT, THREAD, Policy
from shared.sessions.state import Adoption, Slot, SlotKey, slot_key
from shared.store.records import CommunicationRecord, EncounterRecord
from shared.store.work import Work

_ELEMENT = "Communication.encounter"


def relink(work: Work, thread: str, encounter_id: str, policy: Policy, patient: str = "") -> bool:
    """Let a thread's messages join another session from now on, or none where the id is empty.

    Gives whether the Encounter is a plain record, to which nothing attaches. `patient` is whose
    day it is under daily, scope patient. Raises BusinessRule where that Encounter takes no threads.
    """
    state = work.slot(SlotKey(thread))
    encounter = _linkable(work, encounter_id) if encounter_id else None
    if encounter and encounter.id == state.session:
        return False
    plain = encounter is not None and not attaching.is_session(encounter)
    left = detaching.leave(work, state) if state.session else None
    if policy.name == DAILY and encounter:
        _link_day(work, state, encounter, policy, patient, plain=plain)
    elif encounter is None or plain:
        work.save(slots.unlinked(state))
    elif kinds.is_open(encounter.resource):
        attaching.attach(work, state, encounter)
    else:
        _adopt_late(work, state, encounter, policy)
    if left and left.by_server and not left.slots:
        closing.finish(work, left)
    return plain


def _link_day(
    work: Work,
    state: Slot,
    encounter: EncounterRecord,
    policy: Policy,
    patient: str,
    *,
    plain: bool,
) -> None:
    """Give today a session of the client's own, or none at all, while it has no other."""
    key = attaching.day_key(policy, state.key.partition, patient, work.now)
    slot = work.slot(key)
    if detaching.is_taken(work, slot, encounter.id):
        raise BusinessRule(
            f"{key.day} has Encounter/{slot.session} already",
            expression=_ELEMENT,
            diagnostics="A day has one session",
        )
    if encounter.home and slot_key(encounter.home).day != key.day:
        day = slot_key(encounter.home).day
        raise BusinessRule(
            f"Encounter/{encounter.id} is that of {day}",
            expression=_ELEMENT,
            diagnostics=f"It cannot be that of {key.day} too",
        )
    work.save(slots.unlinked(state))
    if plain:
        return
    if slot.session == encounter.id:
        attaching.reach_day(work, encounter.id, state.key.partition, key.day, policy=policy)
        return
    if not kinds.is_open(encounter.resource):
        _refuse_ended(encounter)
    attaching.attach_day(work, slot, encounter, state.key.partition, policy)


def _linkable(work: Work, encounter_id: str) -> EncounterRecord:
    encounter = work.encounter(encounter_id)
    if encounter is None or encounter.deleted:
        raise BusinessRule(f"Encounter/{encounter_id} does not exist", expression=_ELEMENT)
    if session := attaching.session_of_medical_encounter(work, encounter):
        raise BusinessRule(
            "A thread is linked to a session, not to a medical encounter",
            expression=_ELEMENT,
            diagnostics=f"The session is Encounter/{session}",
        )
    if attaching.is_session(encounter) and encounter.resource.get("status") in kinds.VOID:
        _refuse_ended(encounter)
    return encounter


def _refuse_ended(encounter: EncounterRecord) -> None:
    status = encounter.resource.get("status")
    raise BusinessRule(
        f"Encounter/{encounter.id} is {status}",
        expression=_ELEMENT,
        diagnostics="A thread cannot be linked to it",
    )


def _adopt_late(work: Work, slot: Slot, encounter: EncounterRecord, policy: Policy) -> None:
    """Document after the fact: a finished session takes in what waited, its period stays."""
    if policy.name != EXPLICIT:
        _refuse_ended(encounter)
    thread = slot.key.partition
    if slots.waiting(slot):
        work.save(Adoption(thread=thread, epoch=slot.epoch, session=encounter.id, late=True))
        span = work.span(encounter.id, thread)
        span = slots.span_widened(span, encounter.id, thread, slot.low)
        work.save(slots.span_widened(span, encounter.id, thread, slot.high))
    work.save(slots.emptied(slot))
    work.save(encounter)


def detach(work: Work, thread: str, *, gone: bool = False) -> None:
    """Take a thread that is completed out of its session, if it has one; or one that is `gone`.

    A session that has no thread left then is closed, if the server opened it or if it ends with
    its threads: one that is planned is yet to come.
    """
    state = work.slot(SlotKey(thread))
    if state.session:
        left = detaching.leave(work, state)
        work.save(slots.emptied(state))
        has_begun = left.resource.get("status") != kinds.PLANNED
        is_over = left.by_server or (left.policy == THREAD and has_begun and not gone)
        if is_over and not left.slots:
            closing.finish(work, left)
    elif gone:
        work.save(slots.turned(state))


def own_session(work: Work, message: CommunicationRecord, policy: Policy) -> EncounterRecord | None:
    """Return the session that a message names by itself, if that decides anything.

    A plain record is no session. Under daily the session of another day than the message's decides
    nothing: a client that remembers yesterday's id still posts into today's.
    """
    named = kinds.linked(message.resource)
    encounter = work.encounter(named) if named else None
    if encounter is None or not attaching.is_session(encounter):
        return None
    if policy.name == policies.DAILY and encounter.home:
        day = policies.day_of(instants.read(message.at), policy.zone)
        return encounter if slot_key(encounter.home).day == day else None
    return encounter


def check_own(
    work: Work, message: CommunicationRecord, slot: Slot, own: EncounterRecord | None
) -> None:
    """Raise BusinessRule if the thread is attached to another session and never had this one."""
    if own and own.id != slot.session and not work.span(own.id, message.place.thread):
        raise BusinessRule(
            f"The thread belongs to Encounter/{slot.session}",
            expression="Communication.encounter",
            diagnostics="Its messages cannot name a session that it never had",
        )


def check_own_update(work: Work, message: CommunicationRecord) -> None:
    """Check a session that a message which counts already is linked to. Raises BusinessRule."""
    slot = work.slot(SlotKey(message.place.thread))
    header = work.communication(message.place.thread)
    if slot.open and header:
        own = own_session(work, message, deployment.policy_of(header))
        check_own(work, message, slot, own)


def join_own(
    work: Work, message: CommunicationRecord, slot: Slot, own: EncounterRecord
) -> CommunicationRecord:
    """Join the session that the message itself names, where the header names none."""
    work.save(slots.noticed(slot))
    counted = openings.arrived(work, Slot(key=slot.key), message).figures
    joined = replace(own, figures=own.figures.merged(counted))
    work.save(joined)
    attaching.begun_earlier(work, joined, message.at)
    attaching.widen(work, own.id, message.place)
    return replace(message, session=own.id)
