"""The items that a release has stored, which the next release must be able to read.

`uv run python -m tests.tools.releases` plays some days of a practice and writes
fixtures/release.json: every item of every table, and the objects of the archive. Clock and ids are
fixed, so every run writes the same file.
"""

import json
import os
import random
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from shared import settings
from shared.catalog import access_patterns as patterns
from shared.fhir import references
from shared.local import template
from shared.sessions import due_encounters
from shared.store import dynamodb, s3, transactions
from tests.benchmarks.practice import CREDENTIALS
from tests.support import audit_pipeline, care, steps
from tests.support.api_client import Answer, ApiClient
from tests.support.audit_pipeline import Log
from tests.support.caches import clear_caches
from tests.support.clock import set_clock
from tests.support.memory_database import Database
from tests.support.memory_objects import MemoryS3
from tests.support.practice import instant_text, local

FIXTURE = Path(__file__).parents[1] / "fixtures" / "release.json"
BEGUN, ENDED = "2026-03-02 09:00", "2026-03-05 09:00"
ENVIRONMENT = {"SESSION_TIME_ZONE": "Europe/Berlin", "AUDIT_ARCHIVE": "archive"}
ALICE, HOMER, BART = "Practitioner/alice", "Patient/homer", "Patient/bart"
RECORD_NUMBER = {"system": "https://mrn.example", "value": "742"}

type Items = list[dict[str, Any]]


class TimedPractice:
    """The practice's calls while its clock advances. `names` has the ids of what it created."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.patch, self.now = patch, local(BEGUN)
        self.names: dict[str, str] = {}
        self.clinic = ApiClient(fhir_user=ALICE)
        self.log = Log(patch)
        set_clock(patch, lambda: self.now)

    def set_policy(self, policy: str) -> None:
        """Set the policy of sessions that begin from now on."""
        self.patch.setenv("SESSION_POLICY", policy)
        settings.settings.cache_clear()

    def advance_to(self, moment: str) -> None:
        """Advance the clock to a local time in Berlin, and process what is due by then."""
        self.now = local(moment)
        references.BASE.set("https://fhir.example.org/fhir/R4")
        for tenant, encounter_id in steps.due_until(self.now):
            due_encounters.close_or_postpone(tenant, encounter_id, self.now)

    def call(self, method: str, url: str, body: Any = None, **headers: str) -> Answer:
        answer = self.clinic.call(method, url, body, **headers)
        assert answer.status in (200, 201, 204), answer.text
        return answer

    def create(self, name: str, url: str, body: Any, **headers: str) -> str:
        """Create a resource and record its id by name."""
        self.names[name] = self.call("POST", url, body, **headers).id
        return self.names[name]

    def post_header(self, name: str, patient: str = HOMER) -> str:
        people = {"subject": care.reference(patient), "sender": care.reference(patient)}
        both = [care.reference(ALICE), care.reference(patient)]
        return self.create(name, "/Communication", care.header(**people, recipient=both))

    def post_message(self, name: str, header_id: str, moment: str, patient: str = HOMER) -> None:
        """Post a message that is sent and received at a local time."""
        self.now = max(self.now, local(moment))
        people = {"subject": care.reference(patient), "sender": care.reference(patient)}
        sent = instant_text(local(moment))
        body = care.message(header_id, sent, **people, recipient=[care.reference(ALICE)])
        self.create(name, "/Communication", body)


def play(days: TimedPractice) -> None:
    """Create at least one item of each kind."""
    directory(days)
    explicit(days)
    by_thread(days)
    by_day(days)
    reads(days)


def directory(days: TimedPractice) -> None:
    for url, family, given_name in ((HOMER, "Simpson", "Homer"), (BART, "Simpson", "Bart")):
        kind, own_id = url.split("/")
        body = {
            "resourceType": kind,
            "id": own_id,
            "name": [{"family": family, "given": [given_name]}],
        }
        days.call("PUT", f"/{url}", body | ({"identifier": [RECORD_NUMBER]} if url == BART else {}))
    alice = {"resourceType": "Practitioner", "id": "alice", "active": False}
    for practitioner in (alice, alice | {"active": True}):
        days.call("PUT", f"/{ALICE}", practitioner)
    marge = {"resourceType": "Patient", "name": [{"family": "Bouvier", "given": ["Marge"]}]}
    days.create("Marge", "/Patient", marge, if_none_exist="family=Bouvier")


def explicit(days: TimedPractice) -> None:
    """Open a session for two patients by hand, with messages before and after it."""
    header = days.post_header("thread")
    days.post_message("before", header, "2026-03-02 09:05")
    body = care.session(
        subject=care.reference(HOMER), participant=[{"individual": care.reference(ALICE)}]
    )
    session = days.create("session", "/Encounter", body)
    days.clinic.patch(f"/Communication/{header}", care.link(session))
    days.post_message("after", header, "2026-03-02 09:10")
    message = care.message(header, instant_text(local("2026-03-02 09:12")), id="own-id")
    message |= {"sender": care.reference(ALICE), "recipient": [care.reference(HOMER)]}
    days.call("PUT", "/Communication/own-id", message | {"subject": care.reference(HOMER)})
    recorded = {
        "subject": care.reference(HOMER),
        "encounter": care.reference(f"Encounter/{session}"),
    }
    observed = care.example("Observation") | recorded | {"performer": [care.reference(ALICE)]}
    days.create("observation", "/Observation", observed)
    days.call("POST", f"/Encounter/{session}/$add-patient", care.parameters(("patient", BART)))
    mine = care.header(sender=care.reference(HOMER), recipient=[care.reference(ALICE)])
    patient = ApiClient("patient", HOMER)
    days.names["own thread"] = patient.post(
        "/Communication", mine | {"subject": care.reference(HOMER)}
    ).id
    gone = days.post_header("deleted")
    assert ApiClient("admin", ALICE).delete(f"/Communication/{gone}").status == 204


def by_thread(days: TimedPractice) -> None:
    """Let a message open a session, and another session close by itself."""
    days.set_policy("thread")
    closed = days.post_header("closed thread")
    days.post_message("closed message", closed, "2026-03-02 10:00")
    open_thread = days.post_header("open thread")
    days.advance_to("2026-03-04 09:00")
    days.post_message("open message", open_thread, "2026-03-04 09:05")
    days.advance_to("2026-03-04 18:00")


def by_day(days: TimedPractice) -> None:
    """Open the session of a local day."""
    days.set_policy("daily")
    daily = days.post_header("daily thread")
    days.post_message("daily message", daily, "2026-03-05 08:30")
    days.set_policy("explicit")


def reads(days: TimedPractice) -> None:
    """Log events of requests that wrote nothing, one of them refused."""
    days.advance_to(ENDED)
    days.clinic.get(f"/Encounter/{days.names['session']}")
    days.clinic.get(f"/Communication?patient={HOMER}&_count=1")
    days.clinic.get("/Encounter/absent")
    audit_pipeline.deliver_log_lines(days.log.lines)
    audit_pipeline.journal_writes()
    audit_pipeline.deliver_stream_rows(audit_pipeline.journal_rows())


@contextmanager
def environment(patch: pytest.MonkeyPatch) -> Iterator[tuple[Database, MemoryS3]]:
    """Point the functions of this process at empty in-memory tables and an empty archive."""
    loaded = template.load()
    names = {name: name for name in template.table_requests(loaded)}
    values = template.function_environment(loaded, names) | CREDENTIALS | ENVIRONMENT
    for name, value in values.items():
        patch.setenv(name, value)
    clear_caches()
    database, objects = Database(), MemoryS3()
    for module, client in ((dynamodb, database), (transactions, database), (s3, objects)):
        patch.setattr(module, "client", cache(lambda client=client: client))
    yield database, objects
    patch.undo()
    clear_caches()


def generated_release() -> dict[str, Any]:
    """Return what the days of the practice leave in the tables and the archive."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "urandom", random.Random(1).randbytes)
        with environment(patch) as (database, objects):
            days = TimedPractice(patch)
            with redirect_stdout(StringIO()):
                play(days)
            tables = {
                table: [json_item(item) for item in database.all_items(table)]
                for table in patterns.TABLES
            }
            bodies = {key: b64encode(body).decode() for key, body in objects.bodies.items()}
    return {"ended": ENDED, "names": days.names, "tables": tables, "archive": bodies}


def json_item(item: dict[str, Any]) -> dict[str, Any]:
    """Return an item as JSON, with its bytes in base64."""
    return {
        name: {"B": b64encode(bytes(value["B"])).decode()} if "B" in value else value
        for name, value in item.items()
    }


def dynamodb_item(item: dict[str, Any]) -> dict[str, Any]:
    """Return an item of the fixture as DynamoDB stores it."""
    return {
        name: {"B": b64decode(value["B"])} if "B" in value else value
        for name, value in item.items()
    }


def fixture_text(release: dict[str, Any]) -> str:
    """Return the text of the fixture, one item a line."""
    tables = ",\n".join(
        f'"{table}": [\n' + ",\n".join(json.dumps(item) for item in items) + "\n]"
        for table, items in release["tables"].items()
    )
    rest = {name: value for name, value in release.items() if name != "tables"}
    return json.dumps(rest)[:-1] + ', "tables": {\n' + tables + "\n}}\n"


if __name__ == "__main__":
    FIXTURE.write_text(fixture_text(generated_release()))
