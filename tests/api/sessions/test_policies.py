"""Sessions that open, roll over and close by themselves, under each policy.

The clock is simulated: the test sets the time of every request and of every run of due rows.
"""

from datetime import timedelta
from typing import Any

import pytest

from shared import settings
from shared.sessions import due_encounters
from tests.support import care
from tests.support.practice import Practice, local, local_clock_time

# Readable by a clinician: messages at local times, and the resulting sessions.
# Each line: policy, environment, messages as "sent" or "sent > arrived", the time of checking,
# and the final status, first and last message of every session.
CASES: dict[str, tuple[str, dict[str, str], list[str], str, list[tuple[str, str, str]]]] = {
    "explicit opens nothing": (
        "explicit",
        {},
        ["2026-03-02 09:00"],
        "2026-03-09 09:00",
        [],
    ),
    "thread: one conversation, closed a day after its last message": (
        "thread",
        {},
        ["2026-03-02 09:00", "2026-03-02 11:30", "2026-03-03 08:00"],
        "2026-03-04 08:00",
        [("finished", "02 09:00", "03 08:00")],
    ),
    "thread: still open a minute before": (
        "thread",
        {},
        ["2026-03-02 09:00", "2026-03-02 11:30"],
        "2026-03-03 11:29",
        [("in-progress", "02 09:00", "")],
    ),
    "thread: after a pause another session": (
        "thread",
        {},
        ["2026-03-02 09:00", "2026-03-04 10:00"],
        "2026-03-06 10:00",
        [("finished", "02 09:00", "02 09:00"), ("finished", "04 10:00", "04 10:00")],
    ),
    "thread: closed after the longest time, however busy": (
        "thread",
        {"SESSION_MAX_HOURS": "48"},
        ["2026-03-02 09:00", "2026-03-03 08:00", "2026-03-04 07:00"],
        "2026-03-04 09:00",
        [("finished", "02 09:00", "04 07:00")],
    ),
    "thread: a year-old import is not due at once": (
        "thread",
        {},
        ["2025-03-02 09:00 > 2026-03-02 09:00", "2025-03-02 10:00 > 2026-03-02 09:01"],
        "2026-03-02 12:00",
        [("in-progress", "02 09:00", "")],
    ),
    "thread: a message out of order begins the session earlier": (
        "thread",
        {},
        ["2026-03-02 09:00", "2026-03-02 11:30", "2026-03-02 08:40 > 2026-03-02 11:40"],
        "2026-03-02 12:00",
        [("in-progress", "02 08:40", "")],
    ),
    "thread: a late message joins what is open when it arrives": (
        "thread",
        {},
        ["2026-03-02 09:00", "2026-03-04 10:00", "2026-03-02 09:30 > 2026-03-04 10:30"],
        "2026-03-05 10:30",
        [("finished", "02 09:00", "02 09:00"), ("finished", "02 09:30", "04 10:00")],
    ),
    "thread: a late message opens a session where none is open": (
        "thread",
        {},
        ["2026-03-02 09:00", "2026-03-01 20:00 > 2026-03-04 10:00"],
        "2026-03-04 12:00",
        [("in-progress", "01 20:00", ""), ("finished", "02 09:00", "02 09:00")],
    ),
    "thread: idle after the limit of the deployment": (
        "thread",
        {"SESSION_IDLE_MINUTES": "30"},
        ["2026-03-02 09:00", "2026-03-02 09:29", "2026-03-02 10:00"],
        "2026-03-02 10:30",
        [("finished", "02 09:00", "02 09:29"), ("finished", "02 10:00", "02 10:00")],
    ),
    "thread: never for being idle where that is 0": (
        "thread",
        {"SESSION_IDLE_MINUTES": "0"},
        ["2026-03-02 09:00"],
        "2026-03-08 09:00",
        [("in-progress", "02 09:00", "")],
    ),
    "daily: a session a day": (
        "daily",
        {},
        ["2026-03-02 09:00", "2026-03-02 23:59", "2026-03-03 00:00", "2026-03-05 12:00"],
        "2026-03-06 01:00",
        [
            ("finished", "02 09:00", "02 23:59"),
            ("finished", "03 00:00", "03 00:00"),
            ("finished", "05 12:00", "05 12:00"),
        ],
    ),
    "daily: open until the day is over": (
        "daily",
        {},
        ["2026-03-02 09:00"],
        "2026-03-02 23:59",
        [("in-progress", "02 09:00", "")],
    ),
    "daily: a day of 23 hours": (
        "daily",
        {},
        ["2026-03-28 23:30", "2026-03-29 00:30", "2026-03-29 23:30", "2026-03-30 00:30"],
        "2026-03-31 01:00",
        [
            ("finished", "28 23:30", "28 23:30"),
            ("finished", "29 00:30", "29 23:30"),
            ("finished", "30 00:30", "30 00:30"),
        ],
    ),
    "daily: a day of 25 hours": (
        "daily",
        {},
        ["2026-10-24 23:59", "2026-10-25 00:00", "2026-10-25 23:59", "2026-10-26 00:00"],
        "2026-10-27 01:00",
        [
            ("finished", "24 23:59", "24 23:59"),
            ("finished", "25 00:00", "25 23:59"),
            ("finished", "26 00:00", "26 00:00"),
        ],
    ),
    "daily: never for being idle": (
        "daily",
        {"SESSION_IDLE_MINUTES": "30"},
        ["2026-03-02 09:00"],
        "2026-03-02 23:00",
        [("in-progress", "02 09:00", "")],
    ),
    "daily: a late message amends its day": (
        "daily",
        {},
        ["2026-03-02 09:00", "2026-03-03 10:00", "2026-03-02 21:00 > 2026-03-03 11:00"],
        "2026-03-04 01:00",
        [("finished", "02 09:00", "02 21:00"), ("finished", "03 10:00", "03 10:00")],
    ),
    "daily: a late message of a day without a session makes one that is finished": (
        "daily",
        {},
        ["2026-03-03 10:00", "2026-03-01 21:00 > 2026-03-03 11:00"],
        "2026-03-03 12:00",
        [("finished", "01 21:00", "01 21:00"), ("in-progress", "03 10:00", "")],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_messages_of_a_thread_make_these_sessions(practice: Practice, case: str) -> None:
    policy, environment, messages, looked_at, sessions = CASES[case]
    practice.configure(SESSION_POLICY=policy, **environment)
    practice.now = local("2026-03-01 00:00" if "-03-" in looked_at else "2026-10-24 00:00")
    header_id = practice.post_header()
    for message in messages:
        sent, _, arrived = message.partition(" > ")
        practice.advance_to(arrived or sent)
        practice.post_message(header_id, sent)
    practice.advance_to(looked_at)
    assert practice.sessions_table() == sessions


def test_a_session_opened_by_the_server_is_labelled_as_such(thread_policy: Practice) -> None:
    header_id = thread_policy.post_header()
    message = thread_policy.post_message(
        header_id, "2026-03-02 09:00", sender=care.reference("RelatedPerson/marge-simpson")
    )
    (session,) = thread_policy.sessions()
    assert session["class"]["code"] == "VR"
    assert session["type"][0]["coding"][0]["code"] == "session"
    assert session["subject"] == care.reference(care.HOMER)
    took_part = [participant["individual"]["reference"] for participant in session["participant"]]
    assert took_part == [care.ALICE, "RelatedPerson/marge-simpson"]
    assert thread_policy.linked_session(header_id) == f"Encounter/{session['id']}"
    assert thread_policy.messages(session) == [message.id]


@pytest.mark.parametrize("policy", ["explicit", "thread", "daily"])
def test_a_header_without_messages_opens_nothing(practice: Practice, policy: str) -> None:
    practice.configure(SESSION_POLICY=policy)
    practice.post_header()
    practice.post_header(payload=[{"contentString": "Alone"}])
    assert practice.sessions() == []


def test_a_draft_opens_and_extends_nothing(thread_policy: Practice) -> None:
    header_id = thread_policy.post_header()
    thread_policy.post_message(header_id, "2026-03-02 09:00", status="preparation")
    assert thread_policy.sessions() == []


def test_completing_the_header_closes_its_session(thread_policy: Practice) -> None:
    header_id = thread_policy.post_header()
    thread_policy.post_message(header_id, "2026-03-02 09:00")
    thread_policy.post_message(header_id, "2026-03-02 09:20")
    assert (
        thread_policy.put_changes(f"/Communication/{header_id}", status="completed").status == 200
    )
    assert thread_policy.sessions_table() == [("finished", "02 09:00", "02 09:20")]


def test_a_message_to_a_completed_header_opens_a_session_as_usual(thread_policy: Practice) -> None:
    header_id = thread_policy.post_header()
    thread_policy.post_message(header_id, "2026-03-02 09:00")
    thread_policy.put_changes(f"/Communication/{header_id}", status="completed")
    thread_policy.post_message(header_id, "2026-03-02 10:00")
    assert [item[0] for item in thread_policy.sessions_table()] == ["finished", "in-progress"]


def test_reopening_a_header_opens_nothing(thread_policy: Practice) -> None:
    header_id = thread_policy.post_header()
    thread_policy.post_message(header_id, "2026-03-02 09:00")
    thread_policy.put_changes(f"/Communication/{header_id}", status="completed")
    thread_policy.put_changes(f"/Communication/{header_id}", status="in-progress")
    assert len(thread_policy.sessions()) == 1


def test_a_server_opened_session_closes_once_it_has_no_threads(thread_policy: Practice) -> None:
    header_id = thread_policy.post_header()
    thread_policy.post_message(header_id, "2026-03-02 09:00")
    own = thread_policy.clinic.post("/Encounter", care.session()).id
    answer = thread_policy.clinic.patch(f"/Communication/{header_id}", care.link(own))
    assert answer.status == 200, answer.text
    assert sorted(session["status"] for session in thread_policy.sessions()) == [
        "finished",
        "in-progress",
    ]
    message = thread_policy.post_message(header_id, "2026-03-02 10:00")
    (session,) = thread_policy.sessions("in-progress")
    assert (session["id"], thread_policy.messages(session)) == (own, [message.id])


@pytest.mark.parametrize("policy", ["thread", "daily"])
def test_a_link_that_is_removed_or_omitted_is_kept(practice: Practice, policy: str) -> None:
    practice.configure(SESSION_POLICY=policy)
    header_id = practice.post_header()
    practice.post_message(header_id, "2026-03-02 09:00")
    link, url = practice.linked_session(header_id), f"/Communication/{header_id}"
    body = practice.clinic.get(url).body
    del body["encounter"]
    assert practice.clinic.put(url, body | {"topic": {"text": "New"}}).status == 200
    assert practice.linked_session(header_id) == link
    assert practice.clinic.patch(url, [{"op": "remove", "path": "/encounter"}]).status == 200
    assert practice.linked_session(header_id) == link


def test_writing_back_an_old_read_after_a_rollover_changes_nothing(daily: Practice) -> None:
    header_id = daily.post_header()
    daily.post_message(header_id, "2026-03-02 09:00")
    stale = daily.clinic.get(f"/Communication/{header_id}").body
    daily.advance_to("2026-03-03 01:00")
    daily.post_message(header_id, "2026-03-03 09:00")
    today = daily.linked_session(header_id)
    answer = daily.clinic.put(f"/Communication/{header_id}", stale | {"priority": "urgent"})
    assert answer.status == 200
    assert daily.linked_session(header_id) == today


@pytest.mark.parametrize("policy", ["thread", "daily"])
def test_a_header_linked_to_a_visit_opens_no_session(practice: Practice, policy: str) -> None:
    practice.configure(SESSION_POLICY=policy)
    visit_id = practice.clinic.post("/Encounter", care.visit()).id
    header_id = practice.post_header(encounter=care.reference(f"Encounter/{visit_id}"))
    practice.post_message(header_id, "2026-03-02 09:00")
    assert practice.session()["id"] == visit_id
    assert practice.linked_session(header_id) == f"Encounter/{visit_id}"


def test_a_server_opened_session_becomes_entered_in_error_once_all_its_messages_are_retracted(
    thread_policy: Practice,
) -> None:
    header_id = thread_policy.post_header()
    message = thread_policy.post_message(header_id, "2026-03-02 09:00")
    thread_policy.put_changes(f"/Communication/{message.id}", status="entered-in-error")
    thread_policy.advance_to("2026-03-03 09:00")
    assert [session["status"] for session in thread_policy.sessions()] == ["entered-in-error"]


def test_a_day_whose_messages_were_all_retracted_is_free_again(daily: Practice) -> None:
    header_id = daily.post_header()
    message = daily.post_message(header_id, "2026-03-02 09:00")
    daily.advance_to("2026-03-03 01:00")
    daily.put_changes(f"/Communication/{message.id}", status="entered-in-error")
    assert [session["status"] for session in daily.sessions()] == ["entered-in-error"]
    daily.post_message(header_id, "2026-03-02 10:00")
    finished = daily.sessions("finished")
    assert [
        (local_clock_time(session, "start"), local_clock_time(session, "end"))
        for session in finished
    ] == [("02 10:00", "02 10:00")]


def test_a_day_closed_by_a_client_takes_later_messages_of_that_day(daily: Practice) -> None:
    header_id = daily.post_header()
    daily.post_message(header_id, "2026-03-02 09:00")
    (session,) = daily.sessions()
    daily.put_changes(f"/Encounter/{session['id']}", status="finished")
    daily.post_message(header_id, "2026-03-02 10:00")
    assert daily.sessions_table() == [("finished", "02 09:00", "02 10:00")]
    assert len(daily.messages(session)) == 2


def test_a_cancelled_session_frees_its_day(daily: Practice) -> None:
    header_id = daily.post_header()
    daily.post_message(header_id, "2026-03-02 09:00")
    (session,) = daily.sessions()
    daily.put_changes(f"/Encounter/{session['id']}", status="cancelled")
    daily.post_message(header_id, "2026-03-02 10:00")
    assert sorted(session["status"] for session in daily.sessions()) == ["cancelled", "in-progress"]


def test_a_session_is_not_reopened_on_a_day_that_has_another(daily: Practice) -> None:
    header_id = daily.post_header()
    daily.post_message(header_id, "2026-03-02 09:00")
    (session,) = daily.sessions()
    url = f"/Encounter/{session['id']}"
    daily.put_changes(url, status="finished")
    body = daily.clinic.get(url).body
    daily.clinic.administrator.delete(url)
    daily.post_message(header_id, "2026-03-02 10:00")
    answer = daily.clinic.put(url, body | {"status": "in-progress"})
    assert answer.status == 422, answer.text


def test_a_reopened_day_goes_on_until_the_end_of_the_day_of_reopening(daily: Practice) -> None:
    header_id = daily.post_header()
    daily.post_message(header_id, "2026-03-02 09:00")
    (session,) = daily.sessions()
    daily.advance_to("2026-03-03 09:00")
    daily.put_changes(f"/Encounter/{session['id']}", status="in-progress")
    daily.post_message(header_id, "2026-03-02 10:00")
    daily.advance_to("2026-03-03 23:00")
    assert daily.sessions_table() == [("in-progress", "02 09:00", "")]
    daily.advance_to("2026-03-04 01:00")
    assert daily.sessions_table() == [("finished", "02 09:00", "02 10:00")]


def test_the_threads_of_a_patient_share_a_day(daily: Practice) -> None:
    daily.configure(SESSION_SCOPE="patient")
    threads = [daily.post_header() for _ in range(3)]
    other = daily.post_header(subject=care.reference("Patient/bart-simpson"))
    ids = [
        daily.post_message(header_id, f"2026-03-02 0{9 - number}:00").id
        for number, header_id in enumerate(threads)
    ]
    daily.post_message(other, "2026-03-02 12:00", subject=care.reference("Patient/bart-simpson"))
    mine = daily.clinic.get("/Encounter?patient=Patient/homer-simpson").resources
    assert len(mine) == 1
    assert set(daily.messages(mine[0])) == set(ids)
    assert {daily.linked_session(header_id) for header_id in threads} == {
        f"Encounter/{mine[0]['id']}"
    }
    assert len(daily.sessions()) == 2


def test_the_header_points_to_the_latest_day_only(daily: Practice) -> None:
    header_id = daily.post_header()
    daily.post_message(header_id, "2026-03-02 09:00")
    daily.advance_to("2026-03-03 09:00")
    daily.post_message(header_id, "2026-03-03 09:00")
    today = daily.linked_session(header_id)
    daily.post_message(header_id, "2026-03-02 22:00")
    daily.post_message(header_id, "2026-03-01 22:00")
    assert daily.linked_session(header_id) == today
    assert len(daily.sessions()) == 3


def test_another_patient_splits_a_server_opened_session(thread_policy: Practice) -> None:
    header_id = thread_policy.post_header()
    thread_policy.post_message(header_id, "2026-03-02 09:00")
    (session,) = thread_policy.sessions()
    details = {"reasonCode": [{"text": "Cough"}]}
    thread_policy.put_changes(f"/Encounter/{session['id']}", **details)
    bart = care.reference("Patient/bart-simpson")
    thread_policy.post_message(header_id, "2026-03-02 09:10", subject=bart)
    thread_policy.post_message(header_id, "2026-03-02 09:20", subject=bart)
    children = thread_policy.clinic.get(f"/Encounter?part-of=Encounter/{session['id']}").resources
    by_patient = {child["subject"]["reference"]: child for child in children}
    assert set(by_patient) == {care.HOMER, "Patient/bart-simpson"}
    assert by_patient[care.HOMER]["reasonCode"] == details["reasonCode"]
    whole = thread_policy.clinic.get(f"/Encounter/{session['id']}").body
    assert {"subject", "reasonCode"}.isdisjoint(whole)
    thread_policy.advance_to("2026-03-04 09:00")
    assert {
        child["status"]
        for child in thread_policy.clinic.get(
            f"/Encounter?part-of=Encounter/{session['id']}"
        ).resources
    } == {"finished"}


def test_a_first_message_about_another_patient_opens_a_session_of_both(
    thread_policy: Practice,
) -> None:
    header_id = thread_policy.post_header()
    thread_policy.post_message(
        header_id, "2026-03-02 09:00", subject=care.reference("Patient/lisa")
    )
    (session,) = thread_policy.sessions()
    children = thread_policy.clinic.get(f"/Encounter?part-of=Encounter/{session['id']}").resources
    assert {child["subject"]["reference"] for child in children} == {care.HOMER, "Patient/lisa"}
    assert "subject" not in session


def test_explicit_sessions_close_when_idle_if_so_configured(practice: Practice) -> None:
    practice.configure(SESSION_IDLE_MINUTES="60")
    session_id = practice.clinic.post("/Encounter", care.session()).id
    booked_id = practice.clinic.post("/Encounter", care.session(status="planned")).id
    alone_id = practice.clinic.post("/Encounter", care.session()).id
    visit_id = practice.clinic.post("/Encounter", care.visit()).id
    for encounter_id in (session_id, booked_id, visit_id):
        header_id = practice.post_header(encounter=care.reference(f"Encounter/{encounter_id}"))
        practice.post_message(header_id, "2026-03-02 09:30")
    practice.advance_to("2026-03-02 10:29")
    assert practice.sessions("finished") == []
    practice.advance_to("2026-03-02 10:30")
    assert [session["id"] for session in practice.sessions("finished")] == [session_id]
    practice.advance_to("2026-03-20 10:30")
    assert {session["id"] for session in practice.sessions()} - {session_id} == {
        booked_id,
        alone_id,
        visit_id,
    }
    assert [session["id"] for session in practice.sessions("finished")] == [session_id]


def test_processing_a_due_row_again_changes_nothing(thread_policy: Practice) -> None:
    header_id = thread_policy.post_header()
    thread_policy.post_message(header_id, "2026-03-02 09:00")
    thread_policy.advance_to("2026-03-03 09:00")
    before = thread_policy.sessions()
    later = thread_policy.now + timedelta(hours=1)
    assert (
        due_encounters.close_or_postpone("-", before[0]["id"], later)
        is due_encounters.DueResult.NOTHING
    )
    assert thread_policy.sessions() == before


def test_a_header_may_set_its_own_policy(practice: Practice) -> None:
    policy = care.policy(policy={"valueCode": "thread"}, idleMinutes={"valueUnsignedInt": 30})
    header_id = practice.post_header(extension=policy)
    practice.post_message(header_id, "2026-03-02 09:00")
    practice.advance_to("2026-03-02 09:30")
    assert practice.sessions_table() == [("finished", "02 09:00", "02 09:00")]


@pytest.mark.parametrize(("minutes", "status"), [("", "finished"), ("0", "in-progress")])
def test_a_headers_policy_uses_its_own_idle_time_unless_the_deployment_sets_one(
    practice: Practice, minutes: str, status: str
) -> None:
    """A deployment's 0, which means never, takes precedence too."""
    practice.configure(SESSION_IDLE_MINUTES=minutes)
    header_id = practice.post_header(extension=care.policy(policy={"valueCode": "thread"}))
    practice.post_message(header_id, "2026-03-02 09:00")
    practice.advance_to("2026-03-03 09:00")
    assert practice.session()["status"] == status


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"policy": {"valueCode": "weekly"}}, "'weekly'"),
        ({"policy": {"valueString": "daily"}}, "valueCode"),
        ({"idleMinutes": {"valueString": "30"}}, "'30'"),
        ({"maxHours": {"valuePositiveInt": 100_000}}, "100000"),
        ({"timeZone": {"valueCode": "Mars/Olympus"}}, "'Mars/Olympus'"),
        ({"timeZone": {"extension": [{"url": "https://x", "valueCode": "UTC"}]}}, "Nothing"),
        ({"colour": {"valueCode": "red"}}, "'colour'"),
    ],
)
def test_a_wrong_policy_on_a_header_is_refused_by_name(
    practice: Practice, wrong: dict[str, Any], named: str
) -> None:
    answer = practice.clinic.post("/Communication", care.header(extension=care.policy(**wrong)))
    assert answer.status == 422
    assert answer.expressions == ["Communication.extension[0].extension[0]"]
    assert named in answer.body["issue"][0]["details"]["text"]


(POLICY,) = care.policy(policy={"valueCode": "thread"})
THREAD = {"url": "policy", "valueCode": "thread"}


@pytest.mark.parametrize(
    ("extensions", "place", "named"),
    [
        ([{"url": POLICY["url"], "valueCode": "thread"}], "[0]", "valueCode"),
        ([{"url": POLICY["url"], "valueString": "thread"}], "[0]", "valueString"),
        ([{"url": POLICY["url"], "extension": [THREAD, THREAD]}], "[0].extension[1]", "policy"),
        (
            [
                {
                    "url": POLICY["url"],
                    "extension": [
                        {"url": "maxHours", "valuePositiveInt": 5},
                        THREAD,
                        {"url": "maxHours", "valuePositiveInt": 6},
                    ],
                }
            ],
            "[0].extension[2]",
            "maxHours",
        ),
        ([POLICY, {"url": "https://x", "valueCode": "y"}, POLICY], "[2]", "one session policy"),
    ],
)
def test_a_policy_of_another_shape_is_refused_by_name(
    practice: Practice, extensions: list[dict[str, Any]], place: str, named: str
) -> None:
    header = care.header(extension=extensions)
    answers = [practice.clinic.post("/Communication", header)]
    header_id = practice.post_header()
    answers.append(practice.clinic.put(f"/Communication/{header_id}", header | {"id": header_id}))
    change = [{"op": "add", "path": "/extension", "value": extensions}]
    answers.append(practice.clinic.patch(f"/Communication/{header_id}", change))
    for answer in answers:
        assert answer.status == 422, answer.text
        assert answer.expressions == [f"Communication.extension{place}"]
        assert named in answer.body["issue"][0]["details"]["text"]
    assert practice.clinic.get(f"/Communication/{header_id}").version == "1"


def test_messages_are_linked_individually_if_so_configured(
    thread_policy: Practice,
) -> None:
    thread_policy.configure(MESSAGE_LINKING="message")
    header_id = thread_policy.post_header()
    first = thread_policy.post_message(header_id, "2026-03-02 09:00")
    second = thread_policy.post_message(header_id, "2026-03-02 09:01")
    link = thread_policy.linked_session(header_id)
    assert first.body["encounter"]["reference"] == link
    assert second.body["encounter"]["reference"] == link
    bare = {name: value for name, value in first.body.items() if name != "encounter"}
    kept = thread_policy.clinic.put(f"/Communication/{first.id}", bare | {"status": "completed"})
    assert kept.body["encounter"]["reference"] == link


@pytest.mark.parametrize(
    ("name", "value"),
    [("SESSION_POLICY", "weekly"), ("SESSION_SCOPE", "clinic"), ("SESSION_TIME_ZONE", "Mars")],
)
def test_a_deployment_with_an_invalid_setting_does_not_start(
    practice: Practice, name: str, value: str
) -> None:
    practice.configure(**{name: value})
    with pytest.raises(SystemExit, match=name):
        settings.settings()
    practice.configure(**{name: ""})
