"""The audit trail of Bundles: the event of each entry, whatever its result."""

from typing import Any

import pytest

from tests.support import care
from tests.support.api_client import ApiClient
from tests.support.audit_pipeline import Log

HOMER = "Patient/homer-simpson"


@pytest.fixture
def log(clinic: ApiClient, monkeypatch: pytest.MonkeyPatch) -> Log:
    """Store an Encounter, then capture the log."""
    assert clinic.put("/Encounter/1", care.session(id="1")).status == 201
    return Log(monkeypatch)


def entry(method: str, url: str, **more: Any) -> dict[str, Any]:
    return {"request": {"method": method, "url": url}, **more}


def bundle(kind: str, *entries: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries)}


def trail(log: Log) -> list[tuple[str, str, list[str]]]:
    """Return each event's interaction, status (0 for a write) and references."""
    return [
        (
            event["subtype"][0]["code"] if "subtype" in event else "",
            event.get("outcomeDesc", "0")[:3],
            [entity["what"]["reference"] for entity in event["entity"] if "what" in entity],
        )
        for event in log.deliver()
    ]


def test_each_entry_of_a_batch_leaves_an_event(clinic: ApiClient, log: Log) -> None:
    entries = (
        entry("GET", "Encounter/1"),
        entry("PUT", "Encounter/1", resource=care.session(id="1", priority={"text": "high"})),
        entry("GET", "Encounter/nowhere"),
        entry("PUT", "Encounter/1"),
        {"resource": care.session()},
        entry("GET", "Nothing/1"),
        entry("GET", "Encounter?status=finished"),
    )
    assert clinic.post("/", bundle("batch", *entries)).status == 200
    assert trail(log) == [
        ("read", "0", ["Encounter/1", HOMER]),
        ("update", "0", ["Encounter/1/_history/2", HOMER]),
        ("read", "404", ["Encounter/nowhere"]),
        ("", "404", []),
        ("search-type", "0", []),
        # Unreadable entries share one event.
        ("", "400", []),
        ("batch", "0", [HOMER]),
    ]


def test_a_transactions_writes_are_one_event_and_its_reads_others(
    clinic: ApiClient, log: Log
) -> None:
    entries = (
        entry("GET", "Encounter/1"),
        entry("POST", "Communication", resource=care.header()),
        entry("PUT", "Encounter/1", resource=care.session(id="1", priority={"text": "high"})),
    )
    answer = clinic.post("/", bundle("transaction", *entries))
    assert answer.status == 200
    thread = answer.body["entry"][1]["resource"]["id"]
    read, written = trail(log)
    assert read == ("read", "0", ["Encounter/1", HOMER])
    assert (written[0], written[1]) == ("transaction", "0")
    assert set(written[2]) == {
        f"Communication/{thread}/_history/1",
        "Encounter/1/_history/2",
        HOMER,
    }


def test_a_transaction_of_reads_is_one(clinic: ApiClient, log: Log) -> None:
    assert clinic.post("/", bundle("transaction", entry("GET", "Encounter/1"))).status == 200
    assert [code for code, *_ in trail(log)] == ["read", "transaction"]


def test_each_entry_of_a_refused_transaction_leaves_its_refusal(
    clinic: ApiClient, log: Log
) -> None:
    entries = (
        entry("PUT", "Encounter/1", resource=care.session(id="1", priority={"text": "high"})),
        entry("GET", "Encounter/nowhere"),
    )
    assert clinic.post("/", bundle("transaction", *entries)).status == 404
    assert trail(log) == [
        ("update", "404", ["Encounter/1", HOMER]),
        ("read", "404", ["Encounter/nowhere"]),
        ("transaction", "404", [HOMER]),
    ]


def test_the_event_of_a_refused_entry_names_the_caller(clinic: ApiClient, log: Log) -> None:
    nurse = ApiClient(role="auditor", fhir_user="Practitioner/x")
    entries = (entry("DELETE", "Encounter/1"), {"resource": care.session()})
    for kind in ("batch", "transaction"):
        nurse.post("/", bundle(kind, *entries))
    events = log.deliver()
    assert len(events) > 3
    assert {event["agent"][0]["who"]["reference"] for event in events} == {"Practitioner/x"}
    assert {role["text"] for event in events for role in event["agent"][0]["role"]} == {"auditor"}
    assert clinic.get("/Encounter/1").version == "1"
