"""Invariants of sessions, each checked on the tables before and after one transaction."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, timedelta
from typing import Any

from shared.fhir import instants
from shared.rules import classification, filled_elements, people, schedule, times
from shared.rules.policies import Policy, behaviour
from shared.rules.state import Slot, parse_slot_key
from shared.sessions import attaching, due_dates, policy_lookup
from shared.store.records import CommunicationRecord, EncounterRecord
from tests.support.snapshot import Snapshot

FINISHED = "finished"
# The note by which tests mark messages that a patient wrote with their own token.
BY_A_PATIENT = [{"text": "By a patient"}]
# A version is dated a millisecond after the previous one if both are of the same instant.
_TOLERANCE = timedelta(hours=24, seconds=1)


def status(record: EncounterRecord | None) -> str:
    return str(record.resource.get("status", "deleted")) if record else ""


def is_live(record: EncounterRecord) -> bool:
    """Return whether a session is open or finished."""
    return classification.is_open(record.resource) or status(record) == FINISHED


def policy_of(snapshot: Snapshot, message: CommunicationRecord) -> Policy:
    return policy_lookup.policy_of(snapshot.headers[message.place.thread])


def newly_assigned_messages(
    before: Snapshot, after: Snapshot
) -> list[tuple[CommunicationRecord, str]]:
    """Return the messages that this transaction gave a session, each with that session."""
    pairs = ((message, after.session(message)) for message in after.messages.values())
    return [
        (message, session)
        for message, session in pairs
        if session
        and not (message.id in before.messages and before.session(before.messages[message.id]))
    ]


def a_message_has_one_session_for_good(before: Snapshot, after: Snapshot) -> None:
    for message in after.messages.values():
        old = before.messages.get(message.id)
        old_session = before.session(old) if old else ""
        assert not old_session or after.session(message) == old_session, (
            f"{message.id} has left {old_session}"
        )
        assert not (old and old.at) or message.at == old.at, (
            f"{message.id} has another effective time"
        )
        if message.counts and not (old and old.at):
            header = after.headers[message.place.thread]
            waits = header.plain or not policy_of(after, message).opens_sessions
            assert waits or after.session(message), f"{message.id} has no session"


def a_message_counts_when_it_can_have_been_sent(before: Snapshot, after: Snapshot) -> None:
    for message in after.messages.values():
        old = before.messages.get(message.id)
        if not message.at or (old and old.at):
            continue
        received, sent = message.last_updated, message.resource.get("sent", "")
        assert "1970-01-02" < message.at <= received, f"{message.id} counts at {message.at}"
        if _is_dated_by_a_patient(old, message):
            earliest = instants.to_text(instants.from_text(received) - _TOLERANCE)
            assert message.at >= earliest, f"{message.id} is believed to be of {message.at}"
        elif "T" in sent and sent > "1970-01-02":
            instant = instants.to_text(instants.from_nanoseconds(instants.parse(sent).low))
            assert old or message.at == min(instant, received), f"{message.id} is not dated {sent}"


def _is_dated_by_a_patient(old: CommunicationRecord | None, message: CommunicationRecord) -> bool:
    """Return whether `sent` is a patient's word, also on a draft that an administrator has sent."""
    if old is None:
        return bool(message.resource.get("note") == BY_A_PATIENT)
    return old.by_patient and old.resource.get("sent") == message.resource.get("sent")


def a_thread_or_day_has_one_session(_: Snapshot, after: Snapshot) -> None:
    attached = Counter(slot for record in after.encounters.values() for slot in record.slots)
    homes = Counter(
        record.home for record in after.encounters.values() if record.home and is_live(record)
    )
    for where, count in (attached + homes).items():
        assert attached[where] <= 1, f"{where} is attached {count} times"
        assert homes[where] <= 1, f"{where} has {count} live sessions"


def a_void_session_has_left_its_day(_: Snapshot, after: Snapshot) -> None:
    for record in after.encounters.values():
        # One that is restored as finished in steps has its day again from the first of them.
        if record.home and not is_live(record) and not record.closing:
            slot = after.slots[parse_slot_key(record.home)]
            assert slot.session != record.id, f"{record.home} names {record.id}, which is void"


def an_open_slot_names_an_open_session(_: Snapshot, after: Snapshot) -> None:
    for slot in after.slots.values():
        session = after.encounters.get(slot.session)
        if slot.open:
            assert session, f"{slot.key} is open and names no session"
            assert classification.is_open(session.resource), f"{slot.key} names {status(session)}"
            assert not session.closing, f"{slot.key} names a session that is being closed"
            assert str(slot.key) in session.slots, f"{slot.key} is missing in its session"
    for record in after.encounters.values():
        for text in record.slots:
            slot = after.slots[parse_slot_key(text)]
            assert slot.open, f"{record.id} names {text}, which is closed"
            assert slot.session == record.id, (
                f"{record.id} names {text}, which is of {slot.session}"
            )


def a_finished_session_gains_only_late_messages(before: Snapshot, after: Snapshot) -> None:
    for message, session_id in newly_assigned_messages(before, after):
        old = before.encounters.get(session_id)
        adoption = after.adoption(message)
        if old is None or (classification.is_open(old.resource) and not old.closing):
            assert not (adoption and adoption.late)
            continue
        by_link = adoption is not None and adoption.late
        assert status(old) == FINISHED, f"{status(old)} {session_id} gains {message.id}"
        assert by_link or is_of_day(after, message, session_id), f"{session_id} gains {message.id}"


def is_of_day(after: Snapshot, message: CommunicationRecord, session_id: str) -> bool:
    """Return whether a message is of the day that a session represents."""
    home, policy = after.encounters[session_id].home, policy_of(after, message)
    day = times.day_of(instants.from_text(message.at), policy.zone)
    return bool(home) and policy.by_day and parse_slot_key(home).day == day


def a_day_has_only_its_messages(before: Snapshot, after: Snapshot) -> None:
    for message, session_id in newly_assigned_messages(before, after):
        by_day = policy_of(after, message).by_day
        if by_day and after.encounters[session_id].home and message.session:
            assert is_of_day(after, message, session_id), f"{message.id} is of another day"


def a_period_is_that_of_the_messages(before: Snapshot, after: Snapshot) -> None:
    for record in after.encounters.values():
        ats = [message.at for message in after.counting_messages(record.id)]
        period = record.resource.get("period", {})
        old = before.encounters.get(record.id)
        ends = bool(old and classification.is_open(old.resource)) and status(record) == FINISHED
        if ats and status(record) == FINISHED:
            _check_period(record, period, min(ats), max(ats), ends=ends)
            _check_people(record, after, ends=ends)
        elif ats and classification.is_open(record.resource) and _begins_by_server(record):
            assert period["start"] <= min(ats), f"{record.id} begins after its first message"
        elif status(record) == FINISHED and record.by_server:
            had_messages = any(before.counting_messages(record.id)) and status(old) == FINISHED
            assert not ends, f"{record.id} ends and has no message"
            assert not had_messages, f"{record.id} has lost its last message"


def _begins_by_server(record: EncounterRecord) -> bool:
    """Return whether an open session's start is the server's and not left to the closer."""
    return "start" in record.filled and not record.figures.dirty


def _check_period(
    record: EncounterRecord, period: dict[str, Any], first: str, last: str, *, ends: bool
) -> None:
    """Check the elements that the server filled. A client may change its own ones later."""
    for name, at in (("start", first), ("end", last)):
        if name in record.filled:
            assert period[name] == at, f"{record.id}: {name} is {period[name]}, not {at}"
        elif name not in period and ends:
            other = "end" if name == "start" else "start"
            assert other in period, f"{record.id} has no {name}"
            assert other not in record.filled, f"{record.id} has no {name}"
    if "length" in record.filled and (ends or {"start", "end"} <= record.filled):
        minutes = filled_elements.elapsed_minutes(period, UTC)
        assert record.resource["length"]["value"] == minutes


def _check_people(record: EncounterRecord, after: Snapshot, *, ends: bool) -> None:
    if "participant" not in record.filled or not ends:
        return
    participants = {
        participant["individual"]["reference"] for participant in record.resource["participant"]
    }
    for message in after.counting_messages(record.id):
        sender = classification.sender_reference(message.resource)
        takes_part = sender.partition("/")[0] in people.PARTICIPATION_OF
        assert not takes_part or sender in participants, f"{sender} is missing in {record.id}"


def a_finished_session_has_no_open_child(_: Snapshot, after: Snapshot) -> None:
    for record in after.encounters.values():
        if (
            record.deleted
            or classification.is_open(record.resource)
            or not attaching.is_session(record)
        ):
            continue
        for child in after.children(record.id):
            assert not classification.is_open(child.resource), f"{child.id} is open in {record.id}"


def what_is_open_is_looked_at_once(_: Snapshot, after: Snapshot) -> None:
    rows = Counter(after.due)
    for record in after.encounters.values():
        if record.closing:  # also one that was deleted, and comes back as one that has ended
            assert rows[record.id] == 1, f"{record.id} is being closed and not due"
            assert record.due == record.closing.at
            assert record.id in after.pending
        elif not classification.is_open(record.resource):
            assert not rows[record.id], f"{record.id} has ended and is due"
        elif closes_by_itself(record):
            assert rows[record.id] == 1, f"{record.id} closes by itself and is not due"
        elif not record.is_long:
            assert rows[record.id] == 1, f"{record.id} may last long and is not due"
        else:
            assert rows[record.id] <= 1
    assert set(rows) <= set(after.encounters)


def what_closes_by_itself_is_looked_at_in_time(_: Snapshot, after: Snapshot) -> None:
    for record in after.encounters.values():
        if not classification.is_open(record.resource) or record.closing:
            continue
        arrived = (slot.arrived for slot in after.open_slots_of(record.id) if slot.open)
        active = instants.from_text(max(record.opened, record.entered, *arrived))
        if ends := schedule.scheduled_end(due_dates.timing(record, active)):
            late = f"{record.id} is due {record.due}, after {ends}; active {active}"
            # If the thread that kept a session from idling leaves it, its end may be past already.
            assert record.due <= instants.to_text(max(ends, instants.now())), late


def closes_by_itself(record: EncounterRecord) -> bool:
    if not attaching.is_session(record):
        return False
    if behaviour(record.policy).by_day:
        return bool(record.home)
    if behaviour(record.policy).ends_after_max_hours:
        return True
    return bool(record.idle_minutes and record.slots) and status(record) != "planned"


def an_update_of_a_message_changes_no_session(before: Snapshot, after: Snapshot) -> None:
    """If the message moves, only the bounds of the slot's messages may change."""
    if not _is_update_of_a_message(before, after):
        return
    assert _bare(before) == _bare(after), "a message's update changes a slot"
    assert before.encounters == after.encounters, "a message's update changes an Encounter"
    assert sorted(before.due) == sorted(after.due), "a message's update changes a due row"


def _is_update_of_a_message(before: Snapshot, after: Snapshot) -> bool:
    changed = [
        (before.messages.get(message.id), message)
        for message in after.messages.values()
        if before.messages.get(message.id) is not message
    ]
    return bool(changed) and all(
        old and old.counts and new.counts and old.version < new.version for old, new in changed
    )


def _bare(snapshot: Snapshot) -> dict[Any, Slot]:
    return {key: replace(slot, low="", high="", rev=0) for key, slot in snapshot.slots.items()}


def a_session_finds_its_messages(_: Snapshot, after: Snapshot) -> None:
    """A message lies within its thread's span in its session."""
    for message in after.messages.values():
        if session_id := after.session(message):
            span = after.spans.get((session_id, message.place.thread))
            assert span, f"{session_id} has no span for the thread of {message.id}"
            high = span.high or message.place.sort
            assert span.low <= message.place.sort <= high, f"{message.id} is outside of its span"


def what_is_counted_never_falls(before: Snapshot, after: Snapshot) -> None:
    for key, slot in before.slots.items():
        new = after.slots[key]
        assert (new.epoch, new.rev) >= (slot.epoch, slot.rev), f"{key} has gone back"
        assert new.rev > slot.rev or new == slot, f"{key} has changed without a new revision"
        assert new.arrived >= slot.arrived, f"the latest arrival in {key} has gone back"
    for record_id, record in before.encounters.items():
        now = after.encounters[record_id]
        assert now.rev > record.rev or now == record, (
            f"{record_id} has changed without a new revision"
        )
        assert now.entered >= record.entered, f"the status of {record_id} has gone back in time"


def a_header_stays_with_its_latest_day(before: Snapshot, after: Snapshot) -> None:
    """A message moves a header only to a later day. A client's own link is not a message."""
    written = any(
        before.messages.get(key) is not message for key, message in after.messages.items()
    )
    for header in after.headers.values() if written else ():
        old = before.headers.get(header.id)
        if old and policy_lookup.policy_of(header).by_day:
            assert old.day <= header.day, f"{header.id} has gone back to {header.day}"


INVARIANTS: tuple[Callable[[Snapshot, Snapshot], None], ...] = (
    a_message_has_one_session_for_good,
    a_message_counts_when_it_can_have_been_sent,
    a_thread_or_day_has_one_session,
    a_void_session_has_left_its_day,
    an_open_slot_names_an_open_session,
    a_finished_session_gains_only_late_messages,
    a_day_has_only_its_messages,
    a_period_is_that_of_the_messages,
    a_finished_session_has_no_open_child,
    what_is_open_is_looked_at_once,
    what_closes_by_itself_is_looked_at_in_time,
    an_update_of_a_message_changes_no_session,
    a_session_finds_its_messages,
    what_is_counted_never_falls,
    a_header_stays_with_its_latest_day,
)


def check(before: Snapshot, after: Snapshot) -> None:
    """Raise AssertionError if a transaction has broken an invariant."""
    for invariant in INVARIANTS:
        invariant(before, after)
