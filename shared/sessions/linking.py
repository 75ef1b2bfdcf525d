"""Links to sessions that clients write, on a thread's header or on a single message."""

from dataclasses import replace

from shared.audit.work import Work
from shared.errors import BusinessRule
from shared.fhir import instants
from shared.rules import classification, policies, transitions
from shared.rules.policies import DAILY, EXPLICIT, THREAD, Policy
from shared.rules.state import Adoption, Slot, SlotKey, slot_key
from shared.sessions import attaching, closing, deployment, detaching, opening
from shared.store.records import CommunicationRecord, EncounterRecord

_ELEMENT = "Communication.encounter"


def relink(work: Work, thread: str, encounter_id: str, policy: Policy, patient: str = "") -> bool:
    """Link a thread to another Encounter, or unlink it if the id is empty.

    From now on its messages join that session. Return whether the Encounter is a plain record, to
    which nothing attaches. `patient` is the patient whose day it is under `daily` with scope
    `patient`. Raises BusinessRule if the Encounter takes no threads.
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
        work.save(transitions.unlinked(state))
    elif classification.is_open(encounter.resource):
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
    """Make a client's Encounter the session of today, unless today has one.

    A link to a plain record only unlinks the thread. Raises BusinessRule if today has another
    session, or the Encounter is another day's or has ended.
    """
    key = attaching.day_key(policy, state.key.partition, patient, work.now)
    slot = work.slot(key)
    if detaching.is_taken(work, slot, encounter.id):
        raise BusinessRule(
            f"{key.day} already has a session: Encounter/{slot.session}",
            expression=_ELEMENT,
            diagnostics="A day has only one session. Link the thread to that one",
        )
    if encounter.home and slot_key(encounter.home).day != key.day:
        day = slot_key(encounter.home).day
        raise BusinessRule(
            f"Encounter/{encounter.id} is the session of {day}",
            expression=_ELEMENT,
            diagnostics=f"It cannot be the session of {key.day} too. Link another Encounter",
        )
    work.save(transitions.unlinked(state))
    if plain:
        return
    if slot.session == encounter.id:
        attaching.reach_day(work, encounter.id, state.key.partition, key.day, policy=policy)
        return
    if not classification.is_open(encounter.resource):
        _refuse_ended(encounter)
    attaching.attach_day(work, slot, encounter, state.key.partition, policy)


def _linkable(work: Work, encounter_id: str) -> EncounterRecord:
    """Read an Encounter that a thread may be linked to. Raises BusinessRule if it may not."""
    encounter = work.encounter(encounter_id)
    if encounter is None or encounter.deleted:
        raise BusinessRule(f"Encounter/{encounter_id} does not exist", expression=_ELEMENT)
    if session := attaching.session_of_medical_encounter(work, encounter):
        raise BusinessRule(
            "A thread can be linked to a session, but not to a medical encounter",
            expression=_ELEMENT,
            diagnostics=f"Link it to the session, Encounter/{session}",
        )
    if attaching.is_session(encounter) and encounter.resource.get("status") in classification.VOID:
        _refuse_ended(encounter)
    return encounter


def _refuse_ended(encounter: EncounterRecord) -> None:
    status = encounter.resource.get("status")
    raise BusinessRule(
        f"Encounter/{encounter.id} is {status}",
        expression=_ELEMENT,
        diagnostics="A thread cannot be linked to a session with this status",
    )


def _adopt_late(work: Work, slot: Slot, encounter: EncounterRecord, policy: Policy) -> None:
    """Let a finished session adopt the messages that wait for a link; its period stays.

    This is documentation after the fact, and only under `explicit`: otherwise raises BusinessRule.
    """
    if policy.name != EXPLICIT:
        _refuse_ended(encounter)
    thread = slot.key.partition
    if transitions.waiting(slot):
        work.save(Adoption(thread=thread, epoch=slot.epoch, session=encounter.id, late=True))
        span = work.span(encounter.id, thread)
        span = transitions.span_widened(span, encounter.id, thread, slot.low)
        work.save(transitions.span_widened(span, encounter.id, thread, slot.high))
    work.save(transitions.emptied(slot))
    work.save(encounter)


def detach(work: Work, thread: str, *, gone: bool = False) -> None:
    """Detach a thread that is completed or, if `gone`, no longer a thread, from its session.

    A session that is left without threads is closed if the server opened it. Under `thread` a
    client's is closed too when its last thread completes, unless it is still planned.
    """
    state = work.slot(SlotKey(thread))
    if state.session:
        left = detaching.leave(work, state)
        work.save(transitions.emptied(state))
        has_begun = left.resource.get("status") != classification.PLANNED
        is_over = left.by_server or (left.policy == THREAD and has_begun and not gone)
        if is_over and not left.slots:
            closing.finish(work, left)
    elif gone:
        work.save(transitions.turned(state))


def own_session(work: Work, message: CommunicationRecord, policy: Policy) -> EncounterRecord | None:
    """Return the session that a message's own `encounter` names, or None if that is ignored.

    A plain record is ignored. Under `daily` so is the session of another day than the message's,
    because a client that remembers yesterday's id still posts into today's session.
    """
    encounter_id = classification.linked(message.resource)
    encounter = work.encounter(encounter_id) if encounter_id else None
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
            f"The thread is linked to another session, Encounter/{slot.session}",
            expression="Communication.encounter",
            diagnostics="A message can name only a session that its thread has or had",
        )


def check_own_update(work: Work, message: CommunicationRecord) -> None:
    """Check the new `encounter` of a message that already counts.

    Raises BusinessRule if its thread is attached to another session and never had that one.
    """
    slot = work.slot(SlotKey(message.place.thread))
    header = work.communication(message.place.thread)
    if slot.open and header:
        own = own_session(work, message, deployment.policy_of(header))
        check_own(work, message, slot, own)


def join_own(
    work: Work, message: CommunicationRecord, slot: Slot, own: EncounterRecord
) -> CommunicationRecord:
    """Add a message to the session that it names itself, where its header names none."""
    work.save(transitions.noticed(slot))
    counted = opening.arrived(work, Slot(key=slot.key), message).figures
    joined = replace(own, figures=own.figures.merged(counted))
    work.save(joined)
    attaching.begun_earlier(work, joined, message.at)
    attaching.widen(work, own.id, message.place)
    return replace(message, session=own.id)
