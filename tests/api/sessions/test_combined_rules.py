"""Interactions between rules of sessions: clients' and computed bounds, changes midway, days."""

from typing import Any

import pytest

from tests.support import care
from tests.support.practice import Practice, participants

BART = care.reference("Patient/bart-simpson")
SIMPSONS = care.reference("Group/the-simpsons")
EIGHT, NINE, TEN = "2026-03-02 08:00", "2026-03-02 09:00", "2026-03-02 10:00"
DAILY = care.policy(policy={"valueCode": "daily"})
EXPLICIT = care.policy(policy={"valueCode": "explicit"})
AUCKLAND = care.policy(timeZone={"valueCode": "Pacific/Auckland"})


def linked(practice: Practice, session_id: str, **more: Any) -> str:
    header_id = practice.post_header(**more)
    answer = practice.clinic.patch(f"/Communication/{header_id}", care.link(session_id))
    assert answer.status == 200, answer.text
    return header_id


def conversation(practice: Practice) -> dict[str, Any]:
    """Open a server-opened session with messages at nine and ten."""
    header_id = practice.post_header()
    for moment in (NINE, TEN):
        practice.post_message(header_id, moment)
    return practice.session()


def without(session: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in session.items() if name not in names}


# ---- Clients' bounds and computed ones


@pytest.mark.parametrize(
    ("status", "period"),
    [
        ("in-progress", {"end": "2026-03-02T07:00:00Z"}),
        ("onleave", {"end": "2026-03-02T07:00:00Z"}),
        ("finished", {"end": "2026-03-02T07:00:00Z"}),
        ("finished", {"start": "2026-03-03T09:00:00Z"}),
        ("cancelled", {"start": "2026-03-03T09:00:00Z"}),
    ],
)
@pytest.mark.parametrize("is_over", [False, True])
def test_a_computed_bound_that_contradicts_the_clients_is_left_out(
    thread_policy: Practice,
    status: str,
    period: dict[str, str],
    is_over: bool,
) -> None:
    session = conversation(thread_policy)
    url = f"/Encounter/{session['id']}"
    if is_over and status in ("finished", "cancelled"):
        thread_policy.put_changes(url, status="finished")
    body = without(session, "length") | {"status": status, "period": period}
    answer = thread_policy.clinic.put(url, body)
    assert answer.status == 200, answer.text
    assert answer.body["period"] == period
    assert "length" not in answer.body
    thread_policy.put_changes(url, priority={"text": "routine"})
    assert thread_policy.session()["period"] == period


def test_a_finished_session_written_with_a_start_of_the_clients_follows_it(
    thread_policy: Practice,
) -> None:
    session = conversation(thread_policy)
    thread_policy.put_changes(f"/Encounter/{session['id']}", status="finished")
    body = without(session, "length") | {
        "status": "finished",
        "period": {"start": "2026-03-02T08:30:00Z"},
    }
    written = thread_policy.clinic.put(f"/Encounter/{session['id']}", body).body
    assert written["period"]["end"] == "2026-03-02T09:00:00.000Z"
    assert written["length"]["value"] == 30


@pytest.mark.parametrize("status", ["in-progress", "onleave", "finished"])
def test_a_put_without_the_computed_values_keeps_them_whatever_its_status(
    thread_policy: Practice, status: str
) -> None:
    session = conversation(thread_policy)
    bare = without(session, "participant", "period") | {"status": status}
    written = thread_policy.clinic.put(f"/Encounter/{session['id']}", bare).body
    assert participants(written) == participants(session) == [care.ALICE]
    assert written["period"]["start"] == session["period"]["start"]


def test_linking_a_thread_adopts_messages_from_before_the_session(
    practice: Practice,
) -> None:
    waiting = practice.post_header()
    practice.post_message(waiting, EIGHT)
    practice.post_message(
        practice.post_header(extension=care.policy(policy={"valueCode": "thread"})), NINE
    )
    session = practice.session()
    answer = practice.clinic.patch(f"/Communication/{waiting}", care.link(session["id"]))
    assert answer.status == 200, answer.text
    assert len(practice.messages(session)) == 2
    assert practice.sessions_table() == [("in-progress", "02 08:00", "")]


# ---- Sessions that begin later, or whose last thread is completed


def test_a_planned_session_that_begins_closes_when_its_thread_is_idle(practice: Practice) -> None:
    """Its idle time begins with its start, not with the last message before."""
    practice.configure(SESSION_IDLE_MINUTES="60")
    session_id = practice.open_session(status="planned")
    practice.post_message(linked(practice, session_id), NINE)
    practice.advance_to("2026-03-02 12:00")
    practice.put_changes(f"/Encounter/{session_id}", status="in-progress")
    practice.advance_to("2026-03-02 12:59")
    assert practice.session()["status"] == "in-progress"
    practice.advance_to("2026-03-02 13:00")
    assert practice.sessions_table() == [("finished", "02 09:00", "02 09:00")]


@pytest.mark.parametrize(("status", "after"), [("in-progress", "finished"), ("planned", "planned")])
def test_a_clients_session_ends_with_its_last_thread_unless_it_has_not_begun(
    thread_policy: Practice, status: str, after: str
) -> None:
    session_id = thread_policy.open_session(status=status)
    threads = [linked(thread_policy, session_id) for _ in range(2)]
    thread_policy.put_changes(f"/Communication/{threads[0]}", status="completed")
    assert thread_policy.session()["status"] == status
    thread_policy.put_changes(f"/Communication/{threads[1]}", status="completed")
    assert thread_policy.session()["status"] == after


# ---- Headers that change midway


def test_a_changed_policy_applies_to_the_next_session(practice: Practice) -> None:
    session_id = practice.open_session()
    header_id = linked(practice, session_id)
    practice.post_message(header_id, NINE)
    practice.put_changes(f"/Communication/{header_id}", extension=DAILY)
    practice.post_message(header_id, TEN)
    assert len(practice.messages(practice.session())) == 2
    practice.put_changes(f"/Encounter/{session_id}", status="finished")
    practice.post_message(header_id, "2026-03-02 11:00")
    assert practice.sessions_table() == [
        ("finished", "02 09:00", "02 10:00"),
        ("in-progress", "02 11:00", ""),
    ]


def test_a_thread_linked_to_a_day_leaves_the_session_it_had_before_its_policy_changed(
    practice: Practice,
) -> None:
    first, second = practice.open_session(), practice.open_session()
    header_id = linked(practice, first)
    practice.put_changes(f"/Communication/{header_id}", extension=DAILY)
    answer = practice.clinic.patch(f"/Communication/{header_id}", care.link(second))
    assert answer.status == 200, answer.text
    message = practice.post_message(header_id, NINE)
    assert practice.messages(practice.encounter(second)) == [message.id]


def test_a_message_of_another_zones_day_is_found_in_the_session_it_joins(daily: Practice) -> None:
    """Ten in the evening in Berlin is already the next day in Auckland."""
    header_id = daily.post_header()
    first = daily.post_message(header_id, "2026-03-03 03:00")
    daily.put_changes(f"/Communication/{header_id}", extension=AUCKLAND)
    late = daily.post_message(header_id, "2026-03-02 22:00")
    assert daily.messages(daily.session()) == [late.id, first.id]


def test_a_reopened_day_ends_in_the_zone_of_its_thread(daily: Practice) -> None:
    daily.post_message(daily.post_header(extension=AUCKLAND), NINE)
    url = f"/Encounter/{daily.session()['id']}"
    daily.put_changes(url, status="finished")
    daily.put_changes(url, status="in-progress")
    daily.advance_to("2026-03-02 11:59")
    assert daily.session()["status"] == "in-progress"
    daily.advance_to("2026-03-02 12:30")
    assert daily.session()["status"] == "finished"


def test_a_reopened_day_takes_its_own_messages_however_many_threads_it_has(
    daily: Practice,
) -> None:
    header_id = daily.post_header()
    daily.post_message(header_id, NINE)
    session = daily.session()
    for status in ("finished", "in-progress"):
        daily.put_changes(f"/Encounter/{session['id']}", status=status)
    for _ in range(20):
        linked(daily, session["id"], extension=EXPLICIT)
    daily.post_message(header_id, TEN)
    assert len(daily.messages(daily.session())) == 2


# ---- Patients of several threads


def test_a_thread_about_somebody_else_brings_its_patient(thread_policy: Practice) -> None:
    session = conversation(thread_policy)
    header_id = linked(thread_policy, session["id"], subject=BART)
    thread_policy.post_message(header_id, "2026-03-02 11:00", subject=BART)
    assert thread_policy.patients(session) == [BART["reference"], care.HOMER]


def test_a_header_that_is_about_somebody_else_from_then_on_brings_that_patient(
    thread_policy: Practice,
) -> None:
    session = conversation(thread_policy)
    header_id = thread_policy.clinic.get("/Communication?part-of:missing=true").ids[0]
    thread_policy.put_changes(f"/Communication/{header_id}", subject=BART)
    thread_policy.post_message(header_id, "2026-03-02 11:00", subject=BART)
    assert thread_policy.patients(session) == [BART["reference"], care.HOMER]


def test_a_group_stays_the_subject_when_a_patient_is_added(thread_policy: Practice) -> None:
    header_id = thread_policy.post_header(subject=SIMPSONS)
    thread_policy.post_message(header_id, NINE, subject=SIMPSONS)
    thread_policy.post_message(header_id, TEN)
    session = thread_policy.session()
    assert session["subject"] == SIMPSONS
    assert thread_policy.patients(session) == [care.HOMER]
