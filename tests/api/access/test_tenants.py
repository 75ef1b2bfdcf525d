"""Several tenants in one deployment: none learns anything about another."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from shared.catalog import access_patterns as patterns
from shared.sessions.due_queue import process_message, send_due_encounters
from shared.store import queues
from tests.support import care, refusals
from tests.support.api_client import Answer, ApiClient
from tests.support.consistency import scan
from tests.support.practice import Practice

NORTH, SOUTH = (ApiClient(role="admin", claims={"tenant": tenant}) for tenant in ("north", "south"))
TWILIO = {"system": "https://twilio.com", "value": "CH1"}


@pytest.fixture(autouse=True)
def several(practice: Practice) -> None:
    practice.configure(TENANT_CLAIM="tenant")


def fill(caller: ApiClient) -> None:
    assert caller.put("/Encounter/session", care.session(id="session")).status == 201
    header = care.header(id="thread", identifier=[TWILIO])
    assert caller.put("/Communication/thread", header).status == 201
    message = care.message("thread", "2026-03-01T10:00:00Z", id="said")
    assert caller.put("/Communication/said", message).status == 201
    assert caller.patch("/Communication/thread", care.link("session")).status == 200
    patient = care.example("Patient", id="homer-simpson", identifier=[TWILIO])
    assert caller.put("/Patient/homer-simpson", patient).status == 201
    during = care.reference("Encounter/session")
    record = care.example("Observation", id="record", encounter=during)
    assert caller.put("/Observation/record", record).status == 201


def questions(caller: ApiClient) -> Iterator[Answer]:
    """Yield the answers to every request that could reveal whether something exists."""
    for path in (
        "/Encounter/session",
        "/Communication/thread",
        "/Communication/said",
        "/Patient/homer-simpson",
        "/Observation/record",
    ):
        for more in ("", "/_history", "/_history/1", "/_history/2"):
            yield caller.get(path + more)
        yield caller.patch(path, [])
        yield caller.delete(path)
    yield caller.get("/Encounter/session/$everything")
    yield caller.post("/Encounter/session/$close-session", None)
    for query in (
        "Encounter?_total=accurate",
        "Encounter?patient=Patient/homer-simpson",
        "Encounter?class=VR",
        "Encounter?_id=session",
        "Communication?_total=accurate",
        "Communication?part-of=Communication/thread",
        "Communication?part-of:missing=true&_revinclude=Communication:part-of",
        "Communication?session=Encounter/session",
        "Communication?identifier=https://twilio.com|CH1",
        "Communication?encounter:Encounter.class=VR",
        "Encounter?_has:Communication:encounter:status=in-progress",
        "Patient?family=simpson",
        "Patient?name:contains=imps",
        "Patient?identifier=https://twilio.com|CH1",
        "Patient?_id=homer-simpson",
        "Observation?encounter=Encounter/session",
        "Observation?patient=homer-simpson",
        "Observation?_total=accurate",
    ):
        yield caller.get(f"/{query}")
    yield caller.post("/Communication", care.message("thread"))
    yield caller.post("/Communication", care.header(encounter=care.reference("Encounter/session")))
    by_query = care.reference("Communication?identifier=https://twilio.com|CH1")
    yield caller.post("/Communication", care.message("thread", partOf=[by_query]))
    yield caller.put("/Communication?identifier=https://twilio.com|CH2", care.message("thread"))


def test_resources_of_another_tenant_are_treated_as_missing() -> None:
    before = [(answer.status, answer.text) for answer in questions(SOUTH)]
    fill(NORTH)
    assert [(answer.status, answer.text) for answer in questions(SOUTH)] == before


def test_tenants_may_use_the_same_ids_and_identifiers() -> None:
    fill(NORTH)
    fill(SOUTH)
    stored = care.header(identifier=[TWILIO])
    answer = SOUTH.post("/Communication", stored, if_none_exist="identifier=https://twilio.com|CH1")
    assert (answer.status, answer.id) == (200, "thread")
    body = SOUTH.get("/Encounter/session").body | {"status": "finished"}
    assert SOUTH.put("/Encounter/session", body).status == 200
    assert NORTH.get("/Encounter/session").body["status"] == "in-progress"
    assert SOUTH.delete("/Communication/said").status == 204
    assert NORTH.get("/Communication?session=Encounter/session").ids == ["said"]


def test_a_cursor_of_one_tenant_is_invalid_for_another() -> None:
    for caller in (NORTH, SOUTH):
        for number in range(3):
            caller.put(f"/Encounter/{number}", care.session(id=str(number)))
    (following,) = (
        link["url"]
        for link in NORTH.get("/Encounter?_count=1").body["link"]
        if link["relation"] == "next"
    )
    assert NORTH.get(following).status == 200
    refusals.check(SOUTH.get(following), 400, "invalid", "_cursor")


def test_every_key_begins_with_the_tenant() -> None:
    fill(NORTH)
    for table in patterns.TABLES:
        for item in scan(table):
            partition, sort = item["pk"]["S"], item["sk"]["S"]
            assert (
                "#north#" in sort
                if partition.startswith("due#")
                else partition.startswith("north#")
            )


def test_a_due_session_is_closed_in_its_tenant(
    practice: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    practice.configure(SESSION_POLICY="thread", SESSION_IDLE_MINUTES="60")
    for caller in (NORTH, SOUTH):
        caller.put("/Communication/thread", care.header(id="thread"))
    assert NORTH.post("/Communication", care.message("thread")).status == 201
    sent: list[str] = []
    monkeypatch.setattr(queues, "approximate_length", lambda _: 0)
    monkeypatch.setattr(queues, "send", lambda _, bodies: sent.extend(bodies))
    practice.now = practice.now.replace(hour=11)
    send_due_encounters(practice.now)
    for body in sent:
        process_message(json.loads(body), lambda: True)
    assert [match["status"] for match in NORTH.get("/Encounter").resources] == ["finished"]
    assert SOUTH.get("/Encounter").ids == []


@pytest.mark.parametrize(
    "tenant",
    [None, "", "-", "north#", "#", "north#session", "n\x00", "a" * 65, "nörth", "a b", "../x"],
)
def test_a_token_without_a_tenant_is_refused(tenant: str | None) -> None:
    claims: dict[str, Any] = {} if tenant is None else {"tenant": tenant}
    caller = ApiClient(role="admin", claims=claims)
    refusals.check(caller.get("/Encounter"), 403, "forbidden")
    refusals.check(caller.post("/Encounter", care.session()), 403, "forbidden")
    assert not scan(patterns.ENCOUNTER)


def test_the_tenant_claim_counts_only_if_configured(practice: Practice) -> None:
    practice.configure(TENANT_CLAIM="")
    assert NORTH.put("/Encounter/1", care.session(id="1")).status == 201
    assert SOUTH.get("/Encounter/1").status == 200


@pytest.mark.parametrize("tenant", sorted(patterns.RESERVED))
def test_a_tenant_cannot_have_a_reserved_name(tenant: str) -> None:
    caller = ApiClient(role="admin", claims={"tenant": tenant})
    refusals.check(caller.get("/Encounter"), 403, "forbidden")
    refusals.check(caller.put("/Encounter/3", care.session(id="3")), 403, "forbidden")
    assert not scan(patterns.ENCOUNTER)


def test_every_key_without_a_tenant_is_reserved() -> None:
    assert {"due", "held", "reindex"} <= patterns.RESERVED
    fill(NORTH)
    firsts = {
        item["pk"]["S"].partition("#")[0] for table in patterns.TABLES for item in scan(table)
    }
    assert firsts <= patterns.RESERVED | {"north"}
