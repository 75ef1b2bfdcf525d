"""Headers, messages and standalone Communications: ids and allowed conversions."""

from typing import Any

import pytest

from shared.fhir import ulids
from tests.support import care, refusals
from tests.support.api_client import Answer, ApiClient
from tests.support.consistency import stored_items
from tests.support.steps import link, messages_of, open_session, post, thread

EARLY, LATE = "2026-11-20T09:00:00Z", "2026-11-20T10:00:00Z"
PART_OF = "Communication.partOf"


def alone(clinic: ApiClient, **more: Any) -> Answer:
    """Post a Communication with a payload and no header, like an inbound e-mail."""
    body = care.message("", EARLY, **more)
    del body["partOf"]
    return clinic.post("/Communication", body)


def messages(clinic: ApiClient, header_id: str) -> list[str]:
    return clinic.get(f"/Communication?part-of=Communication/{header_id}&_sort=sent").ids


def part_of(*header_ids: str) -> list[dict[str, str]]:
    return [care.reference(f"Communication/{header_id}") for header_id in header_ids]


def attach(clinic: ApiClient, own_id: str, header_id: str) -> Answer:
    operation = {"op": "add", "path": "/partOf", "value": part_of(header_id)}
    return clinic.patch(f"/Communication/{own_id}", [operation])


def test_the_id_of_a_message_includes_its_threads_id(clinic: ApiClient) -> None:
    header_id, (message_id,) = thread(clinic, EARLY)
    assert ulids.PATTERN.fullmatch(header_id)
    begin, _, end = message_id.rpartition(".")
    assert begin == header_id
    assert ulids.PATTERN.fullmatch(end)


@pytest.mark.parametrize("own_id", ["SM1", "mail.2026-11-20", "x" * 64])
def test_a_message_under_a_clients_id_belongs_to_its_thread(clinic: ApiClient, own_id: str) -> None:
    session_id = open_session(clinic)
    header_id, _ = thread(clinic, encounter=care.reference(f"Encounter/{session_id}"))
    path = f"/Communication/{own_id}"
    created = clinic.put(path, care.message(header_id, LATE, id=own_id))
    assert created.status == 201, created.text
    other = post(clinic, header_id, EARLY)
    assert messages(clinic, header_id) == messages_of(clinic, session_id) == [other, own_id]
    moved = clinic.put(path, care.message(header_id, "2026-11-20T08:00:00Z", id=own_id))
    assert (moved.status, moved.version) == (200, "2")
    assert messages(clinic, header_id) == [own_id, other]
    assert clinic.get(path).text == moved.text
    assert clinic.get(f"{path}/_history/1").text == created.text
    assert clinic.get(f"/Communication?_id={own_id}").ids == [own_id]
    assert clinic.administrator.delete(path).status == 204
    assert clinic.get(path).status == 410
    assert messages(clinic, header_id) == [other]
    assert clinic.put(path, care.message(header_id, LATE, id=own_id)).version == "4"
    assert messages(clinic, header_id) == [other, own_id]


def test_an_id_of_our_own_shape_may_be_put_into_its_thread(clinic: ApiClient) -> None:
    header_id, _ = thread(clinic)
    other_id, _ = thread(clinic)
    own_id = f"{header_id}.01KAHZ0000ABCDEFGHJKMNPQRS"
    path = f"/Communication/{own_id}"
    stranger = clinic.put(path, care.message(other_id, EARLY, id=own_id))
    refusals.check(stranger, 422, "business-rule", "Communication.id")
    header = clinic.put(path, care.header(id=own_id))
    refusals.check(header, 422, "business-rule", "Communication.id")
    assert clinic.get(path).status == 404
    created = clinic.put(path, care.message(header_id, EARLY, id=own_id))
    assert created.status == 201, created.text
    assert clinic.get(path).text == created.text
    assert messages(clinic, header_id) == [own_id]


@pytest.mark.parametrize("length", [37, 38, 64])
def test_a_header_may_have_an_id_of_any_length(clinic: ApiClient, length: int) -> None:
    header_id, session_id = "h" * length, open_session(clinic)
    clinic.put(f"/Communication/{header_id}", care.header(id=header_id))
    first = post(clinic, header_id, EARLY)
    assert link(clinic, header_id, session_id) == 200
    second = post(clinic, header_id, LATE)
    assert all(len(own_id) <= 64 for own_id in (first, second))
    assert messages(clinic, header_id) == messages_of(clinic, session_id) == [first, second]
    seen = [{"op": "replace", "path": "/status", "value": "completed"}]
    assert clinic.patch(f"/Communication/{first}", seen).version == "2"
    assert clinic.get(f"/Communication/{first}/_history").body["total"] == 2


def test_replacing_a_messages_header_is_refused(clinic: ApiClient) -> None:
    header_id, (message_id,) = thread(clinic, EARLY)
    other_id, _ = thread(clinic)
    path = f"/Communication/{message_id}"
    stored, before = clinic.get(path), stored_items()
    without = {name: value for name, value in stored.body.items() if name != "partOf"}
    for answer in (
        attach(clinic, message_id, other_id),
        clinic.put(path, stored.body | {"partOf": part_of(other_id)}),
        clinic.put(path, stored.body | {"partOf": part_of(header_id, other_id)}),
        clinic.put(path, without),
        clinic.patch(path, [{"op": "remove", "path": "/partOf"}]),
    ):
        refusals.check(answer, 422, "business-rule", PART_OF)
    assert stored_items() == before


def test_a_message_has_one_header(clinic: ApiClient) -> None:
    (one, _), (other, _) = thread(clinic), thread(clinic)
    body = care.message(one, partOf=part_of(one, other))
    refusals.check(clinic.post("/Communication", body), 422, "business-rule", PART_OF)


def test_a_message_cannot_be_a_header(clinic: ApiClient) -> None:
    _, (message_id,) = thread(clinic, EARLY)
    answer = clinic.post("/Communication", care.message(message_id))
    refusals.check(answer, 422, "business-rule", PART_OF)
    refusals.check(attach(clinic, alone(clinic).id, message_id), 422, "business-rule", PART_OF)


def test_the_header_of_a_message_must_exist(clinic: ApiClient) -> None:
    answer = clinic.post("/Communication", care.message("nowhere"))
    refusals.check(answer, 422, "business-rule", PART_OF)
    own = care.message("own", id="own")
    refusals.check(clinic.put("/Communication/own", own), 422, "business-rule", PART_OF)
    assert clinic.get("/Communication/own").status == 404


def test_a_header_with_messages_stays_a_header(clinic: ApiClient) -> None:
    header_id, (message_id,) = thread(clinic, EARLY)
    other_id, _ = thread(clinic)
    refusals.check(attach(clinic, header_id, other_id), 422, "business-rule", PART_OF)
    refusals.check(attach(clinic, header_id, header_id), 422, "business-rule", PART_OF)
    assert messages(clinic, header_id) == [message_id]


def test_a_standalone_communication_is_attached_later_and_keeps_its_id(clinic: ApiClient) -> None:
    session_id = open_session(clinic)
    header_id, (earlier,) = thread(
        clinic, "2026-11-20T08:00:00Z", encounter=care.reference(f"Encounter/{session_id}")
    )
    mail = alone(clinic)
    assert clinic.get("/Communication?part-of:missing=true").ids.count(mail.id) == 1
    attached = attach(clinic, mail.id, header_id)
    assert (attached.status, attached.id, attached.version) == (200, mail.id, "2")
    assert clinic.get(f"/Communication/{mail.id}").text == attached.text
    assert messages(clinic, header_id) == [earlier, mail.id]
    assert messages_of(clinic, session_id) == [earlier, mail.id]
    assert mail.id not in clinic.get("/Communication?part-of:missing=true").ids


def test_an_attached_communication_is_a_message_from_then_on(clinic: ApiClient) -> None:
    header_id, _ = thread(clinic)
    other_id, _ = thread(clinic)
    mail = alone(clinic)
    attach(clinic, mail.id, header_id)
    refusals.check(attach(clinic, mail.id, other_id), 422, "business-rule", PART_OF)
    answer = clinic.post("/Communication", care.message(mail.id))
    refusals.check(answer, 422, "business-rule", PART_OF)
    path = f"/Communication/{mail.id}"
    assert clinic.administrator.delete(path).status == 204
    assert messages(clinic, header_id) == []
    assert clinic.put(path, care.message(header_id, LATE, id=mail.id)).version == "4"
    assert messages(clinic, header_id) == [mail.id]


def test_a_standalone_communication_becomes_a_header_with_its_first_message(
    clinic: ApiClient,
) -> None:
    mail = alone(clinic)
    answer_id = post(clinic, mail.id, LATE)
    assert messages(clinic, mail.id) == [answer_id]
    session_id = open_session(clinic)
    assert link(clinic, mail.id, session_id) == 200
    assert messages_of(clinic, session_id) == [answer_id]
    header_id, _ = thread(clinic)
    refusals.check(attach(clinic, mail.id, header_id), 422, "business-rule", PART_OF)


def test_a_linked_header_that_becomes_a_message_leaves_its_session(clinic: ApiClient) -> None:
    session_id = open_session(clinic)
    mail = alone(clinic, encounter=care.reference(f"Encounter/{session_id}"))
    header_id, _ = thread(clinic)
    attached = attach(clinic, mail.id, header_id)
    assert attached.status == 200, attached.text
    assert messages(clinic, header_id) == [mail.id]
    assert clinic.get(f"/Communication/{mail.id}").text == attached.text


def test_parts_that_are_not_local_communications_may_be_added_and_removed(
    clinic: ApiClient,
) -> None:
    header_id, (message_id,) = thread(clinic, EARLY)
    others: list[dict[str, Any]] = [
        {"display": "the paper file"},
        care.reference("https://other.example/fhir/Communication/1"),
        care.reference("CarePlan/1"),
    ]
    for own_id, own in ((header_id, []), (message_id, part_of(header_id))):
        path = f"/Communication/{own_id}"
        for parts in ([*others, *own], [*own, others[0]], own):
            body = clinic.get(path).body | {"partOf": parts}
            answer = clinic.put(path, body)
            assert answer.status == 200, answer.text
            assert answer.body.get("partOf", []) == parts
    assert messages(clinic, header_id) == [message_id]


def test_a_display_only_part_counts_as_missing(clinic: ApiClient) -> None:
    shown = clinic.post("/Communication", care.header(partOf=[{"display": "the paper file"}]))
    _, (message_id,) = thread(clinic, EARLY)
    ids = clinic.get("/Communication?part-of:missing=true").ids
    assert shown.id in ids
    assert message_id not in ids


@pytest.mark.parametrize("status", ["preparation", "in-progress", "on-hold"])
def test_a_header_is_open_closed_and_reopened(clinic: ApiClient, status: str) -> None:
    header_id, _ = thread(clinic, status=status, sender=care.reference(care.ALICE))
    for other in ("completed", status):
        change = [{"op": "replace", "path": "/status", "value": other}]
        assert clinic.patch(f"/Communication/{header_id}", change).body["status"] == other
        assert clinic.post("/Communication", care.message(header_id)).status == 201
