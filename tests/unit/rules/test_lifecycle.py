"""The life of an Encounter; rows as in the table Lifecycle of sessions.md, in its order."""

from datetime import UTC
from typing import Any

import pytest

from shared.catalog.code_systems import ENCOUNTER_TYPE
from shared.errors import BusinessRule
from shared.rules import classification, filled_elements, lifecycle, linking, people, transitions
from shared.rules.classification import (
    MEDICAL_ENCOUNTER,
    OPEN_STATUSES,
    SESSION,
    NamedEncounter,
    is_void,
)
from shared.rules.lifecycle import WriteEffect
from shared.rules.linking import MAX_OPENED_THREADS
from shared.rules.people import MAX_OPENED_PATIENTS, Addition
from shared.rules.state import Figures, Slot, SlotKey
from shared.rules.status_history import with_status

type Resource = dict[str, Any]

EIGHT, NINE, TEN = (f"2026-03-02T{hour}:00:00.000Z" for hour in ("08", "09", "10"))
ENDED_STATUSES = ("finished", "cancelled", "entered-in-error")
HOMER, BART = ({"reference": f"Patient/{name}"} for name in ("homer", "bart"))
DAY = SlotKey("thread", "day#2026-03-02")
THREAD_SLOT, DAY_SLOT = (Slot(key=key, session="s", open=True) for key in (SlotKey("t"), DAY))
DELETED: Resource = {}


def typed(code: str, status: str, **elements: Any) -> Resource:
    type_ = [{"coding": [{"system": ENCOUNTER_TYPE, "code": code}]}]
    return {"id": code, "status": status, "type": type_, **elements}


def session(status: str = "in-progress", **elements: Any) -> Resource:
    return typed(SESSION, status, **elements)


def child(status: str = "in-progress", **elements: Any) -> Resource:
    part_of = {"reference": f"Encounter/{SESSION}"}
    return typed(MEDICAL_ENCOUNTER, status, partOf=part_of, **elements)


def visit(status: str = "in-progress") -> Resource:
    return {"id": "visit", "status": status, "class": {"code": "AMB"}}


ENDS = [
    *[
        pytest.param(session(before), session(after), WriteEffect.CLOSE, id=f"{after}: {before}")
        for after in ENDED_STATUSES
        for before in sorted(OPEN_STATUSES)
    ],
    pytest.param(
        visit(), session("finished"), WriteEffect.CLOSE, id="finished: and only now a session"
    ),
    pytest.param(
        visit("finished"), session("finished"), WriteEffect.CLOSE, id="finished: becomes a session"
    ),
    pytest.param(
        session(), visit("finished"), WriteEffect.CLOSE, id="finished: and no session any more"
    ),
    pytest.param(DELETED, session("finished"), WriteEffect.CLOSE, id="finished: as it is restored"),
    pytest.param(
        session("finished"), session("cancelled"), WriteEffect.END, id="cancelled: was finished"
    ),
    pytest.param(None, session("finished"), WriteEffect.END, id="finished: created so"),
    pytest.param(visit(), visit("finished"), WriteEffect.END, id="finished: a plain record"),
]
MEDICAL_ENCOUNTERS = [
    pytest.param(child(), child(after), WriteEffect.END, id=f"medical encounter: {after}, alone")
    for after in ENDED_STATUSES
]
REOPENED = [
    pytest.param(session("finished"), session(), WriteEffect.OPEN, id="reopened"),
    pytest.param(DELETED, session(), WriteEffect.OPEN, id="PUT after delete"),
    pytest.param(None, session(), WriteEffect.OPEN, id="created"),
    pytest.param(None, session("planned"), WriteEffect.OPEN, id="created, planned"),
    pytest.param(child("finished"), child(), WriteEffect.OPEN, id="medical encounter reopened"),
]
OTHER_WRITES = [
    pytest.param(session("planned"), session(), WriteEffect.START, id="a planned one starts"),
    pytest.param(session("planned"), session("planned"), WriteEffect.KEEP_OPEN, id="stays planned"),
    pytest.param(session(), session("onleave"), WriteEffect.KEEP_OPEN, id="stays open"),
    pytest.param(session(), visit(), WriteEffect.KEEP_OPEN, id="open, becomes a plain record"),
]


@pytest.mark.parametrize(
    ("before", "after", "effect"), [*ENDS, *MEDICAL_ENCOUNTERS, *REOPENED, *OTHER_WRITES]
)
def test_the_effect_of_a_write(
    before: Resource | None, after: Resource, effect: WriteEffect
) -> None:
    assert lifecycle.decide(before, after, ENCOUNTER_TYPE) is effect


# -- finished, cancelled, entered-in-error, however it comes about


@pytest.mark.parametrize("status", ENDED_STATUSES)
def test_the_status_passes_to_a_child_with_the_former_one_in_its_history(status: str) -> None:
    ended = with_status(child(text={"status": "generated"}), status, EIGHT, TEN)
    former = {"status": "in-progress", "period": {"start": EIGHT, "end": TEN}}
    assert ended == child(status, statusHistory=[former])


@pytest.mark.parametrize(
    ("period", "expected"),
    [
        pytest.param({}, {"start": EIGHT, "end": TEN}, id="both bounds are missing: filled"),
        pytest.param({"start": NINE}, {"start": NINE, "end": TEN}, id="the end is missing: filled"),
        pytest.param({"end": NINE}, {"start": EIGHT, "end": NINE}, id="the start is missing"),
        pytest.param({"start": NINE, "end": NINE}, {"start": NINE, "end": NINE}, id="both: kept"),
        pytest.param(
            {"start": "2026-03-03"}, {"start": "2026-03-03"}, id="it would end before it starts"
        ),
    ],
)
def test_the_missing_bounds_of_a_childs_period_are_those_of_its_session(
    period: Resource, expected: Resource
) -> None:
    ended = session("finished", period={"start": EIGHT, "end": TEN})
    filled = filled_elements.with_period_of_session({"period": period}, ended, UTC)
    assert filled == {"period": expected}


@pytest.mark.parametrize(
    ("by_server", "figures", "status", "final"),
    [
        pytest.param(
            True, Figures(), "finished", "entered-in-error", id="the server's, no message"
        ),
        pytest.param(True, Figures(NINE, NINE), "finished", "finished", id="the server's"),
        pytest.param(False, Figures(), "finished", "finished", id="a client's, no message"),
        pytest.param(True, Figures(), "cancelled", "cancelled", id="the server's, cancelled"),
    ],
)
def test_the_status_in_which_a_session_ends(
    figures: Figures, status: str, final: str, *, by_server: bool
) -> None:
    assert lifecycle.final_status(status, figures, by_server=by_server) == final


@pytest.mark.parametrize(
    ("encounter", "is_free"),
    [
        *[pytest.param(session(status), False, id=status) for status in sorted(OPEN_STATUSES)],
        pytest.param(session("finished"), False, id="finished"),
        pytest.param(session("cancelled"), True, id="cancelled"),
        pytest.param(session("entered-in-error"), True, id="entered-in-error"),
        pytest.param(DELETED, True, id="deleted"),
    ],
)
def test_a_void_session_frees_its_day(encounter: Resource, *, is_free: bool) -> None:
    assert is_void(encounter) is is_free


# -- medical encounter


@pytest.mark.parametrize(
    ("before", "after", "parent", "begins"),
    [
        pytest.param({}, child(), session(), True, id="created, session open"),
        pytest.param(child("finished"), child(), session(), True, id="reopened, session open"),
        pytest.param(DELETED, child(), session(), True, id="restored, session open"),
        pytest.param(visit(), child(), session(), True, id="an open one moves into the session"),
        pytest.param({}, child("finished"), session("finished"), False, id="created finished"),
        pytest.param(child(), child("onleave"), session("finished"), False, id="stays open"),
        pytest.param({}, child(), visit("finished"), True, id="its parent may become a session"),
        pytest.param(child("finished"), child(), DELETED, True, id="its parent may be restored"),
        pytest.param(child(), child("onleave"), DELETED, False, id="stays open, parent deleted"),
        pytest.param(
            {}, child(subject=BART), session(subject=HOMER), True, id="of another subject: accepted"
        ),
    ],
)
def test_a_medical_encounter_begins_in_what_is_no_ended_session(
    before: Resource, after: Resource, parent: Resource, *, begins: bool
) -> None:
    assert lifecycle.begins_in_parent(before, after, parent, ENCOUNTER_TYPE) is begins


@pytest.mark.parametrize("status", ENDED_STATUSES)
@pytest.mark.parametrize(
    "before", [pytest.param({}, id="created"), pytest.param(child("finished"), id="reopened")]
)
def test_a_medical_encounter_begins_in_no_session_that_has_ended(
    before: Resource, status: str
) -> None:
    with pytest.raises(BusinessRule, match=f"Encounter/session is {status}") as refused:
        lifecycle.begins_in_parent(before, child(), session(status), ENCOUNTER_TYPE)
    assert refused.value.issues[0].expression == "Encounter.partOf"


# -- session deleted


@pytest.mark.parametrize(
    ("slot", "named"),
    [
        pytest.param(THREAD_SLOT, "", id="a thread's slot is freed"),
        pytest.param(DAY_SLOT, "s", id="a day's slot names its session until that is void"),
    ],
)
def test_a_slot_is_detached_from_a_session_that_ends_or_is_deleted(slot: Slot, named: str) -> None:
    detached = transitions.detached_slot(slot)
    assert (detached.open, detached.session) == (False, named)
    assert (detached.epoch, detached.rev) == (1, 1)


def test_the_day_of_a_deleted_session_is_freed() -> None:
    assert transitions.emptied_slot(DAY_SLOT) == Slot(key=DAY, epoch=1, rev=1)


# -- reopened, or PUT after delete


@pytest.mark.parametrize(
    ("filled", "written", "remaining", "left"),
    [
        pytest.param(
            {"start", "end", "length"},
            {},
            {"period": {"start": NINE}},
            {"start"},
            id="the server filled end and length: dropped",
        ),
        pytest.param(
            {"start"},
            {},
            {"period": {"start": NINE, "end": TEN}, "length": 60},
            {"start"},
            id="a client wrote them: kept",
        ),
        pytest.param(
            {"start", "end", "length"},
            {"length": 5},
            {"period": {"start": NINE}, "length": 5},
            {"start"},
            id="a client changes one: kept",
        ),
    ],
)
def test_a_reopened_session_has_no_end_of_the_servers(
    filled: set[str], written: Resource, remaining: Resource, left: set[str]
) -> None:
    before = {"period": {"start": NINE, "end": TEN}, "length": 60}
    after = filled_elements.without_end(before, before | written, frozenset(filled))
    assert after == (remaining, frozenset(left))


@pytest.mark.parametrize(
    ("slot", "claimed"),
    [
        pytest.param(Slot(key=DAY, session="s"), Slot(key=DAY, session="s"), id="names it: stays"),
        pytest.param(
            Slot(key=DAY), Slot(key=DAY, session="s", epoch=1, rev=1), id="names none: names it"
        ),
        pytest.param(
            Slot(key=DAY, session="void"),
            Slot(key=DAY, session="s", epoch=1, rev=1),
            id="names a void one: names it",
        ),
    ],
)
def test_a_session_that_is_reopened_claims_its_day(slot: Slot, claimed: Slot) -> None:
    assert lifecycle.reclaimed_day(slot, "s", is_taken=False) == claimed


def test_a_session_whose_day_has_another_is_not_reopened() -> None:
    with pytest.raises(BusinessRule, match="2026-03-02 already has a session: Encounter/other"):
        lifecycle.reclaimed_day(Slot(key=DAY, session="other"), "s", is_taken=True)


# -- $close-session


@pytest.mark.parametrize(
    ("status", "closes"),
    [
        pytest.param("finished", False, id="finished, or closed meanwhile: 200 unchanged"),
        *[pytest.param(status, True, id=f"{status}: closes") for status in sorted(OPEN_STATUSES)],
    ],
)
def test_close_session_closes_an_open_session(status: str, *, closes: bool) -> None:
    assert lifecycle.closes_on_request(session(status)) is closes


@pytest.mark.parametrize("status", ["cancelled", "entered-in-error"])
def test_close_session_refuses_a_void_session(status: str) -> None:
    with pytest.raises(BusinessRule, match=f"Encounter/session is {status}"):
        lifecycle.closes_on_request(session(status))


@pytest.mark.parametrize(
    ("parent", "is_session", "text"),
    [
        pytest.param("s", False, "Encounter/e is a medical encounter", id="a medical encounter"),
        pytest.param("", False, "Encounter/e is not a session", id="a plain record"),
    ],
)
def test_an_operation_on_a_session_refuses_others(
    parent: str, text: str, *, is_session: bool
) -> None:
    with pytest.raises(BusinessRule, match=text):
        lifecycle.check_is_session("e", parent, is_session=is_session)


def test_an_operation_is_called_on_a_session() -> None:
    lifecycle.check_is_session("e", "", is_session=True)


# -- $open-session


@pytest.mark.parametrize("status", sorted(OPEN_STATUSES))
def test_open_session_refuses_a_thread_in_an_open_session(status: str) -> None:
    with pytest.raises(BusinessRule, match="already has an open session: Encounter/s"):
        linking.check_is_free("thread", NamedEncounter(id="s", status=status))


@pytest.mark.parametrize(
    "encounter",
    [
        *[
            pytest.param(NamedEncounter(id="s", status=status), id=f"in a session that is {status}")
            for status in ENDED_STATUSES
        ],
        pytest.param(
            NamedEncounter(id="v", status="in-progress", is_session=False),
            id="linked to a plain record",
        ),
    ],
)
def test_open_session_links_a_thread(encounter: NamedEncounter) -> None:
    linking.check_is_free("thread", encounter)


def test_open_session_refuses_too_many_threads() -> None:
    linking.check_thread_count(MAX_OPENED_THREADS)
    with pytest.raises(BusinessRule, match="at most 6 threads"):
        linking.check_thread_count(MAX_OPENED_THREADS + 1)


def test_open_session_refuses_too_many_patients() -> None:
    people.check_patient_count(MAX_OPENED_PATIENTS, "patient")
    with pytest.raises(BusinessRule, match="at most 10 patients") as refused:
        people.check_patient_count(MAX_OPENED_PATIENTS + 1, "thread")
    assert refused.value.issues[0].expression == "thread"


# -- $add-patient


@pytest.mark.parametrize("status", ENDED_STATUSES)
def test_add_patient_refuses_a_session_that_is_not_open(status: str) -> None:
    with pytest.raises(BusinessRule, match=f"Encounter/session is {status}"):
        people.addition(session(status, subject=HOMER), [], HOMER)


@pytest.mark.parametrize(
    ("elements", "children", "subject", "addition"),
    [
        pytest.param({"subject": HOMER}, [], HOMER, Addition.NOTHING, id="its subject: unchanged"),
        pytest.param(
            {},
            [child(subject=HOMER), child(subject=BART)],
            BART,
            Addition.NOTHING,
            id="has a medical encounter: unchanged",
        ),
        pytest.param({}, [], HOMER, Addition.SET_SUBJECT, id="the first: becomes the subject"),
        pytest.param(
            {"subject": HOMER},
            [],
            BART,
            Addition.SPLIT,
            id="the second: what concerns the first moves to a medical encounter",
        ),
        pytest.param(
            {},
            [child(subject=HOMER)],
            BART,
            Addition.ADD_MEDICAL_ENCOUNTER,
            id="a later one: gets a medical encounter",
        ),
        pytest.param(
            {"subject": {"reference": "Group/simpsons"}},
            [],
            BART,
            Addition.ADD_MEDICAL_ENCOUNTER,
            id="of a Group: the Group stays",
        ),
    ],
)
def test_adding_a_patient_to_a_session(
    elements: Resource, children: list[Resource], subject: Resource, addition: Addition
) -> None:
    assert people.addition(session(**elements), children, subject) is addition


def test_a_session_that_becomes_a_plain_record_takes_no_more_messages() -> None:
    assert not classification.is_open_session(visit(), ENCOUNTER_TYPE)
