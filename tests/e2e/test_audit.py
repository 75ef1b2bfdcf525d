"""The audit trail through the whole stack: log group, subscription, stream and search."""

import gzip
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.local.client import client
from shared.local.emulator import Emulator
from shared.local.stack import outputs
from tests.support import care

# The seconds within which a request's event must be found.
SOON = 60


def found(http: httpx.Client, query: str, count: int) -> list[dict[str, Any]]:
    """Return the AuditEvents of a search once it finds `count`, or after a minute."""
    deadline = time.monotonic() + SOON
    while True:
        page = http.get("/AuditEvent", params=query).json()
        events = [entry["resource"] for entry in page.get("entry", ())]
        if len(events) >= count or time.monotonic() > deadline:
            return events
        time.sleep(0.5)


def test_writes_reads_and_refusals_are_found_within_a_minute(service: Mapping[str, str]) -> None:
    base = service["FHIR_BASE"]
    with client(base, service["TOKEN_PRACTITIONER"]) as alice:
        encounter = alice.post("/Encounter", json=care.session()).json()
        path = f"/Encounter/{encounter['id']}"
        alice.get(path)
        alice.get("/AuditEvent")
    with client(base, service["TOKEN_AUDITOR"]) as auditor:
        assert auditor.delete(path).status_code == 403
        events = found(auditor, f"entity={path[1:]}", 3)
        outcomes = {(event["subtype"][0]["code"], event["outcome"]) for event in events}
        assert outcomes == {("create", "0"), ("read", "0"), ("delete", "4")}
        assert found(auditor, "agent=Practitioner/doctor-alice-smith&outcome=4", 1)
        one = auditor.get(f"/AuditEvent/{events[0]['id']}").json()
        assert one == events[0]


def test_events_that_only_the_archive_has_are_found(service: Mapping[str, str]) -> None:
    port = httpx.URL(service["FHIR_BASE"]).port
    if not port:
        pytest.skip("the rows of new events can only be deleted on the emulator")
    with client(service["FHIR_BASE"], service["TOKEN_PRACTITIONER"]) as alice:
        path = f"/Encounter/{alice.post('/Encounter', json=care.session()).json()['id']}"
        alice.get(path)
    running = Emulator(port)
    with client(service["FHIR_BASE"], service["TOKEN_AUDITOR"]) as auditor:
        events = found(auditor, f"entity={path[1:]}", 2)
        wait_for(lambda: len(archived(running, path[1:])) == 2)
        expire_new_events(running)
        assert found(auditor, f"entity={path[1:]}", 2) == events
        reads = [one for one in events if one["subtype"][0]["code"] == "read"]
        assert auditor.get(f"/AuditEvent/{reads[0]['id']}").json() == reads[0]
        by_patient = f"patient={events[0]['entity'][1]['what']['reference']}&_count=1000"
        found_ids = {one["id"] for one in found(auditor, by_patient, 2)}
        assert found_ids >= {one["id"] for one in events}


def archived(running: Emulator, reference: str) -> list[str]:
    """Return the lines of the archive that name a resource."""
    s3, bucket = running.client("s3"), outputs(running)["AuditArchiveName"]
    keys = [
        one["Key"]
        for one in s3.list_objects_v2(Bucket=bucket, Prefix="events/").get("Contents", ())
    ]
    bodies = (s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys)
    lines = {line for body in bodies for line in gzip.decompress(body).decode().splitlines()}
    own_id = reference.partition("/")[2]
    return [line for line in lines if own_id in line and '"search-type"' not in line]


def expire_new_events(running: Emulator) -> None:
    """Delete the rows of new events that are archived, as happens after a week."""
    dynamodb, table = running.client("dynamodb"), outputs(running)["AuditTableName"]
    for row in dynamodb.scan(TableName=table)["Items"]:
        if "events" in row:
            key = {name: row[name] for name in ("pk", "sk")}
            dynamodb.delete_item(TableName=table, Key=key)


def wait_for(is_so: Callable[[], bool]) -> None:
    """Wait until a condition holds, or fail after a minute."""
    deadline = time.monotonic() + SOON
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.5)


def test_the_audit_chains_of_written_resources_verify(service: Mapping[str, str]) -> None:
    port = httpx.URL(service["FHIR_BASE"]).port
    if not port:
        pytest.skip("a deployment is verified by its stack's name")
    command = Path(sys.executable).with_name("async-encounters")
    walked = subprocess.run(
        [command, "audit", "verify", "--port", str(port)],
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )
    assert walked.returncode == 0, walked.stderr
    assert "resources hold" in walked.stdout
