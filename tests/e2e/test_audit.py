"""The audit trail of the whole stack: log group, subscription, stream and search."""

import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.local.conversation import client
from shared.local.examples import session

# Within so many seconds a request's event is found.
SOON = 60


def found(http: httpx.Client, query: str, count: int) -> list[dict[str, Any]]:
    """The AuditEvents that a search finds, when there are so many, or after a minute."""
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
        made = alice.post("/Encounter", json=session()).json()
        path = f"/Encounter/{made['id']}"
        alice.get(path)
        alice.get("/AuditEvent")
    with client(base, service["TOKEN_AUDITOR"]) as auditor:
        assert auditor.delete(path).status_code == 403
        events = found(auditor, f"entity={path[1:]}", 3)
        told = {(event["subtype"][0]["code"], event["outcome"]) for event in events}
        assert told == {("create", "0"), ("read", "0"), ("delete", "4")}
        assert found(auditor, "agent=Practitioner/doctor-alice-smith&outcome=4", 1)
        one = auditor.get(f"/AuditEvent/{events[0]['id']}").json()
        assert one == events[0]


def test_the_chains_of_what_was_written_hold(service: Mapping[str, str]) -> None:
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
