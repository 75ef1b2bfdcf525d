"""`$closing`: when a session closes by itself."""

from datetime import timedelta

import pytest

from shared.fhir import instants
from shared.sessions import closing
from tests.support import care, refusals
from tests.support.api_client import ApiClient
from tests.support.practice import BERLIN, Practice, local


def closing_parameters(clinic: ApiClient, session_id: str) -> dict[str, str]:
    answer = clinic.get(f"/Encounter/{session_id}/$closing")
    assert answer.status == 200, answer.text
    assert answer.body["resourceType"] == "Parameters"
    parts = answer.body["parameter"]
    return {part["name"]: part.get("valueCode") or part["valueInstant"] for part in parts}


def closing_time(practice: Practice, session_id: str) -> str:
    """Return the local time at which a session closes, to the minute."""
    text = closing_parameters(practice.clinic, session_id).get("closes", "")
    return instants.from_text(text).astimezone(BERLIN).strftime("%m-%d %H:%M") if text else ""


def test_a_session_that_only_a_client_closes_has_no_closing_time(practice: Practice) -> None:
    assert closing_parameters(practice.clinic, practice.open_session()) == {"policy": "explicit"}


def test_an_idle_session_closes_a_set_time_after_its_last_message(practice: Practice) -> None:
    practice.configure(SESSION_IDLE_MINUTES="60")
    session = practice.open_session()
    assert closing_time(practice, session) == "", "no thread is attached yet"
    thread = practice.post_header(encounter=care.reference(f"Encounter/{session}"))
    assert closing_time(practice, session) == "03-02 10:00"
    practice.post_message(thread, "2026-03-02 09:40")
    assert closing_time(practice, session) == "03-02 10:40"
    practice.put_changes(f"/Encounter/{session}", status="planned")
    assert closing_time(practice, session) == ""


@pytest.mark.parametrize("policy", ["thread", "daily"])
@pytest.mark.parametrize("spread", ["0", "30"])
def test_a_session_closes_at_its_closing_time_and_not_before(
    practice: Practice, policy: str, spread: str
) -> None:
    practice.configure(SESSION_POLICY=policy, CLOSE_SPREAD_MINUTES=spread)
    practice.post_message(practice.post_header(), "2026-03-02 09:30")
    session = practice.session()["id"]
    answer = closing_parameters(practice.clinic, session)
    assert answer["policy"] == policy
    moment = instants.from_text(answer["closes"]).astimezone(BERLIN)
    rule = local({"thread": "2026-03-03 09:30", "daily": "2026-03-03 00:00"}[policy])
    spreads = timedelta(minutes=int(spread)) if policy == "daily" else timedelta()
    assert rule <= moment <= rule + spreads
    for at, status in ((moment - timedelta(seconds=1), "in-progress"), (moment, "finished")):
        practice.advance_to(at.replace(tzinfo=None).isoformat(sep=" "))
        assert practice.encounter(session)["status"] == status
    assert closing_parameters(practice.clinic, session) == {"policy": policy}


def test_a_busy_session_closes_at_its_maximum_duration(thread_policy: Practice) -> None:
    thread_policy.configure(SESSION_MAX_HOURS="4")
    thread_policy.post_message(thread_policy.post_header(), "2026-03-02 09:30")
    assert closing_time(thread_policy, thread_policy.session()["id"]) == "03-02 13:30"


def test_a_closing_in_progress_is_due_at_once(
    practice: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = practice.open_session()
    for child in range(14):
        practice.clinic.post("/Encounter", care.medical_encounter(session, f"Patient/{child}"))
    with monkeypatch.context() as patched:
        patched.delattr(closing, "complete")
        assert practice.clinic.post(f"/Encounter/{session}/$close-session", None).status == 500
    assert closing_time(practice, session) == "03-02 09:00"
    practice.clinic.post(f"/Encounter/{session}/$close-session", None)
    assert closing_time(practice, session) == ""


def test_only_sessions_have_a_closing_time(practice: Practice) -> None:
    clinic, session = practice.clinic, practice.open_session()
    visit = clinic.post("/Encounter", care.visit()).id
    child = clinic.post("/Encounter", care.medical_encounter(session, care.HOMER)).id
    for each, element in ((visit, "class"), (child, "partOf")):
        answer = clinic.get(f"/Encounter/{each}/$closing")
        refusals.check(answer, 422, "business-rule", f"Encounter.{element}")
    assert session in answer.text
    clinic.administrator.delete(f"/Encounter/{visit}")
    refusals.check(clinic.get(f"/Encounter/{visit}/$closing"), 410, "deleted")
    refusals.check(clinic.get("/Encounter/nowhere/$closing"), 404, "not-found")


def test_the_closing_time_can_be_requested_by_post_and_in_a_batch(practice: Practice) -> None:
    session = practice.open_session()
    url = f"Encounter/{session}/$closing"
    assert practice.clinic.post(f"/{url}", None).body["parameter"][0]["valueCode"] == "explicit"
    entry = {"request": {"method": "GET", "url": url}}
    batch = {"resourceType": "Bundle", "type": "batch", "entry": [entry]}
    (answer,) = practice.clinic.post("/", batch).body["entry"]
    assert answer["resource"]["resourceType"] == "Parameters"
