"""How a thread's slot changes, and with it the thread's range in a session."""

from dataclasses import replace

from shared.sessions.state import Figures, Slot, Span


def arrived(slot: Slot, *, at: str, key: str, sender: str, received: str) -> Slot:
    """Take in a message that joins the slot's session, or waits in it for a link."""
    one = Figures(at, at, frozenset({sender} if sender else ()))
    return replace(
        slot,
        rev=slot.rev + 1,
        figures=slot.figures.merged(one),
        low=min(filter(None, (slot.low, key)), default=""),
        high=max(slot.high, key),
        arrived=max(slot.arrived, received),
    )


def noticed(slot: Slot) -> Slot:
    """Tell whoever plans on this slot that a message has arrived which it does not keep."""
    return replace(slot, rev=slot.rev + 1)


def retracted(slot: Slot) -> Slot:
    """Mark that one of its messages counts no more."""
    return replace(slot, rev=slot.rev + 1, figures=replace(slot.figures, dirty=True))


def widened(slot: Slot, key: str) -> Slot:
    """Take in the sort key of a message that has moved while it waits for a link."""
    low, high = min(filter(None, (slot.low, key))), max(slot.high, key)
    return replace(slot, rev=slot.rev + 1, low=low, high=high)


def attached(slot: Slot, session: str) -> Slot:
    """Begin an epoch in which messages join a session; those waiting for a link join it too."""
    if slot.session:
        return replace(emptied(slot), session=session, open=True)
    return replace(slot, session=session, open=True, epoch=slot.epoch + 1, rev=slot.rev + 1)


def emptied(slot: Slot) -> Slot:
    """Begin an epoch with no session and nothing waiting."""
    return Slot(key=slot.key, epoch=slot.epoch + 1, rev=slot.rev + 1, arrived=slot.arrived)


def detached(slot: Slot) -> Slot:
    """Begin an epoch after the session's end: a day's slot goes on naming it."""
    return replace(emptied(slot), session=slot.session if slot.key.day else "")


def named(slot: Slot, session: str) -> Slot:
    """Let a day's slot name a session that is not open, or is open but has no thread yet."""
    return replace(emptied(slot), session=session)


def turned(slot: Slot) -> Slot:
    """Begin an epoch that keeps all: whoever planned on the header as it was must read it anew."""
    return replace(slot, rev=slot.rev + 1, epoch=slot.epoch + 1)


def unlinked(slot: Slot) -> Slot:
    """Begin an epoch with no session; what waits for a link goes on waiting."""
    return emptied(slot) if slot.session else turned(slot)


def knows(slot: Slot, header_updated: str) -> bool:
    """Tell whether a header's present version was there when the last message arrived."""
    return bool(slot.figures.first) and header_updated < slot.arrived


def waiting(slot: Slot) -> bool:
    """Tell whether messages wait for the next link to adopt them."""
    return not slot.session and not slot.key.day and bool(slot.low)


def span_attached(span: Span | None, encounter: str, thread: str, low: str) -> Span:
    """Open the range upwards, from `low` or lower."""
    if span is None:
        return Span(encounter=encounter, thread=thread, low=low)
    return replace(span, low=min(span.low, low), high="", top=max(span.top, span.high))


def span_of_day(span: Span | None, encounter: str, thread: str, keys: tuple[str, str, str]) -> Span:
    """Take in a day's bounds, and a key that may be outside of them or empty; nothing is let go."""
    low, high, key = keys
    if span is None:
        top = max(high, key)
        least = min(filter(None, (low, key)))
        return Span(encounter=encounter, thread=thread, low=least, high=top, top=top)
    top = max(high, key, span.high, span.top)
    least = min(filter(None, (low, key, span.low)))
    return replace(span, low=least, high=top if span.high else "", top=top)


def span_detached(span: Span, high: str) -> Span:
    """End the range at the highest message it has, now or from before."""
    top = max(span.top, high, span.low)
    return replace(span, high=top, top=top)


def span_widened(span: Span | None, encounter: str, thread: str, key: str) -> Span:
    """Take one sort key in, whether the thread is attached or not."""
    if span is None:
        return Span(encounter=encounter, thread=thread, low=key, high=key, top=key)
    top = max(span.top, key)
    return replace(
        span, low=min(span.low, key), high=max(span.high, key) if span.high else "", top=top
    )
