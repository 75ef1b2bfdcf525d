"""The range of a thread's messages that belong to a session."""

import pytest

from shared.rules import transitions
from shared.rules.state import Slot, SlotKey, Span

DAY = ("m#1", "m#2")


@pytest.mark.parametrize("high", ["", "m#5"])
def test_a_day_never_narrows_the_range_of_a_session_in_a_thread(high: str) -> None:
    span = Span(encounter="session", thread="thread", low="m#0", high=high, top="m#5")
    assert transitions.widened_span(span, "session", "thread", *DAY) == span


def test_a_day_widens_the_range_of_a_session_in_a_thread() -> None:
    span = Span(encounter="session", thread="thread", low="m#15", high="m#16", top="m#16")
    wide = transitions.widened_span(span, "session", "thread", *DAY, "m#3")
    assert (wide.low, wide.high, wide.top) == ("m#1", "m#3", "m#3")


def test_attaching_by_a_clock_that_is_behind_keeps_the_latest_arrival() -> None:
    slot = Slot(key=SlotKey("thread"), arrived="2026-03-02T08:00:30.000Z")
    behind = transitions.attached_slot(slot, "session", at="2026-03-02T08:00:00.000Z")
    assert (behind.session, behind.arrived) == ("session", slot.arrived)
    later = transitions.attached_slot(slot, "session", at="2026-03-02T08:01:00.000Z")
    assert later.arrived == "2026-03-02T08:01:00.000Z"
