"""A release reads the items that the previous one wrote.

`tests/tools/releases.py` describes how they were made.
"""

import json
from collections.abc import Iterator
from functools import cache

import pytest

from shared import settings
from shared.catalog import access_patterns as patterns
from shared.local.audit_sources import TABLES
from shared.local.verifying import verify
from shared.store import dynamodb, s3
from tests.support import audit_pipeline, care, published_events, refusals
from tests.support.api_client import ApiClient
from tests.support.memory_objects import MemoryS3
from tests.support.practice import Practice, local
from tests.tools import releases
from tests.tools.releases import ALICE, BART, FIXTURE, HOMER, RECORD_NUMBER

RELEASE = json.loads(FIXTURE.read_text())
NAMES: dict[str, str] = RELEASE["names"]
SESSION = f"/Encounter/{NAMES['session']}"
AUDITOR = ApiClient("auditor", "")


@pytest.fixture(autouse=True)
def days(practice: Practice, monkeypatch: pytest.MonkeyPatch) -> Iterator[Practice]:
    """Return the practice just after the previous release stored its last item."""
    for table, items in RELEASE["tables"].items():
        for item in items:
            dynamodb.client().put_item(TableName=table, Item=releases.dynamodb_item(item))
    # The release stored no domain events in the audit trail.
    monkeypatch.setattr(published_events, "check", lambda *_: None)
    objects = MemoryS3()
    monkeypatch.setattr(s3, "client", cache(lambda: objects))
    for key, body in RELEASE["archive"].items():
        objects.bodies[key] = releases.dynamodb_item({"body": {"B": body}})["body"]["B"]
    practice.now = local(RELEASE["ended"])
    practice.configure(**releases.ENVIRONMENT)
    yield practice
    settings.settings.cache_clear()


def found(url: str) -> set[str]:
    answer = ApiClient(fhir_user=ALICE).get(url)
    assert answer.status == 200, answer.text
    return {*answer.ids}


def named(*names: str) -> set[str]:
    return {NAMES.get(name, name) for name in names}


def session_of(days: Practice, message: str) -> str:
    """Return the id of the session that a message belongs to."""
    own_id = NAMES.get(message, message)
    (session,) = [session for session in days.sessions() if own_id in days.messages(session)]
    return str(session["id"])


# ---- Content of the fixture ----------------------------------------------------------------


def test_the_stored_items_are_reproducible() -> None:
    made = releases.generated_release()
    assert releases.generated_release() == made
    assert made["names"].keys() == NAMES.keys()
    assert json.loads(releases.fixture_text(made)) == made


# ---- Reading -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url", [f"/{HOMER}", f"/{BART}", f"/{ALICE}", f"/Patient/{NAMES['Marge']}", SESSION]
)
def test_a_resource_and_each_version_are_read_as_they_were(days: Practice, url: str) -> None:
    current = days.clinic.get(url).body
    history = days.clinic.get(f"{url}/_history").resources
    assert history[0] == current
    assert [int(version["meta"]["versionId"]) for version in history] == [
        *range(len(history), 0, -1)
    ]
    for each in history:
        version = each["meta"]["versionId"]
        assert days.clinic.get(f"{url}/_history/{version}").body == each


def test_a_thread_is_read_in_its_order(days: Practice) -> None:
    messages = days.clinic.get(
        f"/Communication?part-of=Communication/{NAMES['thread']}&_sort=sent"
    ).ids
    assert messages == [NAMES["before"], NAMES["after"], "own-id"]
    assert days.clinic.get("/Communication/own-id").body["sender"] == care.reference(ALICE)
    link = days.clinic.get(f"/Communication/{NAMES['thread']}").body["encounter"]
    assert link == care.reference(SESSION[1:])


def test_deleted_resources_are_gone(days: Practice) -> None:
    answer = days.clinic.get(f"/Communication/{NAMES['deleted']}")
    refusals.check(answer, 410, "deleted")
    assert len(days.clinic.get(f"/Communication/{NAMES['deleted']}/_history").body["entry"]) == 2


@pytest.mark.parametrize(
    ("url", "names"),
    [
        ("/Patient?name=simp", ("homer", "bart")),
        ("/Patient?family=Bouvier", ("Marge",)),
        ("/Patient?identifier=https://mrn.example|742", ("bart",)),
        ("/Patient?_lastUpdated=ge2026-03-02", ("homer", "bart", "Marge")),
        ("/Practitioner?_id=alice", ("alice",)),
        (f"/Observation?encounter={SESSION[1:]}", ("observation",)),
        (f"/Observation?patient={HOMER}", ("observation",)),
        (f"/Communication?session={SESSION[1:]}", ("before", "after", "own-id")),
        (f"/Communication?encounter={SESSION[1:]}", ("thread",)),
        (
            "/Communication?part-of:missing=true&status=in-progress",
            ("thread", "own thread", "closed thread", "open thread", "daily thread"),
        ),
        (f"/Communication?sender={ALICE}", ("own-id",)),
        (f"/Encounter?_id={NAMES['session']}&_has:Encounter:part-of:patient={BART}", ("session",)),
    ],
)
def test_searches_find_resources_by_the_stored_rows(url: str, names: tuple[str, ...]) -> None:
    assert found(url) == named(*names)


def test_everything_of_a_session_is_readable(days: Practice) -> None:
    kinds = [match["resourceType"] for match in days.clinic.get(f"{SESSION}/$everything").resources]
    assert kinds == [*["Encounter"] * 3, *["Communication"] * 4, "Observation"]


# ---- Writing -------------------------------------------------------------------------------


@pytest.mark.parametrize("url", [SESSION, f"/Communication/{NAMES['thread']}"])
def test_stored_resources_can_be_patched(days: Practice, url: str) -> None:
    before = days.clinic.get(url)
    patched = days.clinic.patch(url, [{"op": "add", "path": "/language", "value": "de"}])
    assert (patched.status, int(patched.version)) == (200, int(before.version) + 1)
    assert patched.body == days.clinic.get(url).body
    assert days.clinic.get(f"{url}/_history/{before.version}").body == before.body


def test_an_updated_resource_is_found_by_its_new_values_only(days: Practice) -> None:
    renamed = days.clinic.get(f"/{BART}").body | {"name": [{"family": "Bouvier"}]}
    assert days.clinic.put(f"/{BART}", renamed).status == 200
    assert found("/Patient?family=Bouvier") == named("Marge", "bart")
    assert found("/Patient?name=simp") == named("homer")


def test_a_guarded_identifier_is_found(days: Practice) -> None:
    text = f"identifier={RECORD_NUMBER['system']}|{RECORD_NUMBER['value']}"
    body = care.example("Patient") | {"identifier": [RECORD_NUMBER]}
    answer = days.clinic.post("/Patient", body, if_none_exist=text)
    assert (answer.status, answer.id) == (200, "bart")


@pytest.mark.parametrize("thread", ["thread", "open thread", "daily thread"])
def test_a_new_message_joins_the_session_that_is_open(days: Practice, thread: str) -> None:
    before = {session["id"] for session in days.sessions()}
    last = {"thread": "after", "open thread": "open message", "daily thread": "daily message"}
    made = days.post_message(NAMES[thread], "2026-03-05 09:01")
    assert {session["id"] for session in days.sessions()} == before
    assert session_of(days, made.id) == session_of(days, last[thread])


def test_sessions_close_by_themselves_when_they_are_due(days: Practice) -> None:
    closed, open_, daily, by_hand = (
        session_of(days, name)
        for name in ("closed message", "open message", "daily message", "after")
    )

    def statuses() -> list[str]:
        return [
            days.encounter(session_id)["status"] for session_id in (closed, open_, daily, by_hand)
        ]

    assert statuses() == ["finished", "in-progress", "in-progress", "in-progress"]
    days.advance_to("2026-03-05 09:06")
    assert statuses() == ["finished", "finished", "in-progress", "in-progress"]
    days.advance_to("2026-03-06 01:00")
    assert statuses() == ["finished", "finished", "finished", "in-progress"]
    days.advance_to("2026-03-16 09:00")
    assert days.clinic.post(f"{SESSION}/$close-session", None).status == 200
    assert statuses() == ["finished"] * 4


# ---- The audit trail -----------------------------------------------------------------------


def test_the_audit_chains_verify_and_continue(days: Practice) -> None:
    tables = {table: table for table in TABLES}
    number, problems = verify(dynamodb.client(), tables)
    assert problems == []
    days.clinic.patch(SESSION, [{"op": "add", "path": "/priority", "value": {"text": "soon"}}])
    days.post_message(NAMES["thread"], "2026-03-05 09:01")
    days.advance_to("2026-03-05 09:02")
    assert verify(dynamodb.client(), tables) == (number + 1, [])


@pytest.mark.parametrize(
    "query", [f"entity={SESSION[1:]}", f"patient={HOMER}", "date=ge2026-03-02", "subtype=read"]
)
def test_events_are_found_after_they_are_archived(query: str) -> None:
    """A release without an archive did not archive its events; reindexing does."""
    events = {
        item["pk"]["S"].partition("#")[2]
        for item in RELEASE["tables"][patterns.AUDIT]
        if item["sk"]["S"] == patterns.EVENT.sort
    }
    audit_pipeline.journal_writes()
    audit_pipeline.deliver_stream_rows(audit_pipeline.journal_rows())
    answer = AUDITOR.get(f"/AuditEvent?{query}&_count=1000")
    assert {*answer.ids} & events
    assert AUDITOR.get(f"/AuditEvent/{answer.ids[0]}").body == answer.resources[0]
    all_ids = AUDITOR.get("/AuditEvent?date=ge2026-03-02&_count=1000").ids
    assert events <= {*all_ids}
