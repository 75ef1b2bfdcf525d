"""Applying a client's link to a thread, and ending the session that it leaves."""

from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.errors import BusinessRule
from shared.rules import arrival as arrival_rules
from shared.rules import classification, transitions
from shared.rules import linking as linking_rules
from shared.rules.linking import LinkEffect
from shared.rules.policies import Policy
from shared.rules.state import Adoption, Slot, SlotKey
from shared.sessions import attaching, closing, detaching, policy_lookup
from shared.store.records import CommunicationRecord, EncounterRecord


def relink(
    work: AuditedUnitOfWork, thread: str, encounter_id: str, policy: Policy, patient: str = ""
) -> bool:
    """Let a thread's messages join another session from now on, or none if the id is empty.

    Return whether the Encounter is a plain record, to which nothing attaches. `patient` is whose
    day it is under daily, scope patient. Raises BusinessRule if that Encounter takes no threads.
    """
    state = work.slot(SlotKey(thread))
    encounter = _existing(work, encounter_id) if encounter_id else None
    day = work.slot(policy.slot_key(thread, patient, work.now)) if encounter else state
    link = _decided(work, encounter, state, day, policy)
    if link is LinkEffect.STAY:
        return False
    left = detaching.remove_from_session(work, state) if state.session else None
    if encounter is None or link is LinkEffect.UNLINK:
        work.save(transitions.unlinked_slot(state))
    else:
        _apply(work, link, encounter, state, day, policy=policy)
    if left:
        _end_if_empty(work, left)
    return link is LinkEffect.UNLINK and encounter is not None


def _existing(work: AuditedUnitOfWork, encounter_id: str) -> EncounterRecord:
    encounter = work.encounter(encounter_id)
    if encounter is None or encounter.deleted:
        raise BusinessRule(
            f"Encounter/{encounter_id} does not exist", expression="Communication.encounter"
        )
    return encounter


def _decided(
    work: AuditedUnitOfWork,
    encounter: EncounterRecord | None,
    state: Slot,
    day: Slot,
    policy: Policy,
) -> LinkEffect:
    if encounter is None:
        return linking_rules.decide(None, state, policy, day, is_taken=False)
    parent_session = attaching.parent_session_id(work, encounter)
    target = attaching.as_named(encounter, day, parent_session=parent_session)
    is_taken = policy.by_day and detaching.is_day_taken(work, day, encounter.id)
    return linking_rules.decide(target, state, policy, day, is_taken=is_taken)


def _apply(
    work: AuditedUnitOfWork,
    link: LinkEffect,
    encounter: EncounterRecord,
    state: Slot,
    day: Slot,
    *,
    policy: Policy,
) -> None:
    thread = state.key.partition
    match link:
        case LinkEffect.ATTACH:
            attaching.attach_slot(work, state, encounter, thread, policy)
        case LinkEffect.ADOPT:
            _adopt(work, state, encounter)
        case LinkEffect.ATTACH_DAY:
            work.save(transitions.unlinked_slot(state))
            attaching.attach_slot(work, day, encounter, thread, policy)
        case LinkEffect.ADD_THREAD_TO_DAY:
            work.save(transitions.unlinked_slot(state))
            attaching.widen_span_to_day(work, encounter.id, thread, day, policy)


def _adopt(work: AuditedUnitOfWork, state: Slot, session: EncounterRecord) -> None:
    """Let a finished session adopt the waiting messages; its period stays as it is."""
    thread = state.key.partition
    if transitions.has_waiting_messages(state):
        work.save(Adoption(thread=thread, epoch=state.epoch, session=session.id, late=True))
        attaching.widen_span(work, session.id, thread, state.low, state.high)
    work.save(transitions.emptied_slot(state))
    work.save(session)


def detach_thread(work: AuditedUnitOfWork, thread: str, *, is_gone: bool = False) -> None:
    """Take a thread out of its session, if it has one.

    The thread is completed, or no thread any more (`is_gone`).
    """
    state = work.slot(SlotKey(thread))
    if state.session:
        left = detaching.remove_from_session(work, state)
        work.save(transitions.emptied_slot(state))
        _end_if_empty(work, left, is_completed=not is_gone)
    elif is_gone:
        work.save(transitions.slot_with_next_epoch(state))


def _end_if_empty(
    work: AuditedUnitOfWork, left: EncounterRecord, *, is_completed: bool = False
) -> None:
    """Finish a session that has no thread left, if its policy or who opened it says so."""
    status = left.resource.get("status", "")
    ends = linking_rules.ends_without_threads(
        left.policy, status, by_server=left.by_server, is_completed=is_completed
    )
    if ends and not left.slots:
        closing.finish(work, left)


def check_updated_own_session(work: AuditedUnitOfWork, message: CommunicationRecord) -> None:
    """Raise BusinessRule if a message that counts already names a session its thread never had."""
    thread = message.place.thread
    slot = work.slot(SlotKey(thread))
    header = work.communication(thread)
    if slot.open and header:
        own_id = classification.encounter_id(message.resource)
        own = attaching.named_encounter(work, own_id, slot)
        own = arrival_rules.relevant_own_session(own, policy_lookup.policy_of(header), message.at)
        arrival_rules.check_own_session(
            own, slot.session, attaching.had_session_check(work, thread)
        )
