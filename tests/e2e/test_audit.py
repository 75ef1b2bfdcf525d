"""The audit trail of the whole stack: log group, subscription, stream and search."""

import time
from collections.abc import Mapping
from typing import Any

import httpx

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
