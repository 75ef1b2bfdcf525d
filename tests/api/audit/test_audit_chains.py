"""`async-encounters audit verify`: altered and missing events of the trail are reported."""

import json
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from shared import settings
from shared.audit import events
from shared.audit.chain_steps import ALTERED, EXPIRY, TOO_NEW, ChainBreak
from shared.audit.chains import (
    AHEAD,
    CHANGED,
    MISSING,
    MOVED,
    NO_CHAIN,
    NO_END,
    NO_RESOURCE,
    NO_VERSION,
)
from shared.audit.digests import ANOTHER, GONE
from shared.audit.events import event_hash
from shared.catalog import access_patterns as patterns
from shared.fhir import fhirjson, instants, ulids
from shared.local.audit_sources import TABLES as TABLES_WALKED
from shared.local.audit_sources import Archive
from shared.local.verifying import Scope, verify, verify_once
from shared.store import audit_items, codec, dynamodb, s3
from tests.support import audit_pipeline as auditing_of_tests
from tests.support import care
from tests.support.api_client import ApiClient
from tests.support.audit_pipeline import write_event_rows
from tests.support.clock import set_clock
from tests.support.consistency import scan

pytestmark = pytest.mark.usefixtures("moto_services")

TABLES = {table: table for table in TABLES_WALKED}


@pytest.fixture
def versions(clinic: ApiClient) -> list[dict[str, Any]]:
    """Return the event rows of an Encounter's four versions; a thread has events of its own."""
    header = clinic.post("/Communication", care.header()).id
    for _ in range(2):
        clinic.post("/Communication", care.message(header))
    for number in range(4):
        body = care.session(id="1", priority={"text": str(number)})
        assert clinic.put("/Encounter/1", body).status in (200, 201)
    about = {_version(row): row for row in write_event_rows() if _version(row)}
    return [about[number] for number in range(1, 5)]


def _version(row: dict[str, Any]) -> int:
    written = json.loads(audit_items.event_of(row))["written"]
    return next((version for reference, version, *_ in written if reference == "Encounter/1"), 0)


def reported_problem() -> tuple[str, str]:
    """Return the reported event and its problem, or empty strings if the trail verifies."""
    return first_of(verify(dynamodb.client(), TABLES)[1])


def first_of(problems: list[ChainBreak]) -> tuple[str, str]:
    return (problems[0].event, problems[0].problem) if problems else ("", "")


def every_problem() -> list[ChainBreak]:
    """Return all problems."""
    return verify_once(dynamodb.client(), TABLES)[1]


def event_id(row: dict[str, Any]) -> str:
    return str(row["pk"]["S"].partition("#")[2])


def put(row: dict[str, Any]) -> None:
    dynamodb.client().put_item(TableName=patterns.AUDIT, Item=row)


def remove(row: dict[str, Any], table: str = patterns.AUDIT) -> None:
    key = {name: row[name] for name in ("pk", "sk")}
    dynamodb.client().delete_item(TableName=table, Key=key)


def altered(row: dict[str, Any], **change: Any) -> dict[str, Any]:
    event = json.loads(audit_items.event_of(row)) | change
    return row | {"event": {"B": codec.pack(json.dumps(event).encode())}}


@pytest.fixture
def restore_trail() -> Any:
    """Return a function that restores the trail, as every test ends with a check of it."""
    before: list[dict[str, Any]] = []

    def keep() -> None:
        before.extend(scan(patterns.AUDIT))

    yield keep
    for row in before:
        put(row)


@pytest.mark.usefixtures("versions")
def test_an_unaltered_trail_verifies(clinic: ApiClient) -> None:
    clinic.administrator.delete("/Encounter/1")
    assert verify(dynamodb.client(), TABLES) == (4, [])


@pytest.mark.parametrize("number", range(4))
def test_an_altered_event_is_reported(
    versions: list[dict[str, Any]], restore_trail: Any, number: int
) -> None:
    restore_trail()
    put(altered(versions[number], who={"subject": "somebody else"}))
    assert reported_problem() == (event_id(versions[number]), ALTERED)


@pytest.mark.parametrize("number", range(3))
def test_a_missing_event_is_reported_at_its_successor(
    versions: list[dict[str, Any]], restore_trail: Any, number: int
) -> None:
    restore_trail()
    remove(versions[number])
    assert reported_problem() == (event_id(versions[number + 1]), MISSING)


def test_a_missing_last_event_is_reported_at_its_resource(
    versions: list[dict[str, Any]], restore_trail: Any
) -> None:
    restore_trail()
    remove(versions[-1])
    assert reported_problem() == ("", NO_END)


def test_an_event_whose_subject_was_altered_is_reported(
    versions: list[dict[str, Any]], restore_trail: Any
) -> None:
    restore_trail()
    put(altered(versions[1], written=[["Encounter/2", 1, "C", ""]]))
    assert reported_problem() == (event_id(versions[1]), NO_RESOURCE)


@pytest.fixture
def aged_rows(
    clinic: ApiClient, monkeypatch: pytest.MonkeyPatch, restore_trail: Any
) -> list[dict[str, Any]]:
    """Return the event rows of versions written 30, 2 and 1 days ago and kept for ten days."""
    monkeypatch.setenv("AUDIT_RETENTION_DAYS", "10")
    settings.settings.cache_clear()
    today = instants.now()
    for number, days in enumerate((30, 2, 1)):
        with monkeypatch.context() as patch:
            then = today - timedelta(days=days)
            set_clock(patch, partial(datetime.fromtimestamp, then.timestamp(), UTC))
            clinic.put("/Encounter/1", care.session(id="1", priority={"text": str(number)}))
    restore_trail()
    return sorted(write_event_rows(), key=_version)


def test_a_chain_whose_beginning_expired_starts_at_its_oldest_event(
    aged_rows: list[dict[str, Any]],
) -> None:
    first, second, _ = aged_rows
    assert reported_problem() == ("", "")
    remove(first)
    assert reported_problem() == ("", "")
    # An event between two existing ones has not expired.
    put(first)
    remove(second)
    assert reported_problem()[1] == MISSING


@pytest.fixture
def archive() -> Archive:
    """Return the archive of everything so far."""
    auditing_of_tests.create_bucket()
    return Archive(s3.client(), settings.settings().audit_archive)


def compared_with_archive(archive: Archive) -> tuple[str, str]:
    """Return the reported event and problem of a comparison with the archive."""
    return first_of(verify(dynamodb.client(), TABLES, archive)[1])


@pytest.fixture
def archived(versions: list[dict[str, Any]], archive: Archive) -> list[dict[str, Any]]:
    auditing_of_tests.journal_writes()
    auditing_of_tests.archive_new_events()
    assert compared_with_archive(archive) == ("", "")
    return versions


def test_a_resource_without_any_event_left_is_reported_by_comparison_with_the_archive(
    archived: list[dict[str, Any]], archive: Archive, restore_trail: Any
) -> None:
    restore_trail()
    (item,) = [item for item in scan(patterns.ENCOUNTER) if item["sk"]["S"] == "current"]
    for row in archived:
        remove(row)
    # The resource seems to be older than the retention of events, or to have no chain at all.
    dynamodb.client().put_item(
        TableName=patterns.ENCOUNTER, Item=item | {"created": {"S": "2001-01-01T00:00:00.000Z"}}
    )
    assert reported_problem() == ("", MOVED)
    assert compared_with_archive(archive) == (event_id(archived[0]), GONE)
    dynamodb.client().put_item(TableName=patterns.ENCOUNTER, Item=item)


def test_a_rewritten_chain_differs_from_the_archive(
    archived: list[dict[str, Any]], archive: Archive, restore_trail: Any
) -> None:
    restore_trail()
    (item,) = [item for item in scan(patterns.ENCOUNTER) if item["sk"]["S"] == "current"]
    last = ""
    for row in archived:
        written = [["Encounter/1", _version(row), "C" if not last else "U", last]]
        forged = altered(row, who={"subject": "somebody else"}, written=written)
        put(forged)
        last = event_hash(audit_items.event_of(forged)).hex()
    chained = item | {"chain": {"B": bytes.fromhex(last)}}
    dynamodb.client().put_item(TableName=patterns.ENCOUNTER, Item=chained)
    assert reported_problem() == ("", "")
    assert compared_with_archive(archive) == (event_id(archived[0]), ANOTHER)
    dynamodb.client().put_item(TableName=patterns.ENCOUNTER, Item=item)


def test_an_unexpired_event_is_reported_missing_however_old_its_resource_is(
    aged_rows: list[dict[str, Any]],
) -> None:
    first, second, third = aged_rows
    remove(first)
    remove(second)
    assert reported_problem() == (event_id(third), MISSING)
    remove(third)
    assert reported_problem() == ("", NO_END)


def test_all_events_of_a_long_unchanged_resource_may_have_expired(
    aged_rows: list[dict[str, Any]], clinic: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = instants.now() + timedelta(days=20)
    with monkeypatch.context() as patch:
        set_clock(patch, lambda: later)
        clinic.put("/Encounter/2", care.session(id="2"))
        for row in aged_rows:
            remove(row)
        set_clock(patch, lambda: later + timedelta(minutes=1))
        assert reported_problem() == ("", "")


@pytest.fixture
def resource(versions: list[dict[str, Any]]) -> Any:
    """Return a function that alters an item of the Encounter; the test's end restores it."""
    assert versions
    before = {item["sk"]["S"]: item for item in scan(patterns.ENCOUNTER)}

    def change(sort: str, **changes: Any) -> None:
        item = before[sort] | changes
        dynamodb.client().put_item(TableName=patterns.ENCOUNTER, Item=item)

    yield change
    for item in before.values():
        dynamodb.client().put_item(TableName=patterns.ENCOUNTER, Item=item)


def test_a_resource_without_a_chain_is_reported(
    versions: list[dict[str, Any]], resource: Any, restore_trail: Any
) -> None:
    resource("current", chain={"B": b""})
    assert NO_CHAIN in {problem.problem for problem in every_problem()}
    restore_trail()
    for row in versions:
        remove(row)
    assert reported_problem() == ("", NO_CHAIN)


def test_a_backdated_resource_is_reported(resource: Any) -> None:
    resource("current", created={"S": "2019-01-01T00:00:00.000Z"})
    assert reported_problem() == ("", MOVED)


@pytest.mark.parametrize("number", range(1, 5))
def test_an_altered_version_is_reported(
    versions: list[dict[str, Any]], resource: Any, number: int
) -> None:
    sort = "current" if number == 4 else f"v#{number:08}"
    (item,) = [item for item in scan(patterns.ENCOUNTER) if item["sk"]["S"] == sort]
    json_, beside = codec.unpack(bytes(item["resource"]["B"]))
    changed = json_.replace(b'"in-progress"', b'"cancelled"')
    resource(sort, resource={"B": codec.pack(changed, beside)})
    assert reported_problem() == (event_id(versions[number - 1]), CHANGED)


def test_a_missing_version_is_reported(versions: list[dict[str, Any]], resource: Any) -> None:
    resource("current")
    (item,) = [item for item in scan(patterns.ENCOUNTER) if item["sk"]["S"] == "v#00000002"]
    remove(item, patterns.ENCOUNTER)
    assert reported_problem() == (event_id(versions[1]), NO_VERSION)


@pytest.mark.parametrize("change", [{"expires": {"N": "1893456000"}}, {"expires": {"N": "1"}}])
def test_an_altered_expiry_is_reported(
    versions: list[dict[str, Any]], restore_trail: Any, change: dict[str, Any]
) -> None:
    restore_trail()
    put(versions[1] | change)
    assert reported_problem() == (event_id(versions[1]), EXPIRY)


def test_a_removed_expiry_is_reported(aged_rows: list[dict[str, Any]]) -> None:
    put({name: value for name, value in aged_rows[1].items() if name != "expires"})
    assert reported_problem() == (event_id(aged_rows[1]), EXPIRY)


@pytest.fixture
def append_event(versions: list[dict[str, Any]]) -> Any:
    """Return a function that appends an event to the item's chain; the test's end removes it."""
    event = json.loads(audit_items.event_of(versions[-1]))
    (item,) = [item for item in scan(patterns.ENCOUNTER) if item["sk"]["S"] == "current"]
    chain = bytes(item["chain"]["B"])
    row = versions[-1] | {"pk": {"S": f"-#{ulids.new(2**47)}"}}

    def append(version: int = 4, **change: Any) -> tuple[str, bytes]:
        written = [["Encounter/1", version, "U", chain.hex()]]
        content = json.dumps(event | {"written": written} | change).encode()
        put(row | {"event": {"B": codec.pack(content)}})
        return event_id(row), events.event_hash(content)

    yield append
    remove(row)


@pytest.mark.parametrize("version", [4, 5])
def test_an_appended_event_is_reported(append_event: Any, version: int) -> None:
    event, _ = append_event(version)
    assert reported_problem() == (event, AHEAD)


@pytest.mark.parametrize("at", ["2027-01-01T00:00:00.000Z", "9999-01-01T00:00:00.000Z"])
def test_an_event_in_the_future_is_reported(append_event: Any, at: str) -> None:
    event, _ = append_event(at=at)
    assert reported_problem() == (event, TOO_NEW)


@pytest.mark.parametrize(
    ("version", "contents"), [(5, None), (3, None), (4, [""]), (4, []), (4, ["ab"])]
)
def test_a_forged_event_is_reported_even_if_the_resource_points_to_it(
    append_event: Any, resource: Any, version: int, contents: list[str] | None
) -> None:
    event, own = append_event(version, **({} if contents is None else {"contents": contents}))
    resource("current", chain={"B": own})
    assert event in [problem.event for problem in every_problem()]


def test_events_without_hashes_of_content_are_valid(
    clinic: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def older(**said: Any) -> tuple[bytes, bytes]:
        content, _ = of_transaction(**said)
        event = json.loads(content)
        del event["contents"], event["keeps"]
        content = fhirjson.canonical(event)
        return content, events.event_hash(content)

    of_transaction = events.of_transaction
    with monkeypatch.context() as patch:
        patch.setattr(events, "of_transaction", older)
        for number in range(2):
            clinic.put("/Encounter/1", care.session(id="1", priority={"text": str(number)}))
    assert reported_problem() == ("", "")
    clinic.put("/Encounter/1", care.session(id="1", priority={"text": "2"}))
    assert reported_problem() == ("", "")


def test_an_unreadable_item_is_reported(versions: list[dict[str, Any]], restore_trail: Any) -> None:
    restore_trail()
    put(versions[1] | {"event": {"B": codec.pack(b"{")}})
    assert reported_problem() == (event_id(versions[1]), ALTERED)


@pytest.mark.parametrize(
    ("scope", "number"),
    [
        (Scope(reference="Encounter/1"), 1),
        (Scope(reference="Encounter/2"), 0),
        (Scope(until="2020-01-01T00:00:00.000Z"), 0),
        (Scope(since="2099-01-01T00:00:00.000Z"), 0),
    ],
)
def test_verification_can_be_limited_to_a_resource_or_a_period(
    versions: list[dict[str, Any]], restore_trail: Any, scope: Scope, number: int
) -> None:
    restore_trail()
    put(altered(versions[1], who={"subject": "somebody else"}))
    assert len(verify(dynamodb.client(), TABLES, scope=scope)[1]) == number


def test_a_period_of_verification_ends_at_its_bounds(aged_rows: list[dict[str, Any]]) -> None:
    first, second, third = aged_rows
    day = timedelta(days=1)
    times = [instants.to_text(instants.now() - n * day) for n in (31, 1.5, 0.5)]
    remove(first)
    assert verify(dynamodb.client(), TABLES, scope=Scope(since=times[1]))[1] == []
    put(first)
    remove(second)
    after = verify(dynamodb.client(), TABLES, scope=Scope(since=times[1]))[1]
    assert after == []
    (problem,) = verify(dynamodb.client(), TABLES, scope=Scope(since=times[0]))[1]
    assert (problem.event, problem.problem) == (event_id(third), MISSING)
    assert verify(dynamodb.client(), TABLES, scope=Scope(times[0], times[1]))[1] == []
    remove(third)
    assert verify(dynamodb.client(), TABLES, scope=Scope(times[0], times[1]))[1] == []
    (problem,) = verify(dynamodb.client(), TABLES, scope=Scope(times[1], times[2]))[1]
    assert problem.problem == NO_END
