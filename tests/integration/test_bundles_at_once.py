"""Transactions of several entries: many at once, and killed in the middle."""

from collections import Counter
from typing import Any

import pytest

from tests.integration.test_at_once import Killed, at_once, killed
from tests.support import care, consistency
from tests.support.api_client import ApiClient
from tests.support.bundles import bundle, entry, statuses, transact, urn
from tests.support.steps import link, messages_of, open_session, thread

pytestmark = pytest.mark.usefixtures("function_environment")
CALLERS = 8


def conversation() -> list[dict[str, Any]]:
    """Return a session, a thread linked to it, and two messages."""
    header = care.header(encounter=care.reference(urn(1)))
    message = care.message("x") | {"partOf": [care.reference(urn(2))]}
    return [
        entry("POST", "Encounter", care.session(), urn(1)),
        entry("POST", "Communication", header, urn(2)),
        *[entry("POST", "Communication", message)] * 2,
    ]


def test_concurrent_equal_upserts_create_each_resource_once(clinic: ApiClient) -> None:
    named = [{"system": "https://twilio.com", "value": "CH1"}]
    query = "identifier=https://twilio.com|CH1"
    entries = [
        entry("POST", "Encounter", care.session(identifier=named), urn(1), ifNoneExist=query),
        entry(
            "PUT",
            f"Communication?{query}",
            care.header(identifier=named, encounter=care.reference(urn(1))),
            urn(2),
        ),
        entry("POST", "Communication", care.message("x") | {"partOf": [care.reference(urn(2))]}),
    ]
    answers = at_once(*[lambda: clinic.post("", bundle("transaction", *entries))] * CALLERS)
    assert {answer.status for answer in answers} == {200}, [one.text for one in answers]
    sessions = Counter(answer.body["entry"][0]["resource"]["id"] for answer in answers)
    threads = Counter(answer.body["entry"][1]["resource"]["id"] for answer in answers)
    assert (len(sessions), len(threads)) == (1, 1)
    assert len(messages_of(clinic, next(iter(sessions)))) == CALLERS
    consistency.check()


def test_concurrent_transactions_on_the_same_resources_are_serialized(clinic: ApiClient) -> None:
    first, second = open_session(clinic), open_session(clinic)

    def both(one: str, other: str, language: str) -> Any:
        put = [
            entry("PUT", f"Encounter/{key}", care.session(id=key, language=language))
            for key in (one, other)
        ]
        return lambda: clinic.post("", bundle("transaction", *put))

    answers = at_once(*[both(first, second, "en"), both(second, first, "de")] * 4)
    assert {answer.status for answer in answers} == {200}
    languages = {clinic.get(f"/Encounter/{key}").body["language"] for key in (first, second)}
    assert len(languages) == 1
    consistency.check()


def test_a_transaction_killed_after_any_call_writes_all_or_nothing(
    clinic: ApiClient,
) -> None:
    for number in range(1, 100):
        header_id, _ = thread(clinic, "2026-11-20T09:00:00Z")
        session_id = open_session(clinic)
        link(clinic, header_id, session_id)
        before = len(clinic.get("/Encounter?_count=1000").ids)
        entries = [
            *conversation(),
            entry("PUT", f"Encounter/{session_id}", care.session("finished", id=session_id)),
            entry("POST", "Communication", care.message(header_id, "2026-11-20T09:30:00Z")),
        ]
        try:
            with killed("after", number):
                answered = transact(clinic, *entries)
        except Killed:
            consistency.check()
            session = clinic.get(f"/Encounter/{session_id}").body
            is_made = session["status"] == "finished"
            assert len(clinic.get("/Encounter?_count=1000").ids) == before + is_made
            assert len(messages_of(clinic, session_id)) == 1 + is_made
        else:
            assert statuses(answered) == ["201"] * 4 + ["200", "201"]
            assert number > 1
            return
    pytest.fail("the request never ends")
