"""Links between headers and sessions, under the policy `explicit`."""

import pytest

from tests.support import care
from tests.support.api_client import ApiClient
from tests.support.steps import end, link, messages_of, open_session, post, thread


def test_messages_posted_before_the_link_are_adopted_by_it(clinic: ApiClient) -> None:
    header_id, ids = thread(clinic, "2026-11-20T09:00:00Z", "2026-11-20T09:05:00Z")
    session_id = open_session(clinic)
    assert messages_of(clinic, session_id) == []
    assert link(clinic, header_id, session_id) == 200
    assert messages_of(clinic, session_id) == ids


def test_messages_posted_after_the_link_join_its_session(clinic: ApiClient) -> None:
    header_id, _ = thread(clinic)
    session_id = open_session(clinic)
    link(clinic, header_id, session_id)
    late, early = (post(clinic, header_id, f"2026-11-20T09:0{n}:00Z") for n in (5, 1))
    assert messages_of(clinic, session_id) == [early, late]


def test_a_header_created_with_an_encounter_is_linked(clinic: ApiClient) -> None:
    session_id = open_session(clinic)
    _, ids = thread(
        clinic, "2026-11-20T09:00:00Z", encounter=care.reference(f"Encounter/{session_id}")
    )
    assert messages_of(clinic, session_id) == ids
    assert clinic.get(f"/Encounter/{session_id}").version == "1"


def test_linking_again_concerns_later_messages_only(clinic: ApiClient) -> None:
    header_id, _ = thread(clinic)
    first, second = open_session(clinic), open_session(clinic)
    link(clinic, header_id, first)
    before = post(clinic, header_id, "2026-11-20T09:00:00Z")
    link(clinic, header_id, second)
    after = post(clinic, header_id, "2026-11-20T08:00:00Z")
    assert messages_of(clinic, first) == [before]
    assert messages_of(clinic, second) == [after]


def test_a_thread_linked_back_keeps_its_messages_in_each_session(clinic: ApiClient) -> None:
    header_id, _ = thread(clinic)
    first, second = open_session(clinic), open_session(clinic)
    said: list[str] = []
    for session_id in (first, second, first):
        link(clinic, header_id, session_id)
        said.append(post(clinic, header_id, f"2026-11-20T09:0{len(said)}:00Z"))
    assert messages_of(clinic, first) == [said[0], said[2]]
    assert messages_of(clinic, second) == [said[1]]


def test_removing_the_link_detaches_the_thread(clinic: ApiClient) -> None:
    session_id = open_session(clinic)
    header_id, ids = thread(clinic, "2026-11-20T09:00:00Z")
    link(clinic, header_id, session_id)
    answer = clinic.patch(f"/Communication/{header_id}", [{"op": "remove", "path": "/encounter"}])
    assert answer.status == 200
    post(clinic, header_id, "2026-11-20T10:00:00Z")
    assert messages_of(clinic, session_id) == ids


def test_a_put_that_omits_the_link_detaches_the_thread(clinic: ApiClient) -> None:
    session_id = open_session(clinic)
    header_id, _ = thread(clinic, encounter=care.reference(f"Encounter/{session_id}"))
    body = clinic.get(f"/Communication/{header_id}").body
    del body["encounter"]
    assert clinic.put(f"/Communication/{header_id}", body).status == 200
    post(clinic, header_id, "2026-11-20T10:00:00Z")
    assert messages_of(clinic, session_id) == []


def test_a_finished_session_adopts_after_the_fact_and_keeps_its_period(clinic: ApiClient) -> None:
    session_id = open_session(clinic, period={"start": "2026-11-20T09:00:00Z"})
    end(clinic, session_id)
    before = clinic.get(f"/Encounter/{session_id}")
    header_id, ids = thread(clinic, "2026-11-01T09:00:00Z", "2026-11-21T09:00:00Z")
    assert link(clinic, header_id, session_id) == 200
    assert messages_of(clinic, session_id) == ids
    assert clinic.get(f"/Encounter/{session_id}").body == before.body
    post(clinic, header_id, "2026-11-21T10:00:00Z")
    assert messages_of(clinic, session_id) == ids


def test_messages_without_a_session_wait_across_other_changes_of_the_header(
    clinic: ApiClient,
) -> None:
    header_id, ids = thread(clinic, "2026-11-20T09:00:00Z")
    subject = [{"op": "replace", "path": "/subject/reference", "value": "Patient/bart-simpson"}]
    clinic.patch(f"/Communication/{header_id}", subject)
    ids.append(post(clinic, header_id, "2026-11-20T10:00:00Z"))
    session_id = open_session(clinic)
    link(clinic, header_id, session_id)
    assert messages_of(clinic, session_id) == ids


@pytest.mark.parametrize("status", ["cancelled", "entered-in-error"])
def test_a_void_session_takes_no_thread(clinic: ApiClient, status: str) -> None:
    session_id = open_session(clinic)
    end(clinic, session_id, status)
    header_id, _ = thread(clinic)
    assert link(clinic, header_id, session_id) == 422


def test_a_medical_encounter_takes_no_thread_and_names_its_session(clinic: ApiClient) -> None:
    session_id = open_session(clinic)
    child = care.medical_encounter(session_id, "Patient/bart-simpson")
    child_id = clinic.post("/Encounter", child).id
    header_id, _ = thread(clinic)
    answer = clinic.patch(f"/Communication/{header_id}", care.link(child_id))
    assert answer.status == 422
    assert session_id in answer.text
    assert answer.expressions == ["Communication.encounter"]


def test_a_link_to_a_plain_record_is_stored_and_attaches_nothing(clinic: ApiClient) -> None:
    visit_id = clinic.post("/Encounter", care.visit()).id
    header_id, _ = thread(clinic, "2026-11-20T09:00:00Z")
    assert link(clinic, header_id, visit_id) == 200
    post(clinic, header_id, "2026-11-20T10:00:00Z")
    assert messages_of(clinic, visit_id) == []


def test_a_link_to_a_missing_encounter_is_refused(clinic: ApiClient) -> None:
    header_id, _ = thread(clinic)
    answer = clinic.patch(f"/Communication/{header_id}", care.link("nowhere"))
    assert answer.status == 422
    assert "encounter" not in clinic.get(f"/Communication/{header_id}").body


def test_a_session_takes_twenty_threads_and_no_more(clinic: ApiClient) -> None:
    session_id = open_session(clinic)
    linked = [link(clinic, thread(clinic)[0], session_id) for _ in range(21)]
    assert linked == [200] * 20 + [422]


def test_a_deleted_header_takes_no_messages(clinic: ApiClient) -> None:
    session_id = open_session(clinic)
    header_id, ids = thread(clinic, "2026-11-20T09:00:00Z")
    link(clinic, header_id, session_id)
    assert clinic.administrator.delete(f"/Communication/{header_id}").status == 204
    assert clinic.post("/Communication", care.message(header_id)).status == 422
    assert messages_of(clinic, session_id) == ids


def test_a_thread_attaches_again_when_its_session_is_reopened(clinic: ApiClient) -> None:
    session_id = open_session(clinic)
    header_id, _ = thread(clinic)
    link(clinic, header_id, session_id)
    first = post(clinic, header_id, "2026-11-20T09:00:00Z")
    end(clinic, session_id)
    waiting = post(clinic, header_id, "2026-11-20T10:00:00Z")
    assert messages_of(clinic, session_id) == [first]
    end(clinic, session_id, "in-progress")
    joining = post(clinic, header_id, "2026-11-20T11:00:00Z")
    assert messages_of(clinic, session_id) == [first, waiting, joining]


def test_a_message_with_its_own_link_joins_if_the_header_has_none(clinic: ApiClient) -> None:
    session_id = open_session(clinic)
    own = care.reference(f"Encounter/{session_id}")
    header_id, _ = thread(clinic, "2026-11-20T08:00:00Z")
    linked = post(clinic, header_id, "2026-11-20T09:00:00Z", encounter=own)
    assert messages_of(clinic, session_id) == [linked]


def test_a_message_naming_a_session_its_attached_thread_never_had_is_refused(
    clinic: ApiClient,
) -> None:
    attached, stranger = open_session(clinic), open_session(clinic)
    header_id, _ = thread(clinic, encounter=care.reference(f"Encounter/{attached}"))
    own = care.reference(f"Encounter/{stranger}")
    answer = clinic.post("/Communication", care.message(header_id, encounter=own))
    assert answer.status == 422
    assert attached in answer.text


def test_a_message_naming_a_plain_record_is_stored_as_written(clinic: ApiClient) -> None:
    session_id = open_session(clinic)
    visit_id = clinic.post("/Encounter", care.visit()).id
    header_id, _ = thread(clinic, encounter=care.reference(f"Encounter/{session_id}"))
    own = care.reference(f"Encounter/{visit_id}")
    message_id = post(clinic, header_id, "2026-11-20T09:00:00Z", encounter=own)
    assert messages_of(clinic, session_id) == [message_id]
    assert clinic.get(f"/Communication/{message_id}").body["encounter"] == own


def test_a_message_naming_a_finished_session_waits_for_the_next_link(clinic: ApiClient) -> None:
    session_id = open_session(clinic)
    end(clinic, session_id)
    own = care.reference(f"Encounter/{session_id}")
    header_id, _ = thread(clinic)
    message_id = post(clinic, header_id, "2026-11-20T09:00:00Z", encounter=own)
    assert messages_of(clinic, session_id) == []
    link(clinic, header_id, session_id)
    assert messages_of(clinic, session_id) == [message_id]
