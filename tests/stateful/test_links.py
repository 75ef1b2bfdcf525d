"""Links that others change while a request sleeps, and links that only one message has."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from shared.fhir import instants
from tests.stateful.place import Place
from tests.stateful.practice import FINE, local
from tests.stateful.requests import Sleeping
from tests.support import care
from tests.support.api_client import PATCH, Answer

# More calls than any of these requests makes.
CALLS = range(1, 30)
UNLINK = [{"op": "remove", "path": "/encounter"}]


def begun(place: Place, **more: Any) -> str:
    return place.answer("POST", "/Communication", care.header(**more)).id


def day_of(place: Place, message_id: str) -> str:
    """Return the day of the session that a message belongs to."""
    snapshot = place.snapshot
    session = snapshot.encounters[snapshot.session(snapshot.messages[message_id])]
    return session.home.rpartition("#")[2]


def test_a_link_that_another_request_removed_cannot_be_removed_again(
    places: Callable[..., Place],
) -> None:
    """RFC 6902: the location that an operation removes must exist."""
    statuses: list[int] = []
    for number in CALLS:
        place = places()
        session = place.answer("POST", "/Encounter", care.session()).id
        url = f"/Communication/{begun(place, encounter=care.reference(f'Encounter/{session}'))}"
        answers: list[Answer] = []
        fate = Sleeping(number)
        place.call(
            "PATCH", url, UNLINK, fate, answers.append, fine=FINE | {400}, content_type=PATCH
        )
        if not place.asleep:
            break
        assert place.answer("PATCH", url, UNLINK, content_type=PATCH).status == 200
        place.rouse()
        statuses += [answer.status for answer in answers]
        assert "encounter" not in place.answer("GET", url).body
        place.check()
    assert set(statuses) == {400}


def test_a_thread_can_be_linked_elsewhere_while_its_session_is_deleted(
    places: Callable[..., Place],
) -> None:
    """The session that the thread leaves may be deleted before it is read."""
    for number in CALLS:
        place = places(SESSION_POLICY="thread")
        thread, next_session = begun(place), place.answer("POST", "/Encounter", care.session()).id
        sent = instants.to_text(place.utc)
        message_id = place.answer("POST", "/Communication", care.message(thread, sent)).id
        session = place.snapshot.session(place.snapshot.messages[message_id])
        answers: list[Answer] = []
        place.call(
            "PATCH",
            f"/Communication/{thread}",
            care.link(next_session),
            Sleeping(number),
            answers.append,
            content_type=PATCH,
        )
        slept = bool(place.asleep)
        place.call("DELETE", f"/Encounter/{session}", fine=FINE | {404, 410})
        place.rouse()
        assert [answer.status for answer in answers] == [200]
        place.check()
        if not slept:
            return


@pytest.mark.parametrize("scope", ["thread", "patient"])
@pytest.mark.parametrize("is_linked", [False, True], ids=["no thread before", "a thread before"])
def test_yesterdays_session_gets_no_message_of_today_in_any_interleaving(
    places: Callable[..., Place], scope: str, *, is_linked: bool
) -> None:
    """It is open when the message is posted, and may be closed when the message is stored."""
    for number in CALLS:
        place = places(SESSION_POLICY="daily", SESSION_SCOPE=scope)
        first, second = begun(place), begun(place)
        sent = instants.to_text(place.utc)
        posted = [place.answer("POST", "/Communication", care.message(first, sent))]
        if is_linked:
            posted.append(place.answer("POST", "/Communication", care.message(second, sent)))
        yesterday = place.snapshot.session(place.snapshot.messages[posted[-1].id])
        place.wait_until(local("2026-03-03 00:00") + timedelta(seconds=1))
        reference = care.reference(f"Encounter/{yesterday}")
        body = care.message(second, instants.to_text(place.utc), encounter=reference)
        answers: list[Answer] = []
        place.call("POST", "/Communication", body, Sleeping(number), answers.append)
        slept = bool(place.asleep)
        place.wait(hours=2)
        now = instants.to_text(place.utc)
        answers.append(place.answer("POST", "/Communication", care.message(second, now)))
        place.rouse()
        assert [answer.status for answer in answers] == [201, 201]
        assert {day_of(place, answer.id) for answer in answers} == {"2026-03-03"}
        assert len({place.snapshot.session(place.snapshot.messages[a.id]) for a in answers}) == 1
        assert {day_of(place, answer.id) for answer in posted} == {"2026-03-02"}
        place.check()
        if not slept:
            return
    pytest.fail("the request never ends")
