"""The most dangerous cases, one by one, with explicit sleeps, crashes and interleavings."""

import random
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from shared.fhir import instants
from shared.rules import classification
from shared.store.records import EncounterRecord
from tests.stateful.place import Place
from tests.stateful.requests import Crashing, Sleeping
from tests.support import care
from tests.support.api_client import PATCH, Answer, ApiClient
from tests.support.memory_database import CallHooks


def opened(place: Place, **more: Any) -> str:
    return place.answer("POST", "/Encounter", care.session(**more)).id


def begun(place: Place, **more: Any) -> str:
    return place.answer("POST", "/Communication", care.header(**more)).id


def body_of(place: Place, url: str) -> Any:
    return place.answer("GET", url).body


def post(place: Place, thread: str, ago: int = 0, **more: Any) -> Answer:
    sent = instants.to_text(place.utc - timedelta(minutes=ago))
    answer = place.answer("POST", "/Communication", care.message(thread, sent, **more))
    assert answer.status == 201, answer.text
    return answer


def become(place: Place, url: str, fate: CallHooks | None = None, **values: Any) -> None:
    place.call("PUT", url, body_of(place, url) | values, fate)


def link(place: Place, thread: str, encounter: str, fate: CallHooks | None = None) -> None:
    url = f"/Communication/{thread}"
    place.call("PATCH", url, care.link(encounter), fate, content_type=PATCH)


def session_of(place: Place, message: str) -> EncounterRecord:
    snapshot = place.snapshot
    return snapshot.encounters[snapshot.session(snapshot.messages[message])]


def status(record: EncounterRecord) -> str:
    return str(record.resource["status"])


def period(record: EncounterRecord) -> tuple[str, str]:
    bounds = record.resource["period"]
    return bounds["start"], bounds["end"]


def each_call(longest: int = 40) -> Iterator[int]:
    """Yield the numbers of a request's calls at which something happens, one after the other."""
    yield from range(1, longest)


def test_a_closing_with_a_crash_a_late_message_and_two_workers_completes(
    places: Callable[..., Place],
) -> None:
    """The first worker crashes after any call, and the second sleeps before any of its own."""
    for crash in each_call():
        for sleep in (1, 2, 4, 6):
            place = places(largest=30, SESSION_POLICY="daily")
            thread = begun(place)
            first = post(place, thread)
            session = session_of(place, first.id).id
            for patient in ("Patient/a", "Patient/b"):
                place.answer("POST", "/Encounter", care.medical_encounter(session, patient))
            place.pass_time(days=1)
            worker = Crashing(crash)
            place.look(session, worker)
            place.look(session, Sleeping(sleep))
            late = post(place, thread, ago=23 * 60)
            while place.asleep:
                place.wake(0)
            place.look_at_all()
            place.check()
            record = session_of(place, late.id)
            assert (record.id, status(record)) == (session, "finished")
            assert period(record) == (first.body["sent"], late.body["sent"])
            if worker.number > 0:
                break
        if worker.number > 0:
            return
    pytest.fail("the closing never ends")


def test_a_worker_asleep_between_children_keeps_reopened_encounters_open(
    places: Callable[..., Place],
) -> None:
    for number in each_call():
        place = places(largest=30, SESSION_POLICY="thread")
        thread = begun(place)
        session = session_of(place, post(place, thread).id).id
        child = place.answer("POST", "/Encounter", care.medical_encounter(session, "Patient/a")).id
        other = place.answer("POST", "/Encounter", care.medical_encounter(session, "Patient/b")).id
        place.pass_time(days=2)
        place.look(session, Sleeping(number))
        if not place.asleep:
            assert number > 8
            return
        place.look(session)
        for encounter in (session, child, other):
            become(place, f"/Encounter/{encounter}", status="in-progress")
        place.wake(0)
        assert classification.is_open(place.snapshot.encounters[child].resource), number
        assert classification.is_open(place.snapshot.encounters[other].resource), number
        assert classification.is_open(place.snapshot.encounters[session].resource), number
        place.check()
    pytest.fail("the closing never ends")


def test_messages_retracted_and_posted_between_a_closers_read_and_write_count(
    places: Callable[..., Place],
) -> None:
    for number in each_call():
        place = places(SESSION_POLICY="thread")
        thread = begun(place)
        first = post(place, thread)
        place.pass_time(hours=1)
        last = post(place, thread)
        session = session_of(place, first.id).id
        become(place, f"/Encounter/{session}", Sleeping(number), status="finished")
        if not place.asleep:
            return
        become(place, f"/Communication/{last.id}", status="entered-in-error")
        between = post(place, thread, ago=30)
        place.wake(0)
        record = place.snapshot.encounters[session]
        assert session_of(place, between.id).id == session
        assert period(record) == (first.body["sent"], between.body["sent"])
        place.check()
    pytest.fail("the closing never ends")


@pytest.mark.parametrize("back", [False, True])
def test_a_thread_linked_between_a_closers_read_and_write_counts(
    places: Callable[..., Place], *, back: bool
) -> None:
    """It is linked to the session being closed, or to that, to another, and to it again."""
    for number in each_call():
        place = places()
        thread, second = begun(place), begun(place)
        session, other = opened(place), opened(place)
        link(place, thread, session)
        first = post(place, thread)
        place.pass_time(hours=1)
        become(place, f"/Encounter/{session}", Sleeping(number), status="finished")
        if not place.asleep:
            return
        linked = [session, other, session] if back else [session]
        posted = []
        for encounter in linked:
            link(place, second, encounter)
            place.pass_time(minutes=1)
            posted.append(post(place, second))
        place.wake(0)
        assert [session_of(place, message.id).id for message in posted] == linked
        record = place.snapshot.encounters[session]
        assert period(record) == (first.body["sent"], posted[-1].body["sent"])
        assert not place.snapshot.open_slots_of(session)
        place.check()
    pytest.fail("the closing never ends")


@pytest.mark.parametrize("day", ["2026-03-28", "2026-10-24", "2026-03-02"])
def test_a_hundred_messages_across_midnight_and_a_clock_change_get_their_days(
    places: Callable[..., Place], day: str
) -> None:
    """The messages arrive in any order within two days, some after a sleep in their request."""
    chance = random.Random(day)
    place = places(f"{day} 20:00", SESSION_POLICY="daily", SESSION_SCOPE="patient")
    threads = [begun(place) for _ in range(10)]
    stored: dict[str, str] = {}

    def arrived(answer: Answer) -> None:
        assert answer.status == 201, answer.text
        stored[answer.id] = answer.body["sent"]

    for number in range(100):
        sent = instants.to_text(place.utc - timedelta(minutes=chance.randrange(900)))
        body = care.message(chance.choice(threads), sent)
        fate = Sleeping(chance.randrange(1, 12)) if number % 3 == 0 else CallHooks()
        place.call("POST", "/Communication", body, fate, arrived)
        place.pass_time(minutes=chance.randrange(25))
        if len(place.asleep) > 4:
            place.wake(chance.randrange(5))
        if number % 10 == 0:
            place.look_at_all()
    while place.asleep:
        place.wake(0)
    place.wait(days=3)
    _check_days(place, stored)


def _check_days(place: Place, stored: dict[str, str]) -> None:
    days: dict[str, list[str]] = {}
    for message, sent in stored.items():
        local_day = instants.from_text(sent).astimezone(place.now.tzinfo).date().isoformat()
        days.setdefault(local_day, []).append(sent)
        assert session_of(place, message).home.endswith(local_day)
    assert len(stored) == 100
    expected = sorted((min(sent), max(sent)) for sent in days.values())
    assert sorted(map(period, place.snapshot.encounters.values())) == expected


def test_an_import_of_a_year_ago_is_not_due_at_once(places: Callable[..., Place]) -> None:
    place = places(SESSION_POLICY="thread")
    thread = begun(place)
    posted = [post(place, thread, ago=525_600 - minutes) for minutes in (0, 60, 30)]
    place.wait(hours=23)
    (record,) = place.snapshot.encounters.values()
    assert status(record) == "in-progress"
    place.wait(hours=2)
    (record,) = place.snapshot.encounters.values()
    assert (status(record), period(record)) == (
        "finished",
        (posted[0].body["sent"], posted[1].body["sent"]),
    )


@pytest.mark.parametrize("code", ["VR", "AMB"])
def test_a_planned_visit_with_a_chat_is_not_closed_when_idle(
    places: Callable[..., Place], code: str
) -> None:
    place = places(SESSION_IDLE_MINUTES="60")
    kind = {"class": {"system": care.ACT_CODE, "code": code}}
    visit = opened(place, status="planned", **kind)
    thread = begun(place, encounter=care.reference(f"Encounter/{visit}"))
    post(place, thread)
    for _ in range(10):
        place.wait(hours=20)
    assert status(place.snapshot.encounters[visit]) == "planned"


def test_a_stale_header_after_a_rollover_keeps_todays_link(places: Callable[..., Place]) -> None:
    """The header was read the day before, and its PUT sleeps before any of its calls."""
    for number in each_call():
        place = places(SESSION_POLICY="daily")
        thread = begun(place)
        post(place, thread)
        stale = body_of(place, f"/Communication/{thread}") | {"priority": "urgent"}
        place.wait(days=1)
        place.call("PUT", f"/Communication/{thread}", stale, Sleeping(number))
        today = session_of(place, post(place, thread).id).id
        ended = not place.asleep
        while place.asleep:
            place.wake(0)
        resource = place.snapshot.headers[thread].resource
        assert (classification.encounter_id(resource), resource["priority"]) == (today, "urgent")
        place.check()
        if ended:
            return
    pytest.fail("the change never ends")


def test_a_clients_end_survives_a_crash_of_a_closing_with_twelve_children(
    places: Callable[..., Place],
) -> None:
    for number in each_call(80):
        place = places()
        session = opened(place)
        thread = begun(place, encounter=care.reference(f"Encounter/{session}"))
        message = post(place, thread)
        for patient in range(12):
            child = care.medical_encounter(session, f"Patient/{patient}")
            assert place.answer("POST", "/Encounter", child).status == 201
        place.pass_time(hours=1)
        end = instants.to_text(place.utc)
        worker = Crashing(number)
        change = {"status": "finished", "period": {"end": end}, "reasonCode": [{"text": "Cough"}]}
        become(place, f"/Encounter/{session}", worker, **change)
        begun_closing = place.snapshot.encounters[session].closing is not None
        place.look_at_all()
        record = place.snapshot.encounters[session]
        if status(record) == "finished":
            assert period(record) == (message.body["sent"], end)
            assert record.resource["reasonCode"] == change["reasonCode"]
            assert record.resource["length"]["value"] == 60
            assert all(status(child) == "finished" for child in place.snapshot.children(session))
        else:
            assert not begun_closing
        place.check()
        if worker.number > 0:
            return
    pytest.fail("the closing never ends")


def test_a_day_restored_in_steps_has_one_session_after_any_crash(
    places: Callable[..., Place],
) -> None:
    """A deleted session with twelve open children is put back as finished."""
    for number in each_call(80):
        place = places(SESSION_POLICY="daily")
        thread = begun(place)
        session = session_of(place, post(place, thread).id).id
        for patient in range(12):
            child = care.medical_encounter(session, f"Patient/{patient}")
            assert place.answer("POST", "/Encounter", child).status == 201
        body = body_of(place, f"/Encounter/{session}")
        assert place.answer("DELETE", f"/Encounter/{session}").status == 204
        worker = Crashing(number)
        place.call("PUT", f"/Encounter/{session}", body | {"status": "finished"}, worker)
        record = place.snapshot.encounters[session]
        was_restored = record.closing is not None or not record.deleted
        late = session_of(place, post(place, thread).id)
        assert (late.id == session) is was_restored, f"before call {number}"
        place.wait(days=2)
        assert status(session_of(place, post(place, thread, ago=2 * 24 * 60).id)) == "finished"
        if was_restored:
            children = [status(child) for child in place.snapshot.children(session)]
            assert children == ["finished"] * 12
        place.check()
        if worker.number > 0:
            return
    pytest.fail("the closing never ends")


def test_a_patient_cannot_introduce_a_stranger_as_subject(places: Callable[..., Place]) -> None:
    place = places(SESSION_POLICY="thread")
    thread, stranger = begun(place), care.reference("Patient/montgomery-burns")
    homer = ApiClient(role="patient", fhir_user="Patient/homer-simpson")
    marge = {"patient": "homer-simpson"}
    for person in (homer, ApiClient("related-person", "RelatedPerson/marge-simpson", marge)):
        place.clinic = person
        sender = care.reference(person.fhir_user)
        message = care.message(thread, subject=stranger, sender=sender)
        answer = place.answer("POST", "/Communication", message)
        assert (answer.status, answer.expressions) == (422, ["Communication.subject"])
    assert not place.snapshot.messages
    place.clinic = ApiClient()
    post(place, thread, subject=stranger)
    place.clinic = homer
    post(place, thread)
    post(place, thread, subject=stranger)
    place.check()


@pytest.mark.parametrize("policy", ["explicit", "thread", "daily"])
def test_two_messages_corrected_concurrently_are_both_found_in_their_session(
    places: Callable[..., Place], policy: str
) -> None:
    """Both messages now lie outside of their thread's span in the session."""
    for number in each_call():
        place = places(SESSION_POLICY=policy)
        session = opened(place) if policy == "explicit" else ""
        thread = begun(place)
        if session:
            link(place, thread, session)
        posted = [post(place, thread), post(place, thread)]
        become(place, f"/Encounter/{session_of(place, posted[0].id).id}", status="finished")
        moved = [instants.to_text(place.utc + timedelta(days=days)) for days in (30, 40)]
        become(place, f"/Communication/{posted[0].id}", Sleeping(number), sent=moved[0])
        ended = not place.asleep
        become(place, f"/Communication/{posted[1].id}", sent=moved[1])
        if not ended:
            place.wake(0)
        for message, sent in zip(posted, moved, strict=True):
            assert place.snapshot.messages[message.id].resource["sent"] == sent
        place.check()
        if ended:
            return
    pytest.fail("the change never ends")


def test_a_message_asleep_while_its_thread_leaves_a_plain_record_gets_a_session(
    places: Callable[..., Place],
) -> None:
    """Its header names yesterday's record when it is read, and then the session of the day."""
    for number in each_call():
        place = places(SESSION_POLICY="daily", SESSION_SCOPE="patient")
        record = place.answer("POST", "/Encounter", care.visit()).id
        thread = begun(place, encounter=care.reference(f"Encounter/{record}"))
        place.pass_time(days=1)
        session = session_of(place, post(place, begun(place)).id).id
        stored: list[Answer] = []
        message = care.message(thread, instants.to_text(place.utc))
        place.call("POST", "/Communication", message, Sleeping(number), stored.append)
        if not place.asleep:
            assert number > 4
            return
        post(place, thread)
        url = f"/Encounter/{session}"
        body = body_of(place, url)
        place.answer("DELETE", url)
        place.answer("PUT", url, body)
        place.wake(0)
        assert session_of(place, stored[0].id)
        place.check()
    pytest.fail("the request never ends")


def test_a_message_retracted_while_its_thread_gets_a_session_does_not_count_in_it(
    places: Callable[..., Place],
) -> None:
    """It waited for a session, which adopts it and finishes while the retraction is asleep."""
    for number in each_call():
        place = places()
        thread = begun(place)
        waiting = post(place, thread, ago=60).id
        place.call("DELETE", f"/Communication/{waiting}", None, Sleeping(number))
        if not place.asleep:
            assert number > 4
            return
        become(
            place, f"/Communication/{thread}", extension=care.policy(policy={"valueCode": "thread"})
        )
        message = post(place, thread)
        session = session_of(place, message.id).id
        place.wait(days=3)
        place.rouse()
        record = place.snapshot.encounters[session]
        assert status(record) == "finished"
        assert period(record) == (message.body["sent"], message.body["sent"]), f"call {number}"
        place.check()
    pytest.fail("the request never ends")


@pytest.mark.parametrize("largest", [100, 30])
@pytest.mark.parametrize("child_sleeps", [False, True])
@pytest.mark.parametrize("was_deleted", [False, True])
def test_what_becomes_a_finished_session_while_a_child_reopens_has_no_open_child(
    places: Callable[..., Place], *, was_deleted: bool, child_sleeps: bool, largest: int
) -> None:
    """It was deleted, or a visit. Of the two writes one is asleep during the other."""
    for number in each_call():
        place = places(largest=largest)
        parent = place.answer("POST", "/Encounter", care.visit()).id
        children = [
            place.answer("POST", "/Encounter", care.medical_encounter(parent, patient)).id
            for patient in ("Patient/a", "Patient/b", "Patient/c", "Patient/d", "Patient/e")
        ]
        become(place, f"/Encounter/{children[0]}", status="finished")
        if was_deleted:
            place.answer("DELETE", f"/Encounter/{parent}")
        reopened = body_of(place, f"/Encounter/{children[0]}") | {"status": "in-progress"}
        writes = [care.session("finished", id=parent), reopened]
        sleeping, other = reversed(writes) if child_sleeps else writes
        place.call("PUT", f"/Encounter/{sleeping['id']}", sleeping, Sleeping(number))
        ended = not place.asleep
        place.call("PUT", f"/Encounter/{other['id']}", other)
        place.rouse()
        for encounter in (parent, *children):
            assert status(place.snapshot.encounters[encounter]) == "finished", number
        place.check()
        if ended:
            assert number > 3
            return
    pytest.fail("the request never ends")


@pytest.mark.parametrize("largest", [100, 30])
def test_a_child_that_moves_to_another_session_does_not_end_with_its_former_one(
    places: Callable[..., Place], largest: int
) -> None:
    for number in each_call():
        place = places(largest=largest)
        session, other = opened(place), opened(place)
        children = [
            place.answer("POST", "/Encounter", care.medical_encounter(session, patient)).id
            for patient in ("Patient/a", "Patient/b", "Patient/c", "Patient/d", "Patient/e")
        ]
        become(place, f"/Encounter/{session}", Sleeping(number), status="finished")
        ended = not place.asleep
        for child in children:
            become(place, f"/Encounter/{child}", partOf=care.reference(f"Encounter/{other}"))
        moved = [place.snapshot.encounters[child] for child in children]
        place.rouse()
        assert [place.snapshot.encounters[child] for child in children] == moved, number
        assert status(place.snapshot.encounters[session]) == "finished"
        place.check()
        if ended:
            assert number > 6
            return
    pytest.fail("the closing never ends")


def test_a_message_that_is_overtaken_does_not_set_the_latest_arrival_back(
    places: Callable[..., Place],
) -> None:
    """Both are sent between two others, so that they change no other bound of the slot."""
    for sleep in each_call(12):
        place = places(SESSION_POLICY="thread")
        thread = begun(place)
        post(place, thread, ago=50)
        post(place, thread)
        overtaken = care.message(thread, instants.to_text(place.utc - timedelta(minutes=40)))
        place.pass_time(minutes=1)
        place.call("POST", "/Communication", overtaken, Sleeping(sleep))
        place.pass_time(minutes=5)
        post(place, thread, ago=30)
        latest = place.utc
        place.rouse()
        (slot,) = (slot for slot in place.snapshot.slots.values() if slot.session)
        assert slot.arrived == instants.to_text(latest)
