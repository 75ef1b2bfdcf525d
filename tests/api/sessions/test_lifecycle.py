"""Opening, ending, reopening and deleting Encounters."""

from typing import Any

import pytest

from tests.support import care
from tests.support.api_client import ApiClient
from tests.support.practice import Practice
from tests.support.steps import end, link, messages_of, open_session, post, thread

START, LATER, LAST = "2026-11-20T09:00:00Z", "2026-11-20T09:07:00Z", "2026-11-20T09:25:30Z"


def talk(clinic: ApiClient, *sent: str) -> tuple[str, str, list[str]]:
    """Open a session with one linked thread and its messages."""
    session_id = open_session(clinic)
    header_id, _ = thread(clinic, encounter=care.reference(f"Encounter/{session_id}"))
    return session_id, header_id, [post(clinic, header_id, at) for at in sent]


def encounter(clinic: ApiClient, encounter_id: str) -> dict[str, Any]:
    body: dict[str, Any] = clinic.get(f"/Encounter/{encounter_id}").body
    return body


def test_finishing_fills_period_and_length_from_the_messages(clinic: ApiClient) -> None:
    session_id, _, _ = talk(clinic, LATER, LAST, START)
    end(clinic, session_id)
    finished = encounter(clinic, session_id)
    assert finished["period"] == {
        "start": "2026-11-20T09:00:00.000Z",
        "end": "2026-11-20T09:25:30.000Z",
    }
    assert finished["length"] == {
        "value": 25,
        "unit": "min",
        "system": "http://unitsofmeasure.org",
        "code": "min",
    }


def test_period_and_length_written_by_the_client_are_kept(clinic: ApiClient) -> None:
    session_id, _, _ = talk(clinic, START, LAST)
    own = {
        "period": {"start": "2026-11-20T08:55:00Z", "end": "2026-11-20T10:00:00Z"},
        "length": {"value": 15.50, "unit": "min"},
    }
    body = encounter(clinic, session_id) | {"status": "finished"} | own
    answer = clinic.put(f"/Encounter/{session_id}", body)
    assert {name: answer.body[name] for name in own} == own


def test_a_start_after_the_clients_end_is_left_out(clinic: ApiClient) -> None:
    session_id, _, _ = talk(clinic, LATER)
    body = encounter(clinic, session_id)
    body |= {"status": "finished", "period": {"end": "2026-11-20T09:01:00Z"}}
    answer = clinic.put(f"/Encounter/{session_id}", body)
    assert answer.body["period"] == {"end": "2026-11-20T09:01:00Z"}
    assert "length" not in answer.body


def test_without_a_message_nothing_is_invented(clinic: ApiClient) -> None:
    session_id = open_session(clinic)
    end(clinic, session_id)
    assert {"period", "length"}.isdisjoint(encounter(clinic, session_id))


def test_finishing_by_patch_is_the_same(clinic: ApiClient) -> None:
    session_id, _, _ = talk(clinic, START, LATER)
    change = [{"op": "replace", "path": "/status", "value": "finished"}]
    answer = clinic.patch(f"/Encounter/{session_id}", change)
    assert answer.body["length"]["value"] == 7
    assert answer.body["statusHistory"][-1]["status"] == "in-progress"


def test_the_senders_become_participants_if_the_client_named_none(
    clinic: ApiClient,
) -> None:
    session_id = open_session(clinic, participant=[])
    header_id, _ = thread(clinic, encounter=care.reference(f"Encounter/{session_id}"))
    for sender in (care.ALICE, "RelatedPerson/marge-simpson", care.HOMER, care.ALICE):
        post(clinic, header_id, sender=care.reference(sender))
    end(clinic, session_id)
    took_part = {
        participant["individual"]["reference"]: participant["type"][0]["coding"][0]["code"]
        for participant in encounter(clinic, session_id)["participant"]
    }
    assert took_part == {care.ALICE: "ATND", "RelatedPerson/marge-simpson": "PART"}


def test_a_finished_session_takes_no_more_messages(clinic: ApiClient) -> None:
    session_id, header_id, ids = talk(clinic, START)
    end(clinic, session_id)
    post(clinic, header_id, LATER)
    assert messages_of(clinic, session_id) == ids


def test_open_children_end_first_with_their_session(clinic: ApiClient) -> None:
    session_id, _, _ = talk(clinic, START, LATER)
    children = [
        clinic.post("/Encounter", care.medical_encounter(session_id, f"Patient/{name}")).id
        for name in ("bart", "lisa")
    ]
    end(clinic, children[0], "cancelled")
    end(clinic, session_id)
    assert encounter(clinic, children[0])["status"] == "cancelled"
    child = encounter(clinic, children[1])
    assert child["status"] == "finished"
    assert child["period"] == encounter(clinic, session_id)["period"]
    assert "length" not in child
    assert child["statusHistory"][-1]["status"] == "in-progress"


def test_a_medical_encounter_may_end_alone(clinic: ApiClient) -> None:
    session_id = open_session(clinic)
    child_id = clinic.post("/Encounter", care.medical_encounter(session_id, care.HOMER)).id
    end(clinic, child_id)
    assert encounter(clinic, session_id)["status"] == "in-progress"


def test_nothing_new_begins_in_a_session_that_has_ended(clinic: ApiClient) -> None:
    session_id = open_session(clinic)
    child_id = clinic.post("/Encounter", care.medical_encounter(session_id, care.HOMER)).id
    end(clinic, session_id)
    late = clinic.post("/Encounter", care.medical_encounter(session_id, care.HOMER))
    assert late.status == 422
    assert late.expressions == ["Encounter.partOf"]
    again = encounter(clinic, child_id) | {"status": "in-progress"}
    assert clinic.put(f"/Encounter/{child_id}", again).status == 422


def test_a_session_too_large_for_one_transaction_closes_completely(clinic: ApiClient) -> None:
    session_id, header_id, _ = talk(clinic, START, LATER)
    children = [
        clinic.post("/Encounter", care.medical_encounter(session_id, f"Patient/child-{n}")).id
        for n in range(12)
    ]
    body = encounter(clinic, session_id) | {"status": "finished"}
    body["period"] = {"end": "2026-11-20T12:00:00Z"}
    answer = clinic.put(f"/Encounter/{session_id}", body)
    assert answer.status == 200
    assert answer.body["period"]["end"] == "2026-11-20T12:00:00Z"
    assert answer.body["period"]["start"] == "2026-11-20T09:00:00.000Z"
    assert {encounter(clinic, child)["status"] for child in children} == {"finished"}
    post(clinic, header_id, LAST)
    assert len(messages_of(clinic, session_id)) == 2


def test_nothing_is_computed_when_an_office_visit_ends(clinic: ApiClient) -> None:
    visit_id = clinic.post("/Encounter", care.visit()).id
    thread(clinic, START, encounter=care.reference(f"Encounter/{visit_id}"))
    end(clinic, visit_id)
    assert "period" not in encounter(clinic, visit_id)


@pytest.mark.parametrize(
    ("before", "after", "status"),
    [
        ("planned", "in-progress", 200),
        ("in-progress", "onleave", 200),
        ("finished", "in-progress", 200),
        ("finished", "cancelled", 200),
        ("finished", "planned", 422),
        ("cancelled", "entered-in-error", 200),
        ("cancelled", "in-progress", 422),
        ("entered-in-error", "in-progress", 422),
    ],
)
def test_only_the_status_changes_of_the_table_are_allowed(
    clinic: ApiClient, before: str, after: str, status: int
) -> None:
    encounter_id = open_session(clinic, status=before)
    body = encounter(clinic, encounter_id) | {"status": after}
    assert clinic.put(f"/Encounter/{encounter_id}", body).status == status


def test_reopening_drops_the_end_and_length_that_the_server_filled(clinic: ApiClient) -> None:
    session_id, header_id, _ = talk(clinic, START, LATER)
    end(clinic, session_id)
    end(clinic, session_id, "in-progress")
    reopened = encounter(clinic, session_id)
    assert reopened["period"] == {"start": "2026-11-20T09:00:00.000Z"}
    assert "length" not in reopened
    post(clinic, header_id, LAST)
    end(clinic, session_id)
    assert encounter(clinic, session_id)["length"]["value"] == 25


def test_a_message_before_the_start_that_the_server_filled_corrects_it(clinic: ApiClient) -> None:
    session_id, header_id, _ = talk(clinic, LATER)
    end(clinic, session_id)
    end(clinic, session_id, "in-progress")
    post(clinic, header_id, START)
    assert encounter(clinic, session_id)["period"] == {"start": "2026-11-20T09:00:00.000Z"}


def test_deleting_a_session_detaches_its_threads_and_keeps_the_rest(clinic: ApiClient) -> None:
    session_id, header_id, ids = talk(clinic, START)
    child_id = clinic.post("/Encounter", care.medical_encounter(session_id, care.HOMER)).id
    assert clinic.administrator.delete(f"/Encounter/{session_id}").status == 204
    assert clinic.get(f"/Encounter/{session_id}").status == 410
    assert encounter(clinic, child_id)["status"] == "in-progress"
    named = clinic.get(f"/Communication/{header_id}").body["encounter"]["reference"]
    assert named == f"Encounter/{session_id}"
    post(clinic, header_id, LATER)
    assert messages_of(clinic, session_id) == ids


def test_put_brings_a_deleted_session_back_and_its_thread_with_the_next_message(
    clinic: ApiClient,
) -> None:
    session_id, header_id, ids = talk(clinic, START)
    clinic.administrator.delete(f"/Encounter/{session_id}")
    answer = clinic.put(f"/Encounter/{session_id}", care.session(id=session_id))
    assert (answer.status, answer.version) == (201, "3")
    ids.append(post(clinic, header_id, LATER))
    assert messages_of(clinic, session_id) == ids


def test_a_session_that_becomes_a_visit_detaches_its_threads(clinic: ApiClient) -> None:
    session_id, header_id, ids = talk(clinic, START)
    clinic.put(f"/Encounter/{session_id}", care.visit(id=session_id))
    post(clinic, header_id, LATER)
    assert messages_of(clinic, session_id) == ids


def test_a_retracted_message_leaves_the_period(clinic: ApiClient) -> None:
    session_id, _, ids = talk(clinic, START, LATER, LAST)
    retract(clinic, ids[2])
    end(clinic, session_id)
    assert encounter(clinic, session_id)["length"]["value"] == 7
    assert messages_of(clinic, session_id) == ids


def test_retracting_the_last_message_amends_a_finished_session(clinic: ApiClient) -> None:
    session_id, _, ids = talk(clinic, START, LATER, LAST)
    end(clinic, session_id)
    retract(clinic, ids[2])
    amended = encounter(clinic, session_id)
    assert amended["status"] == "finished"
    assert amended["period"]["end"] == "2026-11-20T09:07:00.000Z"
    assert amended["length"]["value"] == 7


def test_deleting_a_message_takes_it_out_of_the_period(clinic: ApiClient) -> None:
    session_id, _, ids = talk(clinic, START, LAST)
    end(clinic, session_id)
    assert clinic.administrator.delete(f"/Communication/{ids[0]}").status == 204
    assert encounter(clinic, session_id)["period"]["start"] == "2026-11-20T09:25:30.000Z"
    assert messages_of(clinic, session_id) == ids[1:]


def test_retracting_a_message_inside_the_period_changes_no_version(clinic: ApiClient) -> None:
    session_id, _, ids = talk(clinic, START, LATER, LAST)
    end(clinic, session_id)
    before = encounter(clinic, session_id)
    retract(clinic, ids[1])
    assert encounter(clinic, session_id) == before


def test_a_read_receipt_changes_nothing_about_the_session(clinic: ApiClient) -> None:
    session_id, _, ids = talk(clinic, START)
    before = encounter(clinic, session_id)
    change = [
        {"op": "replace", "path": "/status", "value": "completed"},
        {"op": "add", "path": "/received", "value": "2026-11-21T00:00:00Z"},
    ]
    assert clinic.patch(f"/Communication/{ids[0]}", change).status == 200
    assert encounter(clinic, session_id) == before


def test_a_draft_counts_when_it_is_sent(clinic: ApiClient) -> None:
    session_id, header_id, _ = talk(clinic)
    draft = post(clinic, header_id, status="preparation", sender=care.reference(care.ALICE))
    assert messages_of(clinic, session_id) == []
    sent = [
        {"op": "replace", "path": "/status", "value": "in-progress"},
        {"op": "add", "path": "/sent", "value": START},
    ]
    assert clinic.patch(f"/Communication/{draft}", sent).status == 200
    assert messages_of(clinic, session_id) == [draft]
    end(clinic, session_id)
    assert encounter(clinic, session_id)["period"]["start"] == "2026-11-20T09:00:00.000Z"


def test_a_corrected_time_moves_the_message_but_not_the_session(clinic: ApiClient) -> None:
    session_id, header_id, ids = talk(clinic, START, LAST)
    change = [{"op": "replace", "path": "/sent", "value": "2026-11-20T11:00:00Z"}]
    assert clinic.patch(f"/Communication/{ids[0]}", change).status == 200
    in_order = clinic.get(f"/Communication?part-of=Communication/{header_id}&_sort=sent").ids
    assert in_order == [ids[1], ids[0]]
    assert clinic.get(f"/Communication/{ids[0]}").status == 200
    end(clinic, session_id)
    assert encounter(clinic, session_id)["period"]["start"] == "2026-11-20T09:00:00.000Z"
    assert messages_of(clinic, session_id) == [ids[1], ids[0]]


def test_a_message_taken_back_and_restored_counts_again(clinic: ApiClient) -> None:
    session_id, _, ids = talk(clinic, START, LAST)
    retract(clinic, ids[1])
    restore = [{"op": "replace", "path": "/status", "value": "completed"}]
    clinic.patch(f"/Communication/{ids[1]}", restore)
    end(clinic, session_id)
    assert encounter(clinic, session_id)["length"]["value"] == 25


def retract(clinic: ApiClient, message_id: str) -> None:
    change = [{"op": "replace", "path": "/status", "value": "entered-in-error"}]
    assert clinic.patch(f"/Communication/{message_id}", change).status == 200


def test_a_late_link_does_not_change_a_finished_session(clinic: ApiClient) -> None:
    session_id, _, _ = talk(clinic, START)
    end(clinic, session_id)
    other, adopted = thread(clinic, "2026-11-01T00:00:00Z")
    link(clinic, other, session_id)
    retract(clinic, adopted[0])
    assert encounter(clinic, session_id)["period"]["start"] == "2026-11-20T09:00:00.000Z"


def periods(clinic: ApiClient, encounter_id: str) -> list[tuple[str, dict[str, str]]]:
    """Return the former statuses of an Encounter with their periods."""
    history = encounter(clinic, encounter_id)["statusHistory"]
    return [(entry["status"], entry["period"]) for entry in history]


def test_the_history_of_statuses_never_goes_back_in_time(practice: Practice) -> None:
    """The clock of the process that writes the next status may be behind."""
    session_id = open_session(practice.clinic, status="planned")
    child = care.medical_encounter(session_id, care.HOMER)
    for status, seconds in (("in-progress", 60), ("onleave", -30), ("in-progress", 60)):
        practice.advance(seconds)
        end(practice.clinic, session_id, status)
    child_id = practice.clinic.post("/Encounter", child).id
    practice.advance(-30)
    end(practice.clinic, session_id)
    begun, resumed = "2026-03-02T08:01:00.000Z", "2026-03-02T08:01:30.000Z"
    assert periods(practice.clinic, session_id) == [
        ("planned", {"start": "2026-03-02T08:00:00.000Z", "end": begun}),
        ("in-progress", {"start": begun, "end": begun}),
        ("onleave", {"start": begun, "end": resumed}),
        ("in-progress", {"start": resumed, "end": resumed}),
    ]
    assert periods(practice.clinic, child_id) == [
        ("in-progress", {"start": resumed, "end": resumed})
    ]
