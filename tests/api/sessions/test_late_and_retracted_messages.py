"""Error-prone cases: moved messages, repeated requests, sessions at their limits."""

from typing import Any

import pytest

from shared.store import dynamodb
from shared.store.keys import Address
from tests.support import care
from tests.support.api_client import ApiClient
from tests.support.steps import end, link, messages_of, open_session, post, thread

FIRST, SECOND, LONG_AGO = "2026-11-20T09:00:00Z", "2026-11-20T09:30:00Z", "2019-01-01T00:00:00Z"


def start_conversation(clinic: ApiClient) -> tuple[str, str, list[str]]:
    session_id = open_session(clinic)
    header_id, ids = thread(clinic, FIRST, SECOND)
    link(clinic, header_id, session_id)
    return session_id, header_id, ids


def test_identifiers_beyond_the_limit_are_refused_before_anything_is_made(
    clinic: ApiClient,
) -> None:
    same = [{"system": f"https://example.org/{number}", "value": "1"} for number in range(60)]
    answer = clinic.post("/Encounter", care.session(identifier=same))
    assert answer.status == 422
    assert answer.expressions == ["Encounter.identifier"]


def test_a_number_beyond_a_float_does_not_break_searches(clinic: ApiClient) -> None:
    vast = '{"value": 1e400}'
    body = clinic.post("/Encounter", care.session()).text.replace("{", '{"length":' + vast + ",", 1)
    own_id = clinic.get("/Encounter?patient=Patient/homer-simpson").ids[0]
    assert clinic.put(f"/Encounter/{own_id}", body).status == 200
    for query in ("patient=Patient/homer-simpson&status=in-progress", "type=x", "_sort=_id"):
        assert clinic.get(f"/Encounter?{query}").status in (200, 400), query
    assert clinic.put("/Encounter?patient=Patient/homer-simpson", body).status == 200


def test_a_key_does_not_name_another_message_that_has_moved_to_it(clinic: ApiClient) -> None:
    header_id, (message_id,) = thread(clinic, FIRST)
    change = [{"op": "replace", "path": "/sent", "value": SECOND}]
    assert clinic.patch(f"/Communication/{message_id}", change).status == 200
    ids = clinic.get(f"/Communication?part-of=Communication/{header_id}").ids
    assert ids == [message_id]
    moved = post(clinic, header_id, SECOND)
    guessed = moved[: -len("0000000000000000")] + message_id[-len("0000000000000000") :]
    assert clinic.get(f"/Communication/{guessed}").status == 404
    assert clinic.administrator.delete(f"/Communication/{guessed}").status == 204
    assert clinic.get(f"/Communication/{message_id}").status == 200


def test_a_message_moved_while_it_is_read_is_found(
    clinic: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, (message_id,) = thread(clinic, FIRST)
    message = f"/Communication/{message_id}"
    change = {"op": "replace", "path": "/sent", "value": SECOND}
    assert clinic.patch(message, [change]).status == 200
    get, others = dynamodb.get, iter([[change | {"value": "2026-03-01T23:00:00Z"}]])

    def overtaken(address: Address) -> Any:
        item = get(address)
        for move in others:
            assert clinic.patch(message, move).status == 200
        return item

    monkeypatch.setattr(dynamodb, "get", overtaken)
    assert clinic.get(message).body["sent"] == "2026-03-01T23:00:00Z"


@pytest.mark.parametrize("finished", [True, False])
def test_a_message_retracted_and_moved_at_once_stays_in_its_session(
    clinic: ApiClient, *, finished: bool
) -> None:
    session_id, _, ids = start_conversation(clinic)
    if finished:
        end(clinic, session_id)
    url = f"/Communication/{ids[0]}"
    body = clinic.get(url).body
    for status in ("entered-in-error", "in-progress"):
        assert clinic.put(url, body | {"status": status, "sent": LONG_AGO}).status == 200
    assert set(messages_of(clinic, session_id)) == set(ids)


def test_a_message_brought_back_with_another_time_stays_in_its_session(clinic: ApiClient) -> None:
    session_id, _, ids = start_conversation(clinic)
    url = f"/Communication/{ids[0]}"
    body = clinic.get(url).body
    clinic.administrator.delete(url)
    assert clinic.put(url, body | {"sent": LONG_AGO}).status == 201
    assert messages_of(clinic, session_id) == ids


def test_a_finished_session_put_again_keeps_its_computed_values(clinic: ApiClient) -> None:
    session_id, _, _ = start_conversation(clinic)
    body = care.session("finished", id=session_id)
    first = clinic.put(f"/Encounter/{session_id}", body)
    again = clinic.put(f"/Encounter/{session_id}", body)
    assert again.body == first.body
    assert first.body["length"]["value"] == 30


def test_participants_are_added_only_as_far_as_a_session_has_room(clinic: ApiClient) -> None:
    identifiers = [{"system": "https://example.org", "value": str(n)} for n in range(10)]
    session_id = open_session(clinic, participant=[], identifier=identifiers)
    header_id, _ = thread(clinic, encounter=care.reference(f"Encounter/{session_id}"))
    for number in range(20):
        post(clinic, header_id, FIRST, sender=care.reference(f"Practitioner/{number}"))
    end(clinic, session_id)
    assert 0 < len(clinic.get(f"/Encounter/{session_id}").body["participant"]) < 20


def test_a_message_waits_if_its_reopened_session_is_full(clinic: ApiClient) -> None:
    session_id, header_id, ids = start_conversation(clinic)
    end(clinic, session_id)
    end(clinic, session_id, "in-progress")
    for _ in range(20):
        assert link(clinic, thread(clinic)[0], session_id) == 200
    post(clinic, header_id, SECOND)
    assert messages_of(clinic, session_id) == ids


def test_every_way_to_end_a_session_ends_its_children(clinic: ApiClient) -> None:
    session_id = open_session(clinic)
    child_id = clinic.post("/Encounter", care.medical_encounter(session_id, care.HOMER)).id
    clinic.administrator.delete(f"/Encounter/{session_id}")
    assert (
        clinic.put(f"/Encounter/{session_id}", care.session("finished", id=session_id)).status
        == 201
    )
    assert clinic.get(f"/Encounter/{child_id}").body["status"] == "finished"


def test_a_client_s_session_without_messages_left_keeps_its_period(clinic: ApiClient) -> None:
    session_id, _, ids = start_conversation(clinic)
    end(clinic, session_id)
    period = clinic.get(f"/Encounter/{session_id}").body["period"]
    for message_id in ids:
        clinic.administrator.delete(f"/Communication/{message_id}")
    left = clinic.get(f"/Encounter/{session_id}").body
    assert left["status"] == "finished"
    assert left["period"]["start"] in (period["start"], "2026-11-20T09:30:00.000Z")


def test_a_status_that_is_only_an_extension_is_refused(clinic: ApiClient) -> None:
    extension = {"extension": [{"url": "https://example.org/why", "valueString": "unsure"}]}
    body = care.session() | {"_status": extension}
    del body["status"]
    answer = clinic.post("/Encounter", body)
    assert (answer.status, answer.expressions) == (400, ["Encounter.status"])


def test_a_message_that_has_arrived_cannot_be_linked_independently_of_its_thread(
    clinic: ApiClient,
) -> None:
    _, _, ids = start_conversation(clinic)
    stranger = open_session(clinic)
    assert clinic.patch(f"/Communication/{ids[0]}", care.link(stranger)).status == 422


def test_a_medical_encounter_by_its_type_takes_no_thread(clinic: ApiClient) -> None:
    body = care.medical_encounter("none", care.HOMER)
    del body["partOf"]
    encounter_id = clinic.post("/Encounter", body).id
    assert link(clinic, thread(clinic)[0], encounter_id) == 422


def test_overlong_ids_find_nothing(clinic: ApiClient) -> None:
    for query in ("_id=", "part-of=Communication/", "session=Encounter/"):
        answer = clinic.get(f"/Communication?{query}{'a' * 900}")
        assert (answer.status, answer.ids) == (200, []), query
