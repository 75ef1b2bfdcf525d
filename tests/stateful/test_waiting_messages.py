"""Messages without a session that change while their thread is linked must be found there."""

import pytest

from tests.stateful.place import Place
from tests.stateful.practice import local
from tests.stateful.requests import Sleeping
from tests.support import care


@pytest.mark.parametrize("number", range(1, 9))
@pytest.mark.parametrize(
    "change", [{"sent": "2026-03-02T08:00:00Z"}, {"status": "entered-in-error"}]
)
def test_a_message_that_changes_while_its_thread_is_linked_belongs_to_the_session(
    number: int, change: dict[str, str]
) -> None:
    place = Place(local("2026-03-02 12:00"))
    try:
        session = place.answer("POST", "/Encounter", care.session()).id
        header = place.answer("POST", "/Communication", care.header()).id
        for key, sent in (("own", "2026-03-02T10:00:00Z"), ("other", "2026-03-02T09:30:00Z")):
            body = care.message(header, sent, id=key)
            place.answer("PUT", f"/Communication/{key}", body)
        body = care.message(header, "2026-03-02T10:00:00Z", id="own") | change
        place.call("PUT", "/Communication/own", body, Sleeping(number))
        linked = care.header(id=header, encounter=care.reference(f"Encounter/{session}"))
        place.answer("PUT", f"/Communication/{header}", linked)
        while place.asleep:
            place.wake(0)
        ids = place.answer("GET", f"/Communication?session=Encounter/{session}").ids
        assert set(ids) == {"own", "other"}
        place.answer("POST", f"/Encounter/{session}/$close-session")
        place.check()
    finally:
        place.close()
