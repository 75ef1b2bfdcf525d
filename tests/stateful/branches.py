"""The rules that a transaction followed, derived from the snapshots before and after it."""

from collections.abc import Iterator

from shared.rules import classification
from shared.store.records import CommunicationRecord, EncounterRecord
from tests.support.session_invariants import FINISHED, newly_assigned_messages, policy_of, status
from tests.support.snapshot import Snapshot


def seen(before: Snapshot, after: Snapshot) -> Iterator[str]:
    """Yield the name of every rule that a transaction followed."""
    for message in after.messages.values():
        old = before.messages.get(message.id)
        if message is old:
            continue
        if message.at and not (old and old.at):
            yield f"message: {_arrival(before, after, message)}"
            yield from _beside(before, after, message)
        elif old and old.counts != message.counts:
            yield f"{'restored' if message.counts else 'retracted'}: {_recount(before, after, old)}"
        elif old and old.counts:
            yield f"message updated{'' if old.place == message.place else ', moved'}"
    yield from _links(before, after)
    for record in after.encounters.values():
        if record is not before.encounters.get(record.id):
            yield from _encounter(after, before.encounters.get(record.id), record)


def _arrival(before: Snapshot, after: Snapshot, message: CommunicationRecord) -> str:
    session_id = after.session(message)
    if not session_id:
        plain = after.headers[message.place.thread].plain
        return f"waits, {policy_of(after, message).name}{', plain header' if plain else ''}"
    old, new = before.encounters.get(session_id), after.encounters[session_id]
    if old is None:
        return "opens a session" if classification.is_open(new.resource) else "makes a finished day"
    if status(old) == FINISHED:
        return f"late, {'amends' if new.version > old.version else 'within'} its day"
    if new.slots > old.slots:
        return "attaches again"
    mine = {slot.key.partition for slot in after.open_slots_of(session_id)}
    by_day = any(slot.key.day for slot in after.open_slots_of(session_id))
    return "joins" if by_day or message.place.thread in mine else "joins by itself"


def _beside(before: Snapshot, after: Snapshot, message: CommunicationRecord) -> Iterator[str]:
    session_id = after.session(message)
    old, new = before.encounters.get(session_id), after.encounters.get(session_id)
    thread = message.place.thread
    if old and new and classification.is_open(new.resource) and new.version > old.version:
        moved = old.resource.get("period") != new.resource.get("period")
        yield "message: corrects the beginning" if moved else "message: adds a patient"
    if new and not old and next(after.children(session_id), None):
        yield "message: opens a session of several patients"
    if before.headers.get(thread) is not after.headers.get(thread):
        yield "message: points the header to its session"
    if after.headers[thread].resource.get("status") == "completed":
        yield "message: of a completed header"
    for extension in after.headers[thread].resource.get("extension", ()):
        for part in extension["extension"]:
            policy = part.get("valueCode", "") if part["url"] == "policy" else ""
            yield f"message: its header says {part['url']} {policy}".rstrip()


def _recount(before: Snapshot, after: Snapshot, old: CommunicationRecord) -> str:
    session_id, adoption = after.session(old), after.adoption(old)
    if adoption and adoption.late:
        return "adopted late"
    if not session_id:
        return "without a session"
    was, now = before.encounters[session_id], after.encounters[session_id]
    if now is was:
        return "open, marks the slot"
    if status(was) != FINISHED:
        return f"{'open' if classification.is_open(was.resource) else 'void'}, marks the session"
    if status(now) != FINISHED:
        return "finished, none left"
    return f"finished, {'amended' if now.version > was.version else 'nothing to amend'}"


def _links(before: Snapshot, after: Snapshot) -> Iterator[str]:
    for thread, adoptions in after.adoptions.items():
        for adoption in adoptions[len(before.adoptions.get(thread, ())) :]:
            yield f"link: adopts{', late' if adoption.late else ''}"
    posted = bool(newly_assigned_messages(before, after))
    for key, slot in after.slots.items():
        old = before.slots.get(key)
        if old is slot or posted or (old and old.epoch == slot.epoch):
            continue
        kind = "day" if key.day else "thread"
        if slot.open:
            yield f"link: {kind} {'moves' if old and old.open else 'attached'}"
        elif old and old.open:
            yield f"{kind} detached"
        elif key.day:
            yield f"day {'named again' if slot.session else 'freed'}"
        else:
            yield "thread turned"


def _encounter(after: Snapshot, old: EncounterRecord | None, new: EncounterRecord) -> Iterator[str]:
    kind = "child" if classification.parent_id(new.resource) else "session"
    if old is None:
        yield f"{kind} created {status(new)}"
    elif old.deleted:
        yield f"{kind} brought back {status(new)}"
    elif new.deleted:
        yield f"deleted: {status(old)}"
    elif not classification.is_open(old.resource) and classification.is_open(new.resource):
        yield f"{kind} reopened{', daily' if new.home else ''}"
    elif classification.is_open(old.resource) and not classification.is_open(new.resource):
        how = " in steps" if old.closing else " with its session" if kind == "child" else ""
        yield f"{kind} ended{how}: {status(new)}"
        if kind == "session" and not old.closing and next(after.children(new.id), None):
            yield "session ended with children"
    elif new.closing and not old.closing:
        yield "closing begun"
    elif classification.is_open(new.resource) and old.due != new.due:
        yield f"due {'later' if new.due > old.due else 'earlier' if new.due else 'no more'}"
    elif new.slots < old.slots:
        yield "session left by a thread"
    yield from _settled(old, new)


def _settled(old: EncounterRecord | None, new: EncounterRecord) -> Iterator[str]:
    if old and old.figures.dirty and not new.figures.dirty:
        yield "session recomputed"
    if status(new) == FINISHED and old and status(old) != FINISHED:
        clients_bounds = {"start", "end"} - new.filled
        yield f"closing keeps a client's {' and '.join(sorted(clients_bounds)) or 'nothing'}"


# The rules that every run must follow at least once, as `seen` names them.
RULES = frozenset(
    {
        "GET Encounter $everything answered 200",
        "POST Encounter $add-patient answered 200",
        "POST Encounter $add-patient answered 422",
        "POST Encounter $close-session answered 200",
        "POST Encounter $close-session answered 422",
        "POST Encounter $open-session answered 201",
        "POST Encounter $open-session answered 422",
        "a worker looked: closed",
        "a worker looked: later",
        "a worker looked: nothing",
        "child created in-progress",
        "child ended with its session: cancelled",
        "child ended with its session: finished",
        "child reopened",
        "closing begun",
        "closing keeps a client's end",
        "closing keeps a client's end and start",
        "closing keeps a client's nothing",
        "closing keeps a client's start",
        "day detached",
        "day freed",
        "deleted: finished",
        "deleted: in-progress",
        "due earlier",
        "due later",
        "due no more",
        "killed after GetItem",
        "killed after Query",
        "killed after SendMessageBatch",
        "killed after TransactWriteItems",
        "killed before GetItem",
        "killed before GetQueueAttributes",
        "killed before Query",
        "killed before SendMessageBatch",
        "killed before TransactWriteItems",
        "link: adopts",
        "link: adopts, late",
        "link: day attached",
        "link: thread attached",
        "link: thread moves",
        "message updated",
        "message updated, moved",
        "message: adds a patient",
        "message: attaches again",
        "message: corrects the beginning",
        "message: its header says idleMinutes",
        "message: its header says maxHours",
        "message: its header says policy daily",
        "message: its header says policy explicit",
        "message: its header says policy thread",
        "message: its header says timeZone",
        "message: joins",
        "message: joins by itself",
        "message: late, amends its day",
        "message: late, within its day",
        "message: makes a finished day",
        "message: of a completed header",
        "message: opens a session",
        "message: opens a session of several patients",
        "message: points the header to its session",
        "message: waits, daily, plain header",
        "message: waits, explicit",
        "message: waits, explicit, plain header",
        "message: waits, thread, plain header",
        "restored: finished, amended",
        "restored: open, marks the slot",
        "restored: void, marks the session",
        "retracted: adopted late",
        "retracted: finished, amended",
        "retracted: finished, none left",
        "retracted: finished, nothing to amend",
        "retracted: open, marks the session",
        "retracted: open, marks the slot",
        "retracted: void, marks the session",
        "retracted: without a session",
        "schedule: nothing to send",
        "schedule: sends",
        "session brought back in-progress",
        "session ended in steps: finished",
        "session ended with children",
        "session ended: cancelled",
        "session ended: entered-in-error",
        "session ended: finished",
        "session left by a thread",
        "session recomputed",
        "session reopened",
        "session reopened, daily",
        "thread detached",
        "thread turned",
        "worker: messages done",
    }
)
