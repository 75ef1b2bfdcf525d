"""The domain events of sessions, messages and threads, from a record before and after a write."""

from typing import Any

import pytest

from shared.catalog.code_systems import ENCOUNTER_TYPE
from shared.rules import domain_events
from shared.rules.classification import MEDICAL_ENCOUNTER, SESSION
from shared.rules.domain_events import (
    DomainEvent,
    MessageJoinedSession,
    SessionAmended,
    SessionClosed,
    SessionOpened,
    ThreadLinked,
    ThreadUnlinked,
)
from shared.rules.state import Figures

type Resource = dict[str, Any]

EIGHT, NINE, TEN = (f"2026-03-02T{hour}:00:00.000Z" for hour in ("08", "09", "10"))
MORNING, LONGER = Figures(EIGHT, NINE), Figures(EIGHT, TEN)
GONE: Resource = {}
OPENED, CLOSED = SessionOpened("daily"), SessionClosed("daily", EIGHT, NINE)


def typed(code: str, status: str, **elements: Any) -> Resource:
    type_ = [{"coding": [{"system": ENCOUNTER_TYPE, "code": code}]}]
    return {"id": code, "status": status, "type": type_, **elements}


def session(status: str = "in-progress", **elements: Any) -> Resource:
    return typed(SESSION, status, **elements)


def child(status: str = "in-progress") -> Resource:
    part_of = {"reference": f"Encounter/{SESSION}"}
    return typed(MEDICAL_ENCOUNTER, status, partOf=part_of)


VISIT: Resource = {"id": "visit", "status": "in-progress", "class": {"code": "AMB"}}


@pytest.mark.parametrize(
    ("before", "after", "events"),
    [
        pytest.param(GONE, session(), [OPENED], id="created"),
        pytest.param(session("finished"), session(), [OPENED], id="reopened"),
        pytest.param(session(), session("finished"), [CLOSED], id="ended"),
        pytest.param(session(), session("cancelled"), [CLOSED], id="cancelled"),
        pytest.param(session(), GONE, [CLOSED], id="deleted"),
        pytest.param(session(), VISIT, [CLOSED], id="becomes a plain record"),
        pytest.param(GONE, session("finished"), [OPENED, CLOSED], id="created finished"),
        pytest.param(GONE, session("cancelled"), [], id="created cancelled"),
        pytest.param(session(), session("onleave"), [], id="stays open"),
        pytest.param(session("finished"), GONE, [], id="deleted when it had ended"),
        pytest.param(GONE, child(), [], id="a medical encounter"),
        pytest.param(child(), child("finished"), [], id="a medical encounter ends"),
    ],
)
def test_what_happens_to_a_session(
    before: Resource, after: Resource, events: list[DomainEvent]
) -> None:
    made = domain_events.of_session(
        before, after, ENCOUNTER_TYPE, policy="daily", figures=MORNING, earlier=MORNING
    )
    assert made == events


@pytest.mark.parametrize(
    ("after", "figures", "is_amended"),
    [
        pytest.param(session("finished", length={"value": 120}), LONGER, True, id="late message"),
        pytest.param(session("entered-in-error"), Figures(), True, id="last message retracted"),
        pytest.param(session("finished", length={"value": 9}), MORNING, False, id="by a client"),
        pytest.param(session("finished"), LONGER, False, id="period is the client's"),
        pytest.param(GONE, Figures(), False, id="deleted"),
    ],
)
def test_a_message_that_changes_an_ended_session_amends_it(
    after: Resource, figures: Figures, *, is_amended: bool
) -> None:
    made = domain_events.of_session(
        session("finished"),
        after,
        ENCOUNTER_TYPE,
        policy="daily",
        figures=figures,
        earlier=MORNING,
    )
    assert made == ([SessionAmended("daily", figures.first, figures.last)] * is_amended)


def test_figures_of_a_session_that_stays_open_do_not_amend_it() -> None:
    made = domain_events.of_session(
        session(), session(), ENCOUNTER_TYPE, policy="", figures=LONGER, earlier=MORNING
    )
    assert made == []


@pytest.mark.parametrize(
    ("earlier", "now", "has_joined"),
    [("", "s", True), ("s", "s", False), ("", "", False)],
    ids=["counts", "stays", "waits"],
)
def test_a_message_joins_a_session_once(earlier: str, now: str, *, has_joined: bool) -> None:
    expected = (
        [MessageJoinedSession("Encounter/s", "Communication/thread", NINE)] if has_joined else []
    )
    assert domain_events.of_message(earlier, now, "thread", NINE) == expected


def thread(encounter_id: str = "", **elements: Any) -> Resource:
    named = {"encounter": {"reference": f"Encounter/{encounter_id}"}} if encounter_id else {}
    return {"resourceType": "Communication", "status": "in-progress", **named, **elements}


PART_OF = [{"reference": "Communication/other"}]


@pytest.mark.parametrize(
    ("before", "after", "events"),
    [
        pytest.param(thread(), thread("a"), [ThreadLinked("Encounter/a", EIGHT)], id="linked"),
        pytest.param(
            GONE, thread("a"), [ThreadLinked("Encounter/a", EIGHT)], id="created with a link"
        ),
        pytest.param(thread("a"), thread(), [ThreadUnlinked("Encounter/a")], id="unlinked"),
        pytest.param(thread("a"), GONE, [ThreadUnlinked("Encounter/a")], id="deleted"),
        pytest.param(
            thread("a"),
            thread("b"),
            [ThreadUnlinked("Encounter/a"), ThreadLinked("Encounter/b", EIGHT)],
            id="moved",
        ),
        pytest.param(thread("a"), thread("a", status="completed"), [], id="completed"),
        pytest.param(GONE, thread("a", partOf=PART_OF), [], id="a message names its own"),
        pytest.param(
            thread("a"),
            thread("a", partOf=PART_OF),
            [ThreadUnlinked("Encounter/a")],
            id="becomes a message",
        ),
    ],
)
def test_what_happens_to_the_link_of_a_thread(
    before: Resource, after: Resource, events: list[DomainEvent]
) -> None:
    assert domain_events.of_thread(before, after, EIGHT) == events


def test_the_json_of_an_event_leaves_out_what_is_empty() -> None:
    assert domain_events.to_json(SessionClosed("", EIGHT)) == {
        "name": "SessionClosed",
        "first": EIGHT,
    }
