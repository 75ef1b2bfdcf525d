"""Segments of the archive, and their index rows."""

import gzip
import json
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest

from shared import settings
from shared.audit import archive_index, archive_rows, entries, segments
from shared.audit.entries import Entry
from shared.catalog import access_patterns as patterns
from shared.fhir import fhirjson, instants, ulids
from shared.store import keys

BEGIN = instants.from_text("2026-11-20T22:58:00.000Z")


@pytest.fixture(autouse=True)
def deployment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ENCOUNTER", "THREAD", "RESOURCE", "SEARCH", "AUDIT"):
        monkeypatch.setenv(f"{name}_TABLE", name)
    settings.settings.cache_clear()


def event(seconds: float, *patients: str, tenant: str = "-", agent: str = "alice") -> Entry:
    """Return a read of an Encounter, a number of seconds after the start."""
    moment = BEGIN + timedelta(seconds=seconds)
    said: dict[str, Any] = {
        "at": instants.to_text(moment),
        "who": {"subject": agent, "fhirUser": f"Practitioner/{agent}"},
        "interaction": "read",
        "status": 200,
        "type": "Encounter",
        "id": f"encounter-{seconds}",
        "patients": list(patients),
    }
    event_id = ulids.new(instants.to_nanoseconds(moment) // instants.MILLISECOND)
    return entries.entry(tenant, event_id, fhirjson.canonical(said))


def test_a_segment_is_gzipped_json_lines() -> None:
    events = [event(n, "Patient/homer-simpson") for n in range(200)]
    (first, *_) = found = list(segments.build(events))
    lines = [
        json.loads(line) for match in found for line in gzip.decompress(match.body).splitlines()
    ]
    assert [line["id"] for line in lines] == [one.id for one in events]
    assert set(lines[0]) == {"id", "tenant", "event"}
    assert first.key.startswith("events/date=2026-11-20/")
    assert first.key.endswith(".ndjson.gz")


def test_a_segment_is_of_one_day() -> None:
    events = [event(n * 30) for n in range(5)] + [event(n * 30 + 3720) for n in range(3)]
    found = list(segments.build(events))
    assert [match.key[:22] for match in found] == [
        "events/date=2026-11-20",
        "events/date=2026-11-21",
    ]
    assert [len(match.events) for match in found] == [5, 3]


def test_the_order_of_events_does_not_change_their_segment() -> None:
    events = [event(n) for n in range(100)]
    (one,), (other,) = segments.build(events), segments.build([*events[::-1], *events])
    assert one == other


def test_an_event_is_read_from_a_single_gzip_member() -> None:
    events = [event(n, tenant=tenant) for n in range(150) for tenant in ("-", "b")]
    (segment,) = segments.build(events)
    for entry, place in segment.events:
        member = segments.first_member(segment.body[place.offset :])
        assert member is not None
        assert member[place.line] == entry
        assert {item.tenant for item in member} == {entry.tenant}
        assert {segments.hour_of(item.at) for item in member} == {place.hour}


def test_a_truncated_member_is_not_read() -> None:
    (segment,) = segments.build([event(n) for n in range(60)])
    assert segments.first_member(segment.body[:100]) is None
    assert segments.first_member(segment.body + b"more") is not None


def rows(events: Iterable[Entry]) -> list[dict[str, Any]]:
    return [
        {"pk": {"S": address.pk}, "sk": {"S": address.sk}} | item
        for segment in segments.build(events)
        for address, item in archive_index.rows(segment)
    ]


def instants_of(found: list[dict[str, Any]], own_id: str, tenant: str = "-") -> list[str]:
    """Return the instants of the events that the index lists for an id."""
    key = archive_index.index_key(f"AuditEvent?id={own_id}")
    partition = keys.partition(patterns.POSTINGS, tenant, bucket=key.bucket)
    own = [row for row in found if row["pk"]["S"] == partition]
    return sorted(
        posting.at for row in own for posting in archive_rows.postings(row, key.fingerprint)
    )


def test_the_index_finds_events_by_each_id_they_name() -> None:
    events = [
        event(0.001, "Patient/homer", "Patient/marge"),
        event(1, "Patient/homer", agent="bob"),
        event(200.5, "Patient/homer", tenant="b"),
    ]
    found = rows(events)
    first, second, third = (item.at for item in events)
    assert instants_of(found, "homer") == [first, second]
    assert instants_of(found, "marge") == [first]
    assert instants_of(found, "alice") == [first]
    assert instants_of(found, "bob") == [second]
    assert instants_of(found, "encounter-1") == [second]
    assert instants_of(found, "homer", "b") == [third]
    assert instants_of(found, "bart") == []


def test_an_agent_who_is_also_the_patient_is_indexed_once() -> None:
    own = event(0, "Patient/homer", agent="homer")
    assert instants_of(rows([own]), "homer") == [own.at]


def test_an_event_about_thousands_has_at_most_one_row_a_bucket() -> None:
    events = [event(n, *(f"Patient/p-{n}-{number}" for number in range(1000))) for n in range(5)]
    found = rows(events)
    assert len(found) <= archive_index.BUCKETS + 1
    assert instants_of(found, "p-3-999") == [events[3].at]


def test_a_bucket_with_too_many_postings_has_several_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(archive_rows, "MOST_POSTINGS", 10)
    monkeypatch.setattr(archive_rows, "_MOST_IN_RUN", 8)
    events = [event(n, "Patient/homer") for n in range(50)]
    found = rows(events)
    assert instants_of(found, "homer") == [item.at for item in events]
    assert len({(row["pk"]["S"], row["sk"]["S"]) for row in found}) == len(found)


def test_the_members_of_a_segment_are_ordered_by_time() -> None:
    events = [event(n) for n in range(110)]
    (row,) = [row for row in rows(events) if "members" in row]
    known = archive_rows.members(row)
    assert [member.first for member in known] == [events[0].at, events[64].at]
    assert [member.last for member in known] == [events[63].at, events[109].at]
