"""Recounting a session after a message is retracted or deleted; rows as in sessions.md."""

from typing import Any

import pytest

from shared.rules import recounting
from shared.rules.classification import OPEN_STATUSES, VOID_STATUSES, NamedEncounter
from shared.rules.recounting import Amendment, Recount
from shared.rules.state import Figures, Slot, SlotKey

NINE, TEN, ELEVEN = (f"2026-03-02T{hour}:00:00.000Z" for hour in ("09", "10", "11"))
KEY = SlotKey("thread")
FREE, ATTACHED = Slot(key=KEY), Slot(key=KEY, session="s", open=True)
ELSEWHERE = Slot(key=KEY, session="other", open=True)
DAY_OVER = Slot(key=SlotKey("thread", "day#2026-03-02"), session="s")


def session(status: str) -> NamedEncounter:
    return NamedEncounter(id="s", status=status)


@pytest.mark.parametrize(
    ("named", "slot", "facts", "recount"),
    [
        pytest.param(
            session("in-progress"),
            ATTACHED,
            {},
            Recount.MARK_SLOT,
            id="attached: its slot is dirty",
        ),
        pytest.param(
            None, FREE, {"waits": True}, Recount.MARK_SLOT, id="waits for a link: the slot is dirty"
        ),
        pytest.param(None, DAY_OVER, {}, Recount.NOTHING, id="never had a session: nothing"),
        *[
            pytest.param(session(status), FREE, {}, Recount.MARK_SESSION, id=f"{status}: dirty")
            for status in sorted(OPEN_STATUSES | VOID_STATUSES)
        ],
        pytest.param(session(""), FREE, {}, Recount.MARK_SESSION, id="deleted: dirty"),
        pytest.param(
            session("in-progress"),
            ELSEWHERE,
            {},
            Recount.MARK_SESSION,
            id="open, its thread is attached elsewhere: dirty",
        ),
        pytest.param(session("finished"), FREE, {}, Recount.AMEND, id="finished: amended"),
        pytest.param(session("finished"), DAY_OVER, {}, Recount.AMEND, id="a day's: amended"),
        pytest.param(
            session("finished"),
            FREE,
            {"waits": True, "is_late": True},
            Recount.NOTHING,
            id="adopted after finishing: leaves its period",
        ),
    ],
)
def test_which_facts_are_recounted(
    named: NamedEncounter | None, slot: Slot, facts: dict[str, Any], recount: Recount
) -> None:
    usual = {"waits": False, "is_late": False}
    assert recounting.decide(named, slot, **usual | facts) is recount


@pytest.mark.parametrize(
    ("at", "dirty", "inner"),
    [
        pytest.param(TEN, False, True, id="between first and last: the period stays"),
        pytest.param(NINE, False, False, id="it was first"),
        pytest.param(ELEVEN, False, False, id="it was last"),
        pytest.param(TEN, True, False, id="first and last are not known"),
    ],
)
def test_whether_a_message_was_first_or_last(at: str, *, dirty: bool, inner: bool) -> None:
    assert recounting.is_neither_first_nor_last(Figures(NINE, ELEVEN, dirty=dirty), at) is inner


@pytest.mark.parametrize(
    ("figures", "by_server", "remainder"),
    [
        pytest.param(Figures(NINE, TEN), True, Amendment.UPDATE_PERIOD, id="some left: amended"),
        pytest.param(
            Figures(), True, Amendment.MARK_IN_ERROR, id="none left, the server's: in error"
        ),
        pytest.param(
            Figures(), False, Amendment.KEEP_RESOURCE, id="none left, a client's: as it was"
        ),
    ],
)
def test_the_remainder_of_a_session(
    figures: Figures, remainder: Amendment, *, by_server: bool
) -> None:
    assert recounting.amendment(figures, by_server=by_server) is remainder
