"""Tables restored to different instants are consistent after reindexing.

`audit verify` reports exactly the missing events.
"""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from functions import reindex
from shared.audit.chains import AHEAD, MISSING, NO_END, NO_RESOURCE
from shared.catalog import access_patterns as patterns
from shared.local import audit_sources as tables_of_trail
from shared.local.audit_sources import ScannedVersion
from shared.local.verifying import verify
from shared.store import dynamodb
from shared.store.index import readiness
from tests.support import care, commands, consistency, steps
from tests.support.api_client import ApiClient
from tests.support.clock import set_clock
from tests.support.consistency import scan
from tests.support.practice import Practice

PARTS = 2
NAMES = {table: table for table in tables_of_trail.TABLES}
POLICIES = [("explicit", "thread"), ("thread", "thread"), ("daily", "thread"), ("daily", "patient")]
# Sessions and threads refer to each other; other tables refer to neither.
CASES = [(table, *policy) for table in ("EncounterTable", "ThreadTable") for policy in POLICIES]
CASES += [(table, *POLICIES[1]) for table in ("ResourceTable", "SearchTable", "AuditTable")]


@pytest.fixture
def place(clinic: ApiClient, monkeypatch: pytest.MonkeyPatch) -> Iterator[Practice]:
    """Return a clinic whose tables are emptied after the test, as torn ones are inconsistent."""
    place = Practice(clinic, monkeypatch)
    set_clock(monkeypatch, lambda: place.now)
    yield place
    for table in patterns.TABLES:
        put_back(table, [])


def put_back(table: str, items: list[dict[str, Any]]) -> None:
    """Restore a table's earlier items."""
    client, keys = dynamodb.client(), {key_of(item) for item in items}
    for item in scan(table):
        if key_of(item) not in keys:
            client.delete_item(TableName=table, Key={name: item[name] for name in ("pk", "sk")})
    for item in items:
        client.put_item(TableName=table, Item=item)


def key_of(item: dict[str, Any]) -> tuple[str, str]:
    return item["pk"]["S"], item["sk"]["S"]


def work(place: Practice) -> dict[str, str]:
    """Make a minute's requests of a clinic: sessions, threads, messages, records."""
    clinic = place.clinic
    session = steps.open_session(clinic, identifier=[{"system": "urn:a", "value": "1"}])
    header = place.post_header()
    steps.link(clinic, header, session)
    waits = place.post_header(subject=care.reference("Patient/bart-simpson"))
    for thread in (header, waits):
        place.post_message(thread, f"{place.now:%Y-%m-%d %H:%M}")
    during = care.reference(f"Encounter/{session}")
    record = clinic.post("/Observation", care.example("Observation", encounter=during)).id
    return {"session": session, "header": header, "waits": waits, "record": record}


def work_on(place: Practice, at: dict[str, str]) -> None:
    """Change what exists: messages, a link, changes, an end, a deletion."""
    clinic = place.clinic
    for thread in (at["header"], at["waits"]):
        place.post_message(thread, f"{place.now:%Y-%m-%d %H:%M}")
    other = steps.open_session(clinic)
    steps.link(clinic, at["waits"], other)
    clinic.patch(f"/Observation/{at['record']}", [status("amended")])
    ended = work(place)
    steps.end(clinic, ended["session"])
    clinic.administrator.delete(f"/Observation/{ended['record']}")


def status(value: str) -> dict[str, Any]:
    return {"op": "replace", "path": "/status", "value": value}


def reindexed() -> dict[str, int]:
    for _ in ("rows", "guards"):
        found = [
            reindex.handler({"part": n, "parts": PARTS}, commands.CONTEXT) for n in range(PARTS)
        ]
    assert all(match["done"] for match in found)
    reindex.handler({"finish": PARTS}, commands.CONTEXT)
    readiness.ready_names.cache_clear()
    return {key: sum(match.get(key, 0) for match in found) for match in found for key in match}


def versions() -> set[ScannedVersion]:
    """Return the stored versions."""
    return {
        version
        for table in (patterns.ENCOUNTER, patterns.THREAD, patterns.RESOURCE)
        for item in scan(table)
        if (version := tables_of_trail.scanned_version(table, item))
    }


def numbers(versions: set[ScannedVersion]) -> set[tuple[str, int]]:
    return {(version.reference, version.number) for version in versions}


def audited_resources() -> set[str]:
    """Return the resources of all events, each with the event."""
    rows = tables_of_trail.event_rows(scan(patterns.AUDIT))
    return {
        f"{row.id} {reference}"
        for row in rows
        for reference, *_ in json.loads(row.event).get("written", ())
    }


@pytest.mark.parametrize(("table", "policy", "scope"), CASES)
def test_one_table_a_minute_older_than_the_others_is_made_consistent(
    place: Practice, table: str, policy: str, scope: str
) -> None:
    place.configure(SESSION_POLICY=policy, SESSION_SCOPE=scope, SESSION_TIME_ZONE="Europe/Berlin")
    at = work(place)
    before = scan(table)
    place.now += timedelta(minutes=1)
    work_on(place, at)
    known, told = versions(), audited_resources()
    put_back(table, before)
    torn, untold = versions(), told - audited_resources()

    reindexed()
    consistency.check(torn=True)
    assert all(number == 0 for key, number in reindexed().items() if key.startswith("repaired"))

    place.now += timedelta(seconds=1)
    _, problems = verify(dynamodb.client(), NAMES)
    named = {(problem.reference, problem.version) for problem in problems}
    kinds = {problem.problem for problem in problems}
    assert numbers(known) - numbers(torn) <= named
    if table == patterns.AUDIT:
        assert kinds <= {MISSING, NO_END}
        assert {name for name, _ in named} == {event.partition(" ")[2] for event in untold}
    else:
        assert kinds <= {AHEAD, NO_RESOURCE}
        assert {name for name, _ in named} == {version.reference for version in known - torn}


def test_after_a_torn_copy_messages_join_sessions_again(place: Practice) -> None:
    place.configure(SESSION_POLICY="thread", SESSION_IDLE_MINUTES="60")
    header = place.post_header()
    before = scan(patterns.ENCOUNTER)
    place.post_message(header, f"{place.now:%Y-%m-%d %H:%M}")
    put_back(patterns.ENCOUNTER, before)
    assert reindexed()["repaired sessions"] == 1
    place.now += timedelta(minutes=1)
    place.post_message(header, f"{place.now:%Y-%m-%d %H:%M}")
    session = place.session()
    assert len(place.messages(session)) == 1
