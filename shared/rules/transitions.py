"""The transitions of a slot, and of a thread's span in a session, as pure functions."""

from dataclasses import replace
from datetime import timedelta

from shared.fhir import instants
from shared.rules.state import Figures, Slot, Span

# A request takes no longer, and clocks differ by less. Two requests whose instants are closer may
# have overlapped, so that neither read what the other wrote.
_LONGEST_OVERLAP = timedelta(seconds=30)


def slot_with_message(slot: Slot, *, at: str, key: str, sender: str, received: str) -> Slot:
    """Count a message that joins the slot's session, or waits in the slot for a link."""
    message = Figures(at, at, frozenset({sender} if sender else ()))
    return replace(
        slot,
        rev=slot.rev + 1,
        figures=slot.figures.merged(message),
        low=min(filter(None, (slot.low, key)), default=""),
        high=max(slot.high, key),
        arrived=max(slot.arrived, received),
    )


def slot_with_next_rev(slot: Slot) -> Slot:
    """Raise `rev` for a message that the slot does not count.

    Transactions that were planned on the slot before the message arrived then fail.
    """
    return replace(slot, rev=slot.rev + 1)


def slot_with_dirty_figures(slot: Slot) -> Slot:
    """Mark the figures as dirty, because one of the slot's messages no longer counts."""
    return replace(slot, rev=slot.rev + 1, figures=replace(slot.figures, dirty=True))


def widened_slot(slot: Slot, key: str) -> Slot:
    """Widen the slot's range of sort keys for a message that has moved while waiting for a link."""
    low, high = min(filter(None, (slot.low, key))), max(slot.high, key)
    return replace(slot, rev=slot.rev + 1, low=low, high=high)


def attached_slot(slot: Slot, session: str, *, at: str) -> Slot:
    """Begin an epoch in which messages join a session, as do those that wait for a link."""
    arrived = max(slot.arrived, at)
    return replace(unlinked_slot(slot), session=session, open=True, arrived=arrived)


def emptied_slot(slot: Slot) -> Slot:
    """Begin an epoch without a session and without waiting messages."""
    return Slot(key=slot.key, epoch=slot.epoch + 1, rev=slot.rev + 1, arrived=slot.arrived)


def detached_slot(slot: Slot) -> Slot:
    """Begin the epoch after a session's end. A day's slot keeps naming the session."""
    return replace(emptied_slot(slot), session=slot.session if slot.key.day else "")


def slot_naming_session(slot: Slot, session: str) -> Slot:
    """Begin an epoch in which a day's slot names a session that has no thread attached.

    The session is finished, or it is open and a thread attaches with its next message.
    """
    return replace(emptied_slot(slot), session=session)


def slot_with_next_epoch(slot: Slot) -> Slot:
    """Begin an epoch that changes nothing else.

    Transactions that were planned on the previous version of the header then fail.
    """
    return replace(slot, rev=slot.rev + 1, epoch=slot.epoch + 1)


def unlinked_slot(slot: Slot) -> Slot:
    """Begin an epoch without a session. Messages that wait for a link keep waiting."""
    return emptied_slot(slot) if slot.session else slot_with_next_epoch(slot)


def has_message_since(slot: Slot, header_updated: str) -> bool:
    """Return whether a counted message has surely arrived since the header was last written."""
    if not slot.figures.first:
        return False
    surely_after = instants.from_text(header_updated) + _LONGEST_OVERLAP
    return instants.to_text(surely_after) < slot.arrived


def has_waiting_messages(slot: Slot) -> bool:
    """Return whether messages wait in a thread's slot for the next link to adopt them."""
    return not slot.session and not slot.key.day and bool(slot.low)


def attached_span(span: Span | None, encounter: str, thread: str, low: str) -> Span:
    """Return the span of a thread that attaches: from `low`, or lower, and without an upper end."""
    if span is None:
        return Span(encounter=encounter, thread=thread, low=low)
    return replace(span, low=min(span.low, low), high="", top=max(span.top, span.high))


def detached_span(span: Span, high: str) -> Span:
    """End a span at its highest message, of this attachment or an earlier one."""
    top = max(span.top, high, span.low)
    return replace(span, high=top, top=top)


def widened_span(span: Span | None, encounter: str, thread: str, *keys: str) -> Span:
    """Widen a span to some sort keys, whether the thread is attached or not."""
    low, high = min(keys), max(keys)
    if span is None:
        return Span(encounter=encounter, thread=thread, low=low, high=high, top=high)
    top = max(span.top, high)
    return replace(
        span, low=min(span.low, low), high=max(span.high, high) if span.high else "", top=top
    )
