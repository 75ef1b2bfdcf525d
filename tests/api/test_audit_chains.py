"""`async-encounters audit verify`: what was altered in the trail, or taken out of it, is named."""

import json
from datetime import timedelta
from typing import Any

import pytest

from shared import instants, settings
from shared.audit.chains import ALTERED, MISSING, NO_END, NO_RESOURCE
from shared.audit.digests import ANOTHER, GONE
from shared.audit.events import link
from shared.catalog import access_patterns as patterns
from shared.local.auditing import TABLES as TABLES_WALKED
from shared.local.auditing import Archive, verify
from shared.store import archive as archive_store
from shared.store import auditing, codec, dynamodb
from tests import auditing as auditing_of_tests
from tests import care
from tests.auditing import rows
from tests.consistency import scan
from tests.frontdoor import FrontDoor

TABLES = {table: table for table in TABLES_WALKED}


@pytest.fixture
def versions(clinic: FrontDoor) -> list[dict[str, Any]]:
    """The rows of an Encounter's four versions, beside those of a thread with two messages."""
    header = clinic.post("/Communication", care.header()).id
    for _ in range(2):
        clinic.post("/Communication", care.message(header))
    for number in range(4):
        body = care.session(id="1", priority={"text": str(number)})
        assert clinic.put("/Encounter/1", body).status in (200, 201)
    about = {_version(row): row for row in rows() if _version(row)}
    return [about[number] for number in range(1, 5)]


def _version(row: dict[str, Any]) -> int:
    written = json.loads(auditing.event_of(row))["written"]
    return next((version for reference, version, *_ in written if reference == "Encounter/1"), 0)


def found() -> tuple[str, str]:
    """The event that is named, and what is wrong with it; empty where everything holds."""
    _, broken = verify(dynamodb.client(), TABLES)
    return (broken.event, broken.problem) if broken else ("", "")


def event_id(row: dict[str, Any]) -> str:
    return str(row["pk"]["S"].partition("#")[2])


def put(row: dict[str, Any]) -> None:
    dynamodb.client().put_item(TableName=patterns.AUDIT, Item=row)


def remove(row: dict[str, Any], table: str = patterns.AUDIT) -> None:
    key = {name: row[name] for name in ("pk", "sk")}
    dynamodb.client().delete_item(TableName=table, Key=key)


def altered(row: dict[str, Any], **change: Any) -> dict[str, Any]:
    event = json.loads(auditing.event_of(row)) | change
    return row | {"event": {"B": codec.pack(json.dumps(event).encode())}}


@pytest.fixture
def mended() -> Any:
    """Puts the trail back as it was: what every test ends with would find it broken."""
    before: list[dict[str, Any]] = []

    def keep() -> None:
        before.extend(scan(patterns.AUDIT))

    yield keep
    for row in before:
        put(row)


@pytest.mark.usefixtures("versions")
def test_a_trail_that_nobody_touched_holds(clinic: FrontDoor) -> None:
    clinic.administrator.delete("/Encounter/1")
    assert verify(dynamodb.client(), TABLES) == (4, None)


@pytest.mark.parametrize("number", range(4))
def test_an_altered_event_is_named(
    versions: list[dict[str, Any]], mended: Any, number: int
) -> None:
    mended()
    put(altered(versions[number], who={"subject": "somebody else"}))
    assert found() == (event_id(versions[number]), ALTERED)


@pytest.mark.parametrize("number", range(3))
def test_of_a_missing_event_the_one_after_it_is_named(
    versions: list[dict[str, Any]], mended: Any, number: int
) -> None:
    mended()
    remove(versions[number])
    assert found() == (event_id(versions[number + 1]), MISSING)


def test_a_missing_last_event_is_named_by_its_resource(
    versions: list[dict[str, Any]], mended: Any
) -> None:
    mended()
    remove(versions[-1])
    assert found() == ("", NO_END)


def test_an_event_that_is_said_to_be_about_others_is_named(
    versions: list[dict[str, Any]], mended: Any
) -> None:
    mended()
    put(altered(versions[1], written=[["Encounter/2", 1, "C", ""]]))
    assert found() == (event_id(versions[1]), NO_RESOURCE)


def test_a_chain_whose_beginning_expired_starts_at_its_oldest_event(
    clinic: FrontDoor, monkeypatch: pytest.MonkeyPatch, mended: Any
) -> None:
    monkeypatch.setenv("AUDIT_RETENTION_DAYS", "10")
    settings.settings.cache_clear()
    for number in range(3):
        clinic.put("/Encounter/1", care.session(id="1", priority={"text": str(number)}))
    mended()
    first, *_ = sorted(rows(), key=_version)
    # Nothing can have expired yet: the resource is not ten days old.
    remove(first)
    assert found()[1] == MISSING
    (item,) = [one for one in scan(patterns.ENCOUNTER) if one["sk"]["S"] == "current"]
    ago = (instants.now() - timedelta(days=30)).isoformat(timespec="milliseconds")
    older = item | {"created": {"S": ago.replace("+00:00", "Z")}}
    dynamodb.client().put_item(TableName=patterns.ENCOUNTER, Item=older)
    assert found() == ("", "")
    # But what is between two that are there has not expired.
    put(first)
    remove(sorted(rows(), key=_version)[1])
    assert found()[1] == MISSING
    dynamodb.client().put_item(TableName=patterns.ENCOUNTER, Item=item)


@pytest.fixture
def archive() -> Archive:
    """The archive of everything so far."""
    auditing_of_tests.bucket()
    return Archive(archive_store.client(), settings.settings().audit_archive)


def compared(archive: Archive) -> tuple[str, str]:
    """As `found`, compared with what the archive knows."""
    _, broken = verify(dynamodb.client(), TABLES, archive)
    return (broken.event, broken.problem) if broken else ("", "")


@pytest.fixture
def archived(versions: list[dict[str, Any]], archive: Archive) -> list[dict[str, Any]]:
    auditing_of_tests.collected()
    auditing_of_tests.archived()
    assert compared(archive) == ("", "")
    return versions


def test_events_of_a_resource_that_are_all_gone_are_missed_by_the_archive(
    archived: list[dict[str, Any]], archive: Archive, mended: Any
) -> None:
    mended()
    (item,) = [one for one in scan(patterns.ENCOUNTER) if one["sk"]["S"] == "current"]
    for row in archived:
        remove(row)
    # As if the resource were older than events are kept, or had no chain at all.
    dynamodb.client().put_item(
        TableName=patterns.ENCOUNTER, Item=item | {"created": {"S": "2001-01-01T00:00:00.000Z"}}
    )
    assert found() == ("", "")
    assert compared(archive) == (event_id(archived[0]), GONE)
    dynamodb.client().put_item(TableName=patterns.ENCOUNTER, Item=item)


def test_a_chain_that_was_written_anew_is_another_than_the_archive_knows(
    archived: list[dict[str, Any]], archive: Archive, mended: Any
) -> None:
    mended()
    (item,) = [one for one in scan(patterns.ENCOUNTER) if one["sk"]["S"] == "current"]
    last = ""
    for row in archived:
        written = [["Encounter/1", _version(row), "C" if not last else "U", last]]
        forged = altered(row, who={"subject": "somebody else"}, written=written)
        put(forged)
        last = link(auditing.event_of(forged)).hex()
    chained = item | {"chain": {"B": bytes.fromhex(last)}}
    dynamodb.client().put_item(TableName=patterns.ENCOUNTER, Item=chained)
    assert found() == ("", "")
    assert compared(archive) == (event_id(archived[0]), ANOTHER)
    dynamodb.client().put_item(TableName=patterns.ENCOUNTER, Item=item)
