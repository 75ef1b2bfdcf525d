"""The archive of the audit trail: its content, and searches in it."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from shared import settings
from shared.audit import event_search
from shared.fhir import instants
from shared.interactions.conformance import capabilities
from shared.store import s3
from tests.support import audit_pipeline, care, refusals
from tests.support.api_client import ApiClient
from tests.support.audit_pipeline import Log
from tests.support.clock import set_clock

pytestmark = pytest.mark.usefixtures("moto_services")

AUDITOR = ApiClient(role="auditor", fhir_user="")
HOURS = (0, 1, 26, 27, 27.5, 70)


@pytest.fixture(autouse=True)
def log(monkeypatch: pytest.MonkeyPatch) -> Log:
    return Log(monkeypatch, archives=True)


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Return a function that sets the clock a number of hours after now."""
    begun = instants.now()

    def move(hours: float) -> None:
        set_clock(monkeypatch, lambda: begun + timedelta(hours=hours))

    return move


def read_over_days(clinic: ApiClient, log: Log, later: Callable[[float], None]) -> None:
    """Read two Encounters at several hours."""
    for hours in HOURS:
        later(hours)
        log.clear()
        for own_id in ("1", "2", "1"):
            clinic.get(f"/Encounter/{own_id}")
        log.deliver()
    later(80)


@pytest.mark.parametrize("query", ["entity=Encounter/1&", "subtype=read&entity=1&", "outcome=4&"])
@pytest.mark.parametrize("count", [1, 5, 100])
def test_pages_cross_the_hours_of_the_archive_in_both_directions(
    clinic: ApiClient, log: Log, later: Callable[[float], None], query: str, count: int
) -> None:
    read_over_days(clinic, log, later)
    url, forth = f"/AuditEvent?{query}_sort=-date&_count={count}", []
    all_ids = AUDITOR.get(f"/AuditEvent?{query}_sort=-date&_count=1000").ids
    assert len(all_ids) == (18 if query.startswith("outcome") else 12)
    pages = []
    while url:
        pages.append(page := AUDITOR.get(url))
        forth += page.ids
        url = _link(page.body, "next")
    assert forth == all_ids
    back: list[str] = []
    url = _link(pages[-1].body, "previous")
    while url:
        page = AUDITOR.get(url)
        back = page.ids + back
        url = _link(page.body, "previous")
    assert back == all_ids[: len(back)]
    assert len(back) >= len(all_ids) - count
    assert AUDITOR.get(f"/AuditEvent?{query}_sort=date&_count=1000").ids == all_ids[::-1]


def _link(bundle: dict[str, Any], relation: str) -> str:
    links: dict[str, str] = {link["relation"]: link["url"] for link in bundle["link"]}
    return links.get(relation, "")


def test_a_search_by_date_is_exact_within_and_over_hours(
    clinic: ApiClient, log: Log, later: Callable[[float], None]
) -> None:
    read_over_days(clinic, log, later)
    events = AUDITOR.get("/AuditEvent?entity=Encounter/1&_sort=date&_count=100").resources
    for at in {event["recorded"] for event in events}:
        after = AUDITOR.get(f"/AuditEvent?entity=Encounter/1&date=ge{at}&_sort=date").ids
        assert after == [event["id"] for event in events if event["recorded"] >= at]
        until = AUDITOR.get(f"/AuditEvent?entity=1&date=lt{at}&_sort=date&_count=100").ids
        assert until == [event["id"] for event in events if event["recorded"] < at]


def test_a_search_with_a_small_read_limit_continues_on_the_next_page(
    clinic: ApiClient,
    log: Log,
    later: Callable[[float], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read_over_days(clinic, log, later)
    url = "/AuditEvent?entity=Encounter/1&outcome=4&_sort=date&_count=50"
    expected = AUDITOR.get(url).ids
    assert len(expected) == 2 * len(HOURS)
    monkeypatch.setattr(event_search, "_PAGE_ROWS", 1999)
    found: list[str] = []
    for _ in range(50):
        page = AUDITOR.get(url)
        found += page.ids
        url = _link(page.body, "next")
        if not url:
            break
    assert found == expected


def test_events_are_found_by_id_in_the_archive(clinic: ApiClient, log: Log) -> None:
    clinic.put("/Encounter/1", care.session(id="1"))
    for _ in range(3):
        clinic.get("/Encounter/1")
    events = log.deliver()
    for event in events:
        assert AUDITOR.get(f"/AuditEvent/{event['id']}").body == event
    other = events[0]["id"][:-1] + ("0" if events[0]["id"][-1] != "0" else "1")
    refusals.check(AUDITOR.get(f"/AuditEvent/{other}"), 404, "not-found")


def test_every_event_is_in_the_archive(clinic: ApiClient, log: Log) -> None:
    clinic.put("/Encounter/1", care.session(id="1"))
    clinic.get("/Encounter/1")
    clinic.get("/Encounter/nowhere")
    expected = {event["id"] for event in log.deliver()}
    lines = [line for lines in audit_pipeline.segment_lines().values() for line in lines]
    assert {line["id"] for line in lines} == expected
    assert len(lines) == len(expected)


def test_when_reads_are_only_archived_searches_still_find_writes(
    clinic: ApiClient, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUDIT_READS", "archive")
    settings.settings.cache_clear()
    clinic.put("/Encounter/1", care.session(id="1"))
    clinic.get("/Encounter/1")
    for archives in (False, True):
        log.archives = archives
        (written,) = [event["id"] for event in log.deliver()]
        assert AUDITOR.get("/AuditEvent?entity=Encounter/1").ids == [written]
        assert AUDITOR.get("/AuditEvent?date=gt2020").ids == [written]
    lines = [line for lines in audit_pipeline.segment_lines().values() for line in lines]
    assert {line["event"]["interaction"] for line in lines} >= {"update", "read", "search-type"}


# The settings of retention, index and reads, and the resulting text in `/metadata`.
SAID = {
    ("2192", "366", "index"): (
        "Searches find events for 366 days; the archive keeps every event for 2192 days"
    ),
    ("30", "366", "index"): (
        "Searches find events for 30 days; the archive keeps every event for 30 days"
    ),
    ("0", "366", "archive"): (
        "Searches find events for 366 days, but not those of requests that wrote nothing; "
        "the archive keeps every event forever"
    ),
}


@pytest.mark.parametrize(("deployed", "expected"), SAID.items())
def test_metadata_states_how_long_events_are_searchable(
    monkeypatch: pytest.MonkeyPatch, deployed: tuple[str, ...], expected: str
) -> None:
    names = ("AUDIT_RETENTION_DAYS", "AUDIT_INDEX_DAYS", "AUDIT_READS")
    for name, value in zip(names, deployed, strict=True):
        monkeypatch.setenv(name, value)
    settings.settings.cache_clear()
    known = json.loads(capabilities.capabilities(f"https://{'-'.join(deployed)}"))
    resources = known["rest"][0]["resource"]
    (said,) = [
        resource["documentation"] for resource in resources if resource["type"] == "AuditEvent"
    ]
    assert said == expected


@pytest.mark.parametrize("code", ["SlowDown", "ServiceUnavailable"])
def test_an_archive_that_is_busy_is_503(
    clinic: ApiClient, log: Log, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    clinic.get("/Encounter/1")
    log.deliver()
    error = ClientError({"Error": {"Code": code, "Message": "secret"}}, "GetObject")

    class Busy:
        def get_object(self, **_: Any) -> None:
            raise error

    with monkeypatch.context() as busy:
        busy.setattr(s3, "client", Busy)
        answer = AUDITOR.get("/AuditEvent?entity=Encounter/1")
    refusals.check(answer, 503, "transient")
    assert "secret" not in answer.text
