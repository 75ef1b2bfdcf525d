"""A message that does not fit one transaction with the session it opens: open first, then store."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from shared.fhir import instants
from shared.rules import classification
from tests.stateful.place import Place
from tests.stateful.practice import NOON, local
from tests.stateful.requests import Crashing, Sleeping
from tests.support import care
from tests.support.api_client import Answer
from tests.support.memory_database import CallHooks

# As many people as a header may name. Then neither the header's new version nor the message's rows
# leave room for the other within 100 items.
CROWD = [care.reference(f"Practitioner/{number}") for number in range(35)]
STRANGER = care.reference("Patient/bart-simpson")


@pytest.fixture(params=["thread", "daily"])
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    practice = Place(local(NOON), SESSION_POLICY=request.param)
    yield practice
    practice.close()


def begun(place: Place) -> str:
    return place.answer(
        "POST", "/Communication", care.header(sender=care.reference(care.ALICE), recipient=CROWD)
    ).id


def post(place: Place, thread: str, fate: CallHooks | None = None, **more: Any) -> list[Answer]:
    """Post a message to the crowd, sent now. Return a list of its answer, empty after a crash."""
    answers: list[Answer] = []
    sent = instants.to_text(place.utc)
    body = care.message(thread, sent, recipient=CROWD, **more)
    place.call("POST", "/Communication", body, fate, answers.append)
    return answers


def statuses(place: Place) -> list[str]:
    return sorted(str(record.resource["status"]) for record in place.snapshot.encounters.values())


def test_a_message_to_a_crowd_opens_a_session_and_joins_it(place: Place) -> None:
    thread = begun(place)
    (answer,) = post(place, thread)
    assert answer.status == 201, answer.text
    ((session, record),) = place.snapshot.encounters.items()
    assert place.snapshot.session(place.snapshot.messages[answer.id]) == session
    assert classification.encounter_id(place.snapshot.headers[thread].resource) == session
    assert record.resource["period"]["start"] == answer.body["sent"]
    place.wait(days=3)
    assert statuses(place) == ["finished"]


def test_a_message_about_another_patient_splits_the_session_before_it(place: Place) -> None:
    thread = begun(place)
    for patient in (STRANGER, STRANGER, care.reference(care.HOMER)):
        (answer,) = post(place, thread, subject=patient)
        assert answer.status == 201, answer.text
    children = {
        child.resource["subject"]["reference"]
        for session in place.snapshot.encounters
        for child in place.snapshot.children(session)
    }
    assert children == {care.HOMER, STRANGER["reference"]}
    assert len(place.snapshot.encounters) == 3
    place.wait(days=3)
    assert statuses(place) == ["finished"] * 3


def test_a_late_message_to_a_crowd_opens_its_day_and_leaves_it_finished(
    places: Callable[..., Place],
) -> None:
    place = places(SESSION_POLICY="daily")
    thread = begun(place)
    yesterday = "2026-03-01T10:00:00.000Z"
    # A draft that moves within its thread needs twice the rows of a message.
    draft = care.message(thread, recipient=CROWD, status="preparation")
    url = f"/Communication/{place.answer('POST', '/Communication', draft).id}"
    body = place.answer("GET", url).body | {"status": "in-progress", "sent": yesterday}
    assert place.answer("PUT", url, body).status == 200
    place.wait(minutes=40)
    (record,) = place.snapshot.encounters.values()
    assert statuses(place) == ["finished"]
    assert record.resource["period"] == {"start": yesterday, "end": yesterday}


def test_a_crash_before_any_call_leaves_an_empty_session_that_the_retry_joins(
    place: Place,
) -> None:
    between = False
    for number in range(1, 60):
        thread = begun(place)
        worker = Crashing(number)
        post(place, thread, worker)
        here = [
            message
            for message in place.snapshot.messages.values()
            if message.place.thread == thread
        ]
        between = between or bool(place.snapshot.slots and not here and _session(place, thread))
        if not here:
            (answer,) = post(place, thread)
            here = [place.snapshot.messages[answer.id]]
        assert _session(place, thread) == place.snapshot.session(here[0])
        place.check()
        if worker.number > 0:
            assert between
            assert len(place.snapshot.encounters) == number
            return
    pytest.fail("the message never ends")


def _session(place: Place, thread: str) -> str:
    return classification.encounter_id(place.snapshot.headers[thread].resource)


def test_a_crash_without_a_retry_leaves_an_empty_session_that_closing_voids(
    places: Callable[..., Place],
) -> None:
    for policy in ("thread", "daily"):
        for number in range(1, 60):
            place = places(SESSION_POLICY=policy)
            thread = begun(place)
            post(place, thread, Crashing(number))
            if place.snapshot.encounters:
                break
        assert not place.snapshot.messages
        place.wait(days=3)
        assert statuses(place) == ["entered-in-error"]
        (answer,) = post(place, thread)
        assert answer.status == 201
        assert statuses(place) == ["entered-in-error", "in-progress"]


def test_two_concurrent_messages_to_a_crowd_open_one_session(places: Callable[..., Place]) -> None:
    for number in range(1, 60):
        place = places(SESSION_POLICY="thread")
        thread = begun(place)
        answers = post(place, thread, Sleeping(number))
        ended = not place.asleep
        answers += post(place, thread)
        if not ended:
            place.wake(0)
        assert len(place.snapshot.messages) == 2
        assert statuses(place) == ["in-progress"]
        place.check()
        if ended:
            return
    pytest.fail("the message never ends")


@pytest.mark.parametrize("about", [care.reference(care.HOMER), None])
def test_an_accepted_header_never_has_too_many_people_for_a_session(
    place: Place, about: dict[str, str] | None
) -> None:
    """Its link and its session's patient are added later, and each needs an index row."""
    answers = set()
    for count in range(32, 40):
        crowd = [care.reference(f"Practitioner/{number}") for number in range(count)]
        header = care.header(sender=care.reference(care.ALICE), recipient=crowd)
        if about is None:
            del header["subject"]
        answer = place.answer("POST", "/Communication", header)
        answers.add(answer.status)
        if answer.status == 201:
            (answer,) = post(place, answer.id)
            assert answer.status == 201, answer.text
    assert answers == {201, 422}
    place.wait(days=3)
    assert set(statuses(place)) == {"finished"}
