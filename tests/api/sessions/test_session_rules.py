"""Rules of sessions that the other files do not cover, in the order of their tables."""

import json
from datetime import UTC
from types import SimpleNamespace
from typing import Any

import pytest

from functions import closing_worker
from shared.fhir import instants, references
from shared.rules import times
from tests.support import care
from tests.support.api_client import BASE, ApiClient
from tests.support.practice import Practice, instant_text, local, local_clock_time, participants

BART = care.reference("Patient/bart-simpson")
BOB = care.reference("Practitioner/doctor-bob-jones")
NINE, TEN, ELEVEN = "2026-03-02 09:00", "2026-03-02 10:00", "2026-03-02 11:00"


def linked(practice: Practice, session_id: str, **more: Any) -> str:
    return practice.post_header(encounter=care.reference(f"Encounter/{session_id}"), **more)


# ---- Messages


def test_a_read_receipt_is_no_activity(thread_policy: Practice) -> None:
    header_id = thread_policy.post_header()
    message = thread_policy.post_message(header_id, NINE)
    thread_policy.advance_to("2026-03-03 08:00")
    url = f"/Communication/{message.id}"
    thread_policy.put_changes(url, status="completed", received="2026-03-03T08:00:00+01:00")
    thread_policy.advance_to("2026-03-03 09:00")
    assert thread_policy.sessions_table() == [("finished", "02 09:00", "02 09:00")]


def test_an_edited_sent_changes_neither_session_nor_period(daily: Practice) -> None:
    header_id = daily.post_header()
    message = daily.post_message(header_id, NINE)
    daily.put_changes(f"/Communication/{message.id}", sent="2026-03-01T09:00:00+01:00")
    daily.advance_to("2026-03-03 01:00")
    assert daily.sessions_table() == [("finished", "02 09:00", "02 09:00")]
    assert daily.messages(daily.session()) == [message.id]


@pytest.mark.parametrize("sent", [None, "2026", "2026-01"])
def test_a_message_without_a_time_counts_when_it_was_received(
    thread_policy: Practice, sent: str | None
) -> None:
    header_id = thread_policy.post_header()
    thread_policy.clinic.post("/Communication", care.message(header_id, sent))
    assert local_clock_time(thread_policy.session(), "start") == "02 09:00"


def test_a_message_with_only_a_date_counts_at_the_start_of_that_local_day(
    thread_policy: Practice,
) -> None:
    header_id = thread_policy.post_header()
    thread_policy.clinic.post("/Communication", care.message(header_id, "2026-03-01"))
    assert local_clock_time(thread_policy.session(), "start") == "01 00:00"


def test_a_message_from_the_future_counts_when_it_was_received(thread_policy: Practice) -> None:
    header_id = thread_policy.post_header()
    body = care.message(header_id, instant_text(local("2026-03-09 09:00")))
    thread_policy.clinic.post("/Communication", body)
    assert local_clock_time(thread_policy.session(), "start") == "02 09:00"


def test_a_late_message_under_explicit_waits_for_the_next_link(practice: Practice) -> None:
    first, second = practice.open_session(), practice.open_session()
    header_id = linked(practice, first)
    practice.post_message(header_id, NINE)
    practice.put_changes(f"/Encounter/{first}", status="finished")
    late = practice.post_message(header_id, "2026-03-01 09:00")
    assert late.id not in practice.messages({"id": first})
    practice.clinic.patch(f"/Communication/{header_id}", care.link(second))
    assert practice.messages({"id": second}) == [late.id]


def test_a_late_message_within_its_days_period_makes_no_new_version(daily: Practice) -> None:
    header_id = daily.post_header()
    for moment in (NINE, ELEVEN):
        daily.post_message(header_id, moment)
    daily.advance_to("2026-03-03 01:00")
    before = daily.session()
    late = daily.post_message(header_id, TEN)
    assert daily.session() == before
    assert late.id in daily.messages(before)
    daily.post_message(header_id, "2026-03-02 12:00")
    assert int(daily.session()["meta"]["versionId"]) == int(before["meta"]["versionId"]) + 1


def test_a_clients_session_stays_unchanged_after_losing_all_messages(practice: Practice) -> None:
    session_id = practice.open_session()
    message = practice.post_message(linked(practice, session_id), NINE)
    practice.put_changes(f"/Encounter/{session_id}", status="finished")
    before = practice.session()
    practice.put_changes(f"/Communication/{message.id}", status="entered-in-error")
    assert practice.session() == before


def test_a_message_to_a_completed_header_joins_as_usual(practice: Practice) -> None:
    session_id = practice.open_session()
    header_id = linked(practice, session_id)
    practice.put_changes(f"/Communication/{header_id}", status="completed")
    message = practice.post_message(header_id, NINE)
    assert practice.messages({"id": session_id}) == [message.id]


def test_adopted_messages_are_not_rewritten_if_messages_are_linked(practice: Practice) -> None:
    practice.configure(MESSAGE_LINKING="message")
    header_id = practice.post_header()
    adopted = practice.post_message(header_id, NINE)
    assert "encounter" not in adopted.body
    session_id = practice.open_session()
    practice.clinic.patch(f"/Communication/{header_id}", care.link(session_id))
    joined = practice.post_message(header_id, TEN)
    assert practice.messages({"id": session_id}) == [adopted.id, joined.id]
    assert practice.clinic.get(f"/Communication/{adopted.id}").body == adopted.body
    assert joined.body["encounter"] == care.reference(f"Encounter/{session_id}")


def test_a_sent_message_counts_until_it_is_retracted(practice: Practice) -> None:
    """Not only in the statuses in-progress and completed: a message on hold was sent too."""
    session_id = practice.open_session()
    header_id = linked(practice, session_id)
    practice.post_message(header_id, NINE)
    message = practice.post_message(header_id, TEN)
    for status in ("on-hold", "stopped", "not-done", "unknown"):
        assert practice.put_changes(f"/Communication/{message.id}", status=status).status == 200
    practice.put_changes(f"/Encounter/{session_id}", status="finished")
    assert practice.sessions_table() == [("finished", "02 09:00", "02 10:00")]
    practice.put_changes(f"/Communication/{message.id}", status="preparation")
    assert practice.sessions_table() == [("finished", "02 09:00", "02 09:00")]


@pytest.mark.parametrize("policy", ["explicit", "thread", "daily"])
def test_a_message_with_its_own_link_joins_that_session_under_every_policy(
    practice: Practice, policy: str
) -> None:
    practice.configure(SESSION_POLICY=policy)
    session_id, header_id = practice.open_session(), practice.post_header()
    own = care.reference(f"Encounter/{session_id}")
    ids = [practice.post_message(header_id, moment, encounter=own).id for moment in (NINE, TEN)]
    assert practice.messages(practice.session()) == ids


def named(session: dict[str, Any]) -> dict[str, str]:
    return care.reference(f"Encounter/{session['id']}")


@pytest.mark.parametrize("scope", ["thread", "patient"])
@pytest.mark.parametrize("is_open", [True, False])
@pytest.mark.parametrize("has_today", [True, False])
def test_a_message_that_names_another_days_session_joins_its_own_days_session(
    daily: Practice, scope: str, *, is_open: bool, has_today: bool
) -> None:
    """A client reuses yesterday's id, in the same thread or in another of the patient."""
    daily.configure(SESSION_SCOPE=scope)
    first, second = daily.post_header(), daily.post_header()
    daily.post_message(first, NINE)
    yesterday = daily.session()
    daily.now = local("2026-03-03 00:10")
    if not is_open:
        daily.advance_to("2026-03-03 01:00")
    if has_today:
        for header_id in (first, second):
            daily.post_message(header_id, "2026-03-03 09:00")
    said = [
        daily.post_message(header_id, "2026-03-03 10:00", encounter=named(yesterday))
        for header_id in (first, second)
    ]
    assert [message.body["encounter"] for message in said] == [named(yesterday)] * 2
    assert len(daily.sessions()) == (2 if scope == "patient" else 3)
    assert len(daily.messages(yesterday)) == 1
    for message in said:
        (of_today,) = (
            session for session in daily.sessions() if message.id in daily.messages(session)
        )
        assert local_clock_time(of_today, "start").startswith("03 ")
    daily.advance_to("2026-03-04 01:00")
    assert {status for status, _, _ in daily.sessions_table()} == {"finished"}


def test_a_late_message_that_names_todays_session_amends_its_own_days_session(
    daily: Practice,
) -> None:
    header_id = daily.post_header()
    daily.post_message(header_id, NINE)
    daily.advance_to("2026-03-03 09:00")
    daily.post_message(header_id, "2026-03-03 09:00")
    (today,) = daily.sessions("in-progress")
    late = daily.post_message(header_id, ELEVEN, encounter=named(today))
    before = daily.post_message(daily.post_header(), TEN, encounter=named(today))
    assert daily.sessions_table()[0] == ("finished", "02 09:00", "02 11:00")
    assert late.id not in daily.messages(today)
    assert before.id not in daily.messages(today)


def test_a_draft_that_names_yesterdays_session_joins_the_day_it_is_sent(daily: Practice) -> None:
    header_id, other = daily.post_header(), daily.post_header()
    daily.post_message(header_id, NINE)
    yesterday = daily.session()
    draft = daily.post_message(
        other,
        TEN,
        status="preparation",
        sender=care.reference(care.ALICE),
        encounter=named(yesterday),
    )
    daily.now = local("2026-03-03 00:10")
    daily.put_changes(
        f"/Communication/{draft.id}", sent=instant_text(daily.now), status="in-progress"
    )
    assert draft.id not in daily.messages(yesterday)
    assert len(daily.sessions()) == 2


# ---- Headers and links


@pytest.mark.parametrize("policy", ["thread", "daily"])
def test_a_link_to_a_finished_session_is_refused_if_sessions_follow_messages(
    practice: Practice, policy: str
) -> None:
    practice.configure(SESSION_POLICY=policy)
    session_id, header_id = practice.open_session(), practice.post_header()
    practice.put_changes(f"/Encounter/{session_id}", status="finished")
    answer = practice.clinic.patch(f"/Communication/{header_id}", care.link(session_id))
    assert (answer.status, answer.expressions) == (422, ["Communication.encounter"])
    assert session_id in answer.text


def test_a_thread_can_be_relinked_only_while_its_day_has_no_session(daily: Practice) -> None:
    header_id = daily.post_header()
    own, other = daily.open_session(), daily.open_session()
    assert daily.clinic.patch(f"/Communication/{header_id}", care.link(own)).status == 200
    message = daily.post_message(header_id, NINE)
    assert daily.messages({"id": own}) == [message.id]
    answer = daily.clinic.patch(f"/Communication/{header_id}", care.link(other))
    assert (answer.status, answer.expressions) == (422, ["Communication.encounter"])
    assert own in answer.text


def test_writing_back_an_old_read_after_another_session_began_changes_nothing(
    thread_policy: Practice,
) -> None:
    header_id = thread_policy.post_header()
    thread_policy.post_message(header_id, NINE)
    url = f"/Communication/{header_id}"
    stale = thread_policy.clinic.get(url).body
    thread_policy.advance_to("2026-03-04 09:00")
    thread_policy.post_message(header_id, "2026-03-04 09:00")
    latest = thread_policy.linked_session(header_id)
    assert thread_policy.clinic.put(url, stale | {"priority": "urgent"}).status == 200
    assert thread_policy.linked_session(header_id) == latest
    assert len(thread_policy.sessions("in-progress")) == 1


def test_a_session_of_two_threads_closes_when_both_headers_are_completed(
    thread_policy: Practice,
) -> None:
    first, second = thread_policy.post_header(), thread_policy.post_header()
    thread_policy.post_message(first, NINE)
    link = thread_policy.linked_session(first)
    thread_policy.clinic.patch(f"/Communication/{second}", care.link(link.partition("/")[2]))
    thread_policy.post_message(second, TEN)
    thread_policy.put_changes(f"/Communication/{first}", status="completed")
    assert thread_policy.sessions_table() == [("in-progress", "02 09:00", "")]
    thread_policy.put_changes(f"/Communication/{second}", status="completed")
    assert thread_policy.sessions_table() == [("finished", "02 09:00", "02 10:00")]


@pytest.mark.parametrize("policy", ["explicit", "daily"])
def test_completing_a_header_does_nothing_under_other_policies(
    practice: Practice, policy: str
) -> None:
    practice.configure(SESSION_POLICY=policy, SESSION_IDLE_MINUTES="60")
    header_id = linked(practice, practice.open_session())
    practice.post_message(header_id, NINE)
    practice.put_changes(f"/Communication/{header_id}", status="completed")
    assert practice.session()["status"] == "in-progress"
    # The thread stays attached: the session closes when it would have.
    practice.advance_to(TEN if policy == "explicit" else "2026-03-03 01:00")
    assert practice.sessions_table() == [("finished", "02 09:00", "02 09:00")]


def test_a_deleted_header_leaves_its_session_which_closes(thread_policy: Practice) -> None:
    header_id = thread_policy.post_header()
    thread_policy.post_message(header_id, NINE)
    assert thread_policy.clinic.administrator.delete(f"/Communication/{header_id}").status == 204
    assert thread_policy.sessions_table() == [("finished", "02 09:00", "02 09:00")]
    refused = thread_policy.clinic.post("/Communication", care.message(header_id))
    assert (refused.status, refused.expressions) == (422, ["Communication.partOf"])


# ---- People


def header_without_subject() -> dict[str, Any]:
    """Return a header without a subject."""
    return {name: value for name, value in care.header().items() if name != "subject"}


def test_a_session_without_a_known_patient_has_no_subject(thread_policy: Practice) -> None:
    """Homer as recipient and sender is not taken for the subject."""
    header_id = thread_policy.clinic.post("/Communication", header_without_subject()).id
    body = care.message(header_id)
    del body["subject"]
    thread_policy.clinic.post("/Communication", body)
    assert "subject" not in thread_policy.session()
    thread_policy.post_message(header_id, TEN, subject=BART)
    assert thread_policy.session()["subject"] == BART


def test_the_group_that_a_header_is_about_is_copied(thread_policy: Practice) -> None:
    group = care.reference("Group/family-simpson")
    header_id = thread_policy.post_header(subject=group)
    thread_policy.post_message(header_id, NINE, subject=group)
    assert thread_policy.session()["subject"] == group


def test_a_message_about_another_patient_leaves_a_clients_session_alone(
    practice: Practice,
) -> None:
    session_id = practice.open_session()
    before = practice.session()
    practice.post_message(linked(practice, session_id), NINE, subject=BART)
    assert practice.session() == before


def test_absolute_and_relative_references_are_one_patient(thread_policy: Practice) -> None:
    absolute = care.reference(f"{BASE}/{care.HOMER}")
    header_id = thread_policy.post_header(subject=BART)
    for moment, subject in ((NINE, absolute), (TEN, care.reference(care.HOMER)), (ELEVEN, BART)):
        thread_policy.post_message(header_id, moment, subject=subject)
    assert len(thread_policy.patients(thread_policy.session())) == 2
    assert len(thread_policy.clinic.get("/Encounter").resources) == 3


def test_a_headers_new_patient_is_added_although_a_message_came_while_it_was_written(
    thread_policy: Practice,
) -> None:
    """The header's version is dated before that message, which knew only the former patient."""
    header_id = thread_policy.post_header()
    thread_policy.post_message(header_id, NINE)
    thread_policy.post_message(header_id, "2026-03-02 09:05:10")
    thread_policy.advance(-5)
    thread_policy.put_changes(f"/Communication/{header_id}", subject=BART)
    thread_policy.post_message(header_id, "2026-03-02 09:05:20", subject=BART)
    patients = thread_policy.patients(thread_policy.session())
    assert patients == [BART["reference"], care.HOMER]


@pytest.mark.parametrize("subject", [None, "Group/family-simpson"])
def test_a_thread_without_a_patient_has_its_own_days(daily: Practice, subject: str | None) -> None:
    daily.configure(SESSION_SCOPE="patient")
    body = header_without_subject() | ({"subject": care.reference(subject)} if subject else {})
    threads = [daily.clinic.post("/Communication", body).id for _ in range(2)]
    for header_id in threads:
        daily.post_message(header_id, NINE)
    assert len(daily.sessions()) == 2
    assert len({daily.linked_session(header_id) for header_id in threads}) == 2


def test_senders_become_participants_when_the_session_closes_and_nobody_is_removed(
    thread_policy: Practice,
) -> None:
    header_id = thread_policy.post_header()
    thread_policy.post_message(header_id, NINE)
    message = thread_policy.post_message(header_id, TEN, sender=BOB)
    assert participants(thread_policy.session()) == [care.ALICE]
    thread_policy.advance_to("2026-03-03 10:00")
    assert participants(thread_policy.session()) == [care.ALICE, BOB["reference"]]
    thread_policy.put_changes(f"/Communication/{message.id}", status="entered-in-error")
    assert thread_policy.sessions_table() == [("finished", "02 09:00", "02 09:00")]
    assert participants(thread_policy.session()) == [care.ALICE, BOB["reference"]]


def test_a_late_sender_becomes_a_participant_of_the_amended_session(daily: Practice) -> None:
    header_id = daily.post_header()
    for moment in (NINE, ELEVEN):
        daily.post_message(header_id, moment)
    daily.advance_to("2026-03-03 01:00")
    daily.post_message(header_id, TEN, sender=BOB)
    assert participants(daily.session()) == [care.ALICE]
    daily.post_message(header_id, "2026-03-02 12:00", sender=care.reference("RelatedPerson/marge"))
    assert participants(daily.session()) == [care.ALICE, BOB["reference"], "RelatedPerson/marge"]


def test_a_clients_own_list_of_participants_wins(daily: Practice) -> None:
    header_id = daily.post_header()
    daily.post_message(header_id, NINE)
    own = [{"individual": care.reference("Practitioner/somebody-else")}]
    daily.put_changes(f"/Encounter/{daily.session()['id']}", participant=own)
    daily.post_message(header_id, TEN, sender=BOB)
    daily.advance_to("2026-03-03 01:00")
    assert daily.session()["participant"] == own
    daily.post_message(header_id, ELEVEN, sender=BOB)
    assert daily.sessions_table() == [("finished", "02 09:00", "02 11:00")]
    assert daily.session()["participant"] == own


def test_only_types_that_r4_allows_become_participants(thread_policy: Practice) -> None:
    kinds = ("PractitionerRole", "RelatedPerson", "Device", "Organization", "CareTeam")
    named = [care.reference(f"{kind}/x") for kind in kinds]
    header_id = thread_policy.post_header(
        sender=named[0], recipient=[*named, care.reference(care.HOMER)]
    )
    for kind in ("Patient", "Device", "Organization", "PractitionerRole"):
        thread_policy.post_message(header_id, NINE, sender=care.reference(f"{kind}/y"))
    thread_policy.advance_to("2026-03-04 09:00")
    codes = {
        participant["individual"]["reference"]: participant["type"][0]["coding"][0]["code"]
        for participant in thread_policy.session()["participant"]
    }
    assert codes == {
        "PractitionerRole/x": "ATND",
        "RelatedPerson/x": "PART",
        "PractitionerRole/y": "ATND",
    }


# ---- Times


@pytest.mark.parametrize("by_patch", [True, False])
def test_a_server_computed_length_follows_a_period_corrected_by_a_client(
    practice: Practice,
    by_patch: bool,
) -> None:
    session_id = practice.open_session()
    header_id = linked(practice, session_id)
    for moment in (NINE, TEN):
        practice.post_message(header_id, moment)
    url = f"/Encounter/{session_id}"
    practice.put_changes(url, status="finished")
    assert practice.session()["length"]["value"] == 60
    end = "2026-03-02T09:20:59+01:00"
    if by_patch:
        change = [{"op": "replace", "path": "/period/end", "value": end}]
        assert practice.clinic.patch(url, change).status == 200
    else:
        practice.put_changes(url, period=practice.session()["period"] | {"end": end})
    assert practice.session()["period"]["end"] == end
    assert practice.session()["length"]["value"] == 20
    own = {"value": 5, "unit": "min"}
    practice.put_changes(url, length=own)
    practice.put_changes(url, period={"start": "2026-03-02T08:00:00+01:00", "end": end})
    assert practice.session()["length"] == own


def test_a_length_has_whole_minutes_rounded_down_and_no_medical_encounter_has_one(
    thread_policy: Practice,
) -> None:
    header_id = thread_policy.post_header()
    thread_policy.post_message(header_id, NINE)
    thread_policy.post_message(header_id, "2026-03-02 09:05:59.999", subject=BART)
    thread_policy.advance_to("2026-03-04 09:00")
    everything = thread_policy.clinic.get("/Encounter").resources
    lengths = {
        "partOf" in resource: resource.get("length", {}).get("value") for resource in everything
    }
    assert lengths == {False: 5, True: None}


def test_attaching_a_thread_or_reopening_restarts_the_idle_time(practice: Practice) -> None:
    practice.configure(SESSION_IDLE_MINUTES="60")
    session_id = practice.open_session()
    practice.post_message(linked(practice, session_id), NINE)
    practice.advance_to("2026-03-02 09:50")
    linked(practice, session_id)
    practice.advance_to("2026-03-02 10:49")
    assert practice.session()["status"] == "in-progress"
    practice.advance_to("2026-03-02 10:50")
    assert practice.session()["status"] == "finished"
    practice.put_changes(f"/Encounter/{session_id}", status="in-progress")
    linked(practice, session_id)
    practice.advance_to("2026-03-02 11:49")
    assert practice.session()["status"] == "in-progress"
    practice.advance_to("2026-03-02 11:50")
    assert practice.session()["status"] == "finished"


@pytest.mark.parametrize("policy", ["explicit", "thread"])
@pytest.mark.parametrize("change", ["unlinked", "linked elsewhere", "deleted", "completed"])
def test_a_session_left_by_its_liveliest_thread_is_idle_since_the_others_last_message(
    practice: Practice, policy: str, change: str
) -> None:
    """`$closing` then returns the actual closing time, though the due row was later."""
    practice.configure(SESSION_POLICY=policy, SESSION_IDLE_MINUTES="60")
    session_id = practice.open_session()
    quiet, lively = linked(practice, session_id), linked(practice, session_id)
    practice.post_message(quiet, NINE)
    practice.post_message(lively, "2026-03-02 09:50")
    practice.advance_to("2026-03-02 10:05")
    assert practice.sessions_table() == [("in-progress", "", "")]
    url = f"/Communication/{lively}"
    if change == "deleted":
        practice.clinic = ApiClient("admin")
        practice.clinic.delete(url)
    elif change == "completed":
        practice.put_changes(url, status="completed")
    elif change == "linked elsewhere":
        practice.put_changes(url, encounter=care.reference(f"Encounter/{practice.open_session()}"))
    else:
        body = practice.clinic.get(url).body
        practice.clinic.put(url, {name: body[name] for name in body if name != "encounter"})
    told = practice.clinic.get(f"/Encounter/{session_id}/$closing").body["parameter"]
    closes = {parameter["name"]: parameter.get("valueInstant") for parameter in told}["closes"]
    practice.advance_to("2026-03-02 10:06")
    ended = practice.encounter(session_id)["status"] == "finished"
    assert ended == (closes <= "2026-03-02T09:06:00.000Z")
    # Only under `thread` does a completed header detach; there no client removes a link.
    stays = {"explicit": change == "completed", "thread": change == "unlinked"}[policy]
    assert ended is not stays


def test_a_day_begins_at_its_first_instant_if_midnight_is_skipped(daily: Practice) -> None:
    """In Cairo the clock jumps from 23:59 to 01:00 once a year."""
    daily.configure(SESSION_TIME_ZONE="Africa/Cairo", CLOSE_SPREAD_MINUTES="0")
    cairo = instants.zone("Africa/Cairo")
    first, after = times.day_bounds("2026-04-23", cairo)
    assert (after - first).total_seconds() == 24 * 3600
    assert after.astimezone(cairo).isoformat() == "2026-04-24T01:00:00+03:00"
    daily.now = after.astimezone(UTC)
    header_id = daily.post_header()
    for seconds in (-1, 0):
        sent = instants.from_nanoseconds(instants.to_nanoseconds(after) + seconds * instants.SECOND)
        body = care.message(header_id, instant_text(sent))
        assert daily.clinic.post("/Communication", body).status == 201
    assert [session["status"] for session in daily.sessions()] == ["finished", "in-progress"]


def test_a_message_of_an_ended_day_whose_session_is_still_open_joins(daily: Practice) -> None:
    header_id = daily.post_header()
    first = daily.post_message(header_id, "2026-03-02 23:00")
    daily.now = local("2026-03-03 00:01")
    second = daily.post_message(header_id, "2026-03-02 23:30")
    assert daily.sessions_table() == [("in-progress", "02 23:00", "")]
    assert daily.messages(daily.session()) == [first.id, second.id]


def test_a_message_that_joins_makes_no_new_version(thread_policy: Practice) -> None:
    header_id = thread_policy.post_header()
    thread_policy.post_message(header_id, NINE)
    before = thread_policy.session()
    thread_policy.post_message(header_id, TEN)
    thread_policy.post_message(header_id, ELEVEN, sender=BOB)
    assert thread_policy.session() == before


def test_a_status_lasted_until_the_moment_it_changed(thread_policy: Practice) -> None:
    header_id = thread_policy.post_header()
    thread_policy.post_message(header_id, NINE)
    thread_policy.advance_to("2026-03-03 09:07")
    (past,) = thread_policy.session()["statusHistory"]
    assert past["status"] == "in-progress"
    assert local_clock_time(past, "start") == "02 09:00"
    assert local_clock_time(past, "end") == "03 09:07"


# ---- Lifecycle


@pytest.mark.parametrize("status", ["finished", "cancelled", "entered-in-error"])
def test_open_children_end_with_their_session_and_get_missing_bounds(
    practice: Practice, status: str
) -> None:
    session_id = practice.open_session()
    practice.post_message(linked(practice, session_id), NINE)
    child = care.medical_encounter(session_id, "Patient/bart-simpson")
    child_id = practice.clinic.post("/Encounter", child).id
    practice.put_changes(f"/Encounter/{session_id}", status=status)
    ended = practice.encounter(child_id)
    assert (ended["status"], ended["period"]) == (status, practice.session()["period"])


def test_a_child_that_names_its_session_absolutely_ends_with_it_by_itself(
    practice: Practice,
) -> None:
    practice.configure(SESSION_IDLE_MINUTES="60")
    session_id = practice.open_session()
    practice.post_message(linked(practice, session_id), NINE)
    child = care.medical_encounter(session_id, "Patient/bart-simpson")
    child |= {"partOf": care.reference(f"{BASE}/Encounter/{session_id}")}
    child_id = practice.clinic.post("/Encounter", child).id
    practice.advance_to(TEN)
    assert practice.session()["status"] == "finished"
    assert practice.encounter(child_id)["status"] == "finished"


def test_the_worker_recognises_absolute_references_to_this_server(
    thread_policy: Practice,
) -> None:
    thread_policy.configure(PUBLIC_BASE_URL=BASE)
    header_id = thread_policy.post_header()
    thread_policy.post_message(header_id, NINE)
    thread_policy.post_message(header_id, NINE, sender=care.reference(f"{BASE}/{BOB['reference']}"))
    taken_back = thread_policy.post_message(header_id, TEN)
    thread_policy.put_changes(f"/Communication/{taken_back.id}", status="entered-in-error")
    session_id = thread_policy.session()["id"]
    thread_policy.now = local("2026-03-03 10:00")
    due = {"time": instant_text(thread_policy.now), "due": [["-", session_id]]}
    event = {"Records": [{"messageId": "1", "body": json.dumps(due)}]}
    references.BASE.set("")
    context = SimpleNamespace(get_remaining_time_in_millis=lambda: 60_000)
    assert closing_worker.handler(event, context) == {"batchItemFailures": []}
    assert participants(thread_policy.session()) == [care.ALICE, BOB["reference"]]


@pytest.mark.parametrize("body", ["", "{}", '{"time": "noon", "due": []}'])
def test_a_message_that_cannot_be_read_is_delivered_again_and_holds_up_no_other(
    thread_policy: Practice, body: str
) -> None:
    header_id = thread_policy.post_header()
    thread_policy.post_message(header_id, NINE)
    session_id = thread_policy.session()["id"]
    thread_policy.now = local("2026-03-03 10:00")
    due = json.dumps({"time": instant_text(thread_policy.now), "due": [["-", session_id]]})
    records = [{"messageId": "1", "body": body}, {"messageId": "2", "body": due}]
    context = SimpleNamespace(get_remaining_time_in_millis=lambda: 60_000)
    answer = closing_worker.handler({"Records": records}, context)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "1"}]}
    assert thread_policy.session()["status"] == "finished"


def test_a_session_may_have_another_subject_than_its_medical_encounter(
    practice: Practice,
) -> None:
    session_id = practice.open_session()
    child = care.medical_encounter(session_id, "Patient/bart-simpson")
    assert practice.clinic.post("/Encounter", child).status == 201
    assert practice.session()["subject"] == care.reference(care.HOMER)


def test_children_stay_finished_when_their_session_is_reopened(practice: Practice) -> None:
    session_id = practice.open_session()
    child = care.medical_encounter(session_id, "Patient/bart-simpson")
    child_id = practice.clinic.post("/Encounter", child).id
    for status in ("finished", "in-progress"):
        practice.put_changes(f"/Encounter/{session_id}", status=status)
    assert practice.encounter(child_id)["status"] == "finished"


def test_a_deleted_daily_session_regains_its_day_when_it_is_put_back(
    daily: Practice,
) -> None:
    header_id = daily.post_header()
    first = daily.post_message(header_id, NINE)
    session = daily.session()
    daily.clinic.administrator.delete(f"/Encounter/{session['id']}")
    assert daily.clinic.put(f"/Encounter/{session['id']}", session).status == 201
    second = daily.post_message(header_id, TEN)
    assert daily.messages(session) == [first.id, second.id]
    daily.advance_to("2026-03-03 01:00")
    assert daily.sessions_table() == [("finished", "02 09:00", "02 10:00")]
