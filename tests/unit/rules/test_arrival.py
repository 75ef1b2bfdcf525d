"""Decisions about a message that counts for the first time; rows as in sessions.md."""

from datetime import UTC, datetime
from typing import Any

import pytest

from shared.catalog.policies import DAILY, EXPLICIT, POLICIES, THREAD
from shared.errors import BusinessRule
from shared.fhir import instants
from shared.rules import arrival, times
from shared.rules.arrival import (
    AmendDaySession,
    ArrivingMessage,
    CreateFinishedSession,
    Decision,
    JoinOwnSession,
    JoinSession,
    OpenSession,
    ReattachSession,
    ThreadHeader,
    WaitForLink,
)
from shared.rules.classification import OPEN_STATUSES, NamedEncounter
from shared.rules.policies import Policy
from shared.rules.state import Figures, Slot, SlotKey

NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)
TODAY, YESTERDAY, TOMORROW = "2026-03-02", "2026-03-01", "2026-03-03"
EIGHT, NINE, TEN = (f"{TODAY}T{hour}:00:00.000Z" for hour in ("08", "09", "10"))
LATE = f"{YESTERDAY}T21:00:00.000Z"
# Sort keys: one of each day, and between them the lower bound of a thread's slot.
KEY_YESTERDAY, KEY, KEY_TOMORROW = (
    times.day_key_range(day, UTC)[0] for day in (YESTERDAY, TODAY, TOMORROW)
)
STATE, DAY = SlotKey("thread"), SlotKey("thread", f"day#{TODAY}")


def attached(key: SlotKey = STATE, **facts: Any) -> Slot:
    """Return a slot whose session "open" has messages of nine and ten."""
    figures = Figures(NINE, TEN)
    usual: dict[str, Any] = {"session": "open", "figures": figures, "low": KEY, "arrived": TEN}
    return Slot(key=key, open=True, **usual | facts)


def session(own_id: str = "s", status: str = "in-progress", **facts: Any) -> NamedEncounter:
    return NamedEncounter(id=own_id, status=status, **facts)


def message(at: str = TEN, key: str = KEY, own: NamedEncounter | None = None) -> ArrivingMessage:
    return ArrivingMessage(at=at, key=key, own_encounter=own)


def decide(
    said: ArrivingMessage,
    header: ThreadHeader,
    slot: Slot,
    policy: str,
    previous: NamedEncounter | None = None,
    *,
    had_session: tuple[str, ...] = (),
) -> Decision:
    return arrival.decide(
        said,
        header,
        slot,
        Policy(policy),
        NOW,
        previous=previous,
        had_session=had_session.__contains__,
    )


JOIN = JoinSession(may_precede_start=False, may_widen_span=False, links_header=False)
LINKED, UNLINKED = ThreadHeader(encounter_id="open", last_updated=EIGHT, day=TODAY), ThreadHeader()
FREE, FREE_DAY = Slot(key=STATE), Slot(key=DAY)
FINISHED = Slot(key=DAY, session="s")


@pytest.mark.parametrize("policy", [EXPLICIT, THREAD])
@pytest.mark.parametrize(
    ("said", "slot", "decision"),
    [
        pytest.param(message(), attached(), JOIN, id="a session is open: joins"),
        pytest.param(
            message(EIGHT),
            attached(),
            JoinSession(may_precede_start=True, may_widen_span=False, links_header=False),
            id="out of order: joins, and the start may be corrected",
        ),
        pytest.param(
            message(key=KEY_YESTERDAY),
            attached(),
            JoinSession(may_precede_start=False, may_widen_span=True, links_header=False),
            id="its place is before all others: widens the thread's range",
        ),
        pytest.param(
            message(),
            attached(figures=Figures(), low=""),
            JoinSession(may_precede_start=True, may_widen_span=True, links_header=False),
            id="the first message",
        ),
        pytest.param(
            message(own=session("open")), attached(), JOIN, id="names the session that is open"
        ),
        pytest.param(
            message(own=session("visit", is_session=False)),
            attached(),
            JOIN,
            id="names a plain record: stored as written",
        ),
    ],
)
def test_a_message_of_a_thread_with_an_open_session(
    policy: str, said: ArrivingMessage, slot: Slot, decision: Decision
) -> None:
    assert decide(said, LINKED, slot, policy) == decision


@pytest.mark.parametrize(
    ("policy", "said", "header", "slot", "previous", "decision"),
    [
        pytest.param(
            THREAD,
            message(),
            UNLINKED,
            FREE,
            None,
            OpenSession(links_header=True),
            id="thread: opens",
        ),
        pytest.param(
            THREAD,
            message(LATE),
            ThreadHeader(encounter_id="s"),
            FREE,
            session(status="finished"),
            OpenSession(links_header=True),
            id="late, thread, none open: opens one",
        ),
        pytest.param(
            THREAD,
            message(),
            ThreadHeader(encounter_id="s"),
            FREE,
            session(),
            ReattachSession("s"),
            id="reopened, the header still points there: attaches again",
        ),
        pytest.param(
            THREAD,
            message(),
            ThreadHeader(encounter_id="s"),
            FREE,
            session(has_room=False),
            OpenSession(links_header=True),
            id="reopened, no room for one more thread: opens",
        ),
        pytest.param(
            EXPLICIT, message(), UNLINKED, FREE, None, WaitForLink(), id="explicit: waits"
        ),
        pytest.param(
            EXPLICIT,
            message(LATE),
            ThreadHeader(encounter_id="s"),
            FREE,
            session(status="finished"),
            WaitForLink(),
            id="late, explicit, none open: the next link adopts it",
        ),
        pytest.param(
            EXPLICIT,
            message(),
            ThreadHeader(encounter_id="s"),
            FREE,
            session(),
            ReattachSession("s"),
            id="explicit, reopened: attaches again",
        ),
        pytest.param(
            DAILY,
            message(),
            UNLINKED,
            FREE_DAY,
            None,
            OpenSession(links_header=True),
            id="daily: opens",
        ),
        pytest.param(
            DAILY,
            message(),
            ThreadHeader(day=TOMORROW),
            FREE_DAY,
            None,
            OpenSession(links_header=False),
            id="daily: opens, the header keeps a later day",
        ),
        pytest.param(
            DAILY,
            message(),
            LINKED,
            FINISHED,
            session(status="finished"),
            AmendDaySession("s"),
            id="late, daily: amends its day's session",
        ),
        pytest.param(
            DAILY,
            message(LATE),
            UNLINKED,
            Slot(key=SlotKey("thread", f"day#{YESTERDAY}")),
            None,
            CreateFinishedSession(),
            id="late, daily, no session that day: one is created finished",
        ),
        pytest.param(
            DAILY,
            message(),
            LINKED,
            FINISHED,
            session(),
            ReattachSession("s"),
            id="daily, reopened: attaches again through the slot",
        ),
        pytest.param(
            DAILY,
            message(),
            UNLINKED,
            FINISHED,
            session(status="cancelled"),
            OpenSession(links_header=True),
            id="daily, the day's session is void: opens",
        ),
        pytest.param(
            DAILY,
            message(),
            ThreadHeader(encounter_id="s"),
            FREE_DAY,
            None,
            OpenSession(links_header=True),
            id="daily, the header still names yesterday's: opens",
        ),
    ],
)
def test_a_message_of_a_thread_without_an_open_session(
    policy: str,
    said: ArrivingMessage,
    header: ThreadHeader,
    slot: Slot,
    previous: NamedEncounter | None,
    *,
    decision: Decision,
) -> None:
    assert decide(said, header, slot, policy, previous) == decision


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("key", [STATE, DAY])
def test_a_thread_linked_to_a_plain_record_opens_nothing(policy: str, key: SlotKey) -> None:
    header = ThreadHeader(encounter_id="visit", links_plain_record=True)
    assert decide(message(own=session()), header, Slot(key=key), policy) == WaitForLink()


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("status", sorted(OPEN_STATUSES))
def test_a_message_joins_its_own_session_if_its_header_has_none(policy: str, status: str) -> None:
    own = session("own", status)
    slot = FREE_DAY if policy == DAILY else FREE
    assert decide(message(own=own), UNLINKED, slot, policy) == JoinOwnSession("own")


@pytest.mark.parametrize(
    ("policy", "own", "header", "decision"),
    [
        pytest.param(
            EXPLICIT,
            session("own", "finished"),
            UNLINKED,
            WaitForLink(),
            id="explicit, finished: only stored, the next link adopts the message",
        ),
        pytest.param(
            THREAD,
            session("own", "finished"),
            UNLINKED,
            OpenSession(links_header=True),
            id="thread, finished",
        ),
        pytest.param(
            EXPLICIT,
            session("own"),
            ThreadHeader(encounter_id="s"),
            WaitForLink(),
            id="its header names another",
        ),
        pytest.param(
            EXPLICIT,
            session("visit", is_session=False),
            UNLINKED,
            WaitForLink(),
            id="a plain record: stored as written",
        ),
        pytest.param(
            DAILY,
            session("own", day=YESTERDAY),
            UNLINKED,
            OpenSession(links_header=True),
            id="daily, of another day: joins its own day's",
        ),
        pytest.param(
            DAILY,
            session("own", day=TODAY),
            UNLINKED,
            JoinOwnSession("own"),
            id="daily, of its day",
        ),
        pytest.param(
            THREAD,
            session("own", day=YESTERDAY),
            UNLINKED,
            JoinOwnSession("own"),
            id="thread: of whatever day",
        ),
    ],
)
def test_a_messages_own_encounter(
    policy: str, own: NamedEncounter, header: ThreadHeader, decision: Decision
) -> None:
    slot = FREE_DAY if policy == DAILY else FREE
    assert decide(message(own=own), header, slot, policy) == decision


@pytest.mark.parametrize("policy", POLICIES)
def test_a_message_that_names_a_session_its_thread_never_had_is_refused(policy: str) -> None:
    slot = attached(DAY if policy == DAILY else STATE)
    with pytest.raises(BusinessRule, match="The thread belongs to Encounter/open"):
        decide(message(own=session("other")), LINKED, slot, policy, had_session=("before",))


@pytest.mark.parametrize("policy", POLICIES)
def test_a_message_that_names_a_session_its_thread_had_joins_the_open_one(policy: str) -> None:
    slot = attached(DAY if policy == DAILY else STATE)
    said = message(own=session("before", "finished"))
    assert decide(said, LINKED, slot, policy, had_session=("before",)) == JOIN


def test_under_daily_a_link_to_the_session_of_another_day_is_stored_as_written() -> None:
    said = message(own=session("other", day=YESTERDAY))
    assert decide(said, LINKED, attached(DAY), DAILY) == JOIN


@pytest.mark.parametrize(
    ("said", "header", "slot", "widens", "points"),
    [
        pytest.param(message(), LINKED, attached(DAY), False, False, id="nothing new: left alone"),
        pytest.param(
            message(),
            ThreadHeader(encounter_id="yesterday's", day=YESTERDAY, last_updated=EIGHT),
            attached(DAY),
            True,
            True,
            id="a message of a later day, also in a slot that another thread opened: re-pointed",
        ),
        pytest.param(
            message(),
            ThreadHeader(encounter_id="tomorrow's", day=TOMORROW, last_updated=EIGHT),
            attached(DAY),
            True,
            False,
            id="the header's day is later: left alone",
        ),
        pytest.param(
            message(),
            ThreadHeader(encounter_id="another", day=TODAY, last_updated=EIGHT),
            attached(DAY),
            True,
            False,
            id="the header's day is the same: left alone",
        ),
        pytest.param(
            message(key=KEY_YESTERDAY),
            LINKED,
            attached(DAY),
            True,
            False,
            id="a key before the day's bounds: widens",
        ),
        pytest.param(
            message(key=KEY_TOMORROW),
            LINKED,
            attached(DAY),
            True,
            False,
            id="a key after the day's bounds: widens",
        ),
        pytest.param(
            message(),
            ThreadHeader(encounter_id="open", day=TODAY, last_updated=TEN),
            attached(DAY),
            True,
            False,
            id="the header was written since the last message: widens",
        ),
        pytest.param(
            message(),
            LINKED,
            attached(DAY, figures=Figures()),
            True,
            False,
            id="the first message: widens",
        ),
    ],
)
def test_a_message_that_joins_its_days_session(
    said: ArrivingMessage, header: ThreadHeader, slot: Slot, *, widens: bool, points: bool
) -> None:
    decision = decide(said, header, slot, DAILY)
    assert isinstance(decision, JoinSession)
    assert (decision.may_widen_span, decision.links_header) == (widens, points)


def test_a_message_of_an_ended_day_joins_while_its_slot_is_open() -> None:
    key = SlotKey("thread", f"day#{YESTERDAY}")
    header = ThreadHeader(encounter_id="open", day=YESTERDAY)
    assert isinstance(decide(message(LATE), header, attached(key), DAILY), JoinSession)


def test_the_day_of_a_message_is_in_the_zone_of_its_thread() -> None:
    """In Berlin it is already tomorrow, so the message's own session of today does not matter."""
    at = f"{TODAY}T23:30:00.000Z"
    berlin = Policy(DAILY, zone=instants.zone("Europe/Berlin"))
    own = session(day=TODAY)
    assert arrival.relevant_own_session(own, Policy(DAILY), at) == own
    assert arrival.relevant_own_session(own, berlin, at) is None
