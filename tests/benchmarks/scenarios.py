"""The requests that are measured warm: each kind, prepared one by one."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from shared.fhir import instants
from tests.benchmarks.practice import Practice, Request, typical
from tests.support import clock

# When threads are made: a message within 30 seconds of its header's write costs more reads.
AN_HOUR_BEFORE = clock.START - timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Scenario:
    """A kind of request. `requests` prepares each one just before it is made.

    `cpu` is the upper bound of the CPU as a multiple of its floor. `writes`, `reads` and `calls`
    are the exact units and round trips of a request. `said` holds settings.
    """

    name: str
    requests: Callable[[Practice], Iterator[Request]]
    writes: int
    reads: int
    calls: int
    cpu: float | None = None
    said: dict[str, str] = field(default_factory=dict)


def _post_encounter(practice: Practice) -> Iterator[Request]:
    while True:
        yield practice.clinic.handler_and_event("POST", "/Encounter", typical("session"))


def _message(practice: Practice) -> Iterator[Request]:
    with clock.running(AN_HOUR_BEFORE):
        _, header_id = practice.linked()
    number = 0
    while number := number + 1:
        yield practice.clinic.handler_and_event(
            "POST", "/Communication", practice.message(header_id, number)
        )


def _link(practice: Practice) -> Iterator[Request]:
    while True:
        session_id, header_id = practice.session(), practice.header()
        practice.make("POST", "/Communication", practice.message(header_id))
        yield practice.link(header_id, session_id)


def _put(practice: Practice) -> Iterator[Request]:
    session_id, number = practice.session(), 0
    while number := number + 1:
        body = typical("session") | {"id": session_id, "priority": {"text": f"{number}"}}
        yield practice.clinic.handler_and_event("PUT", f"/Encounter/{session_id}", body)


def _get(practice: Practice) -> Iterator[Request]:
    session_id = practice.session()
    while True:
        yield practice.clinic.handler_and_event("GET", f"/Encounter/{session_id}")


def _vread(practice: Practice) -> Iterator[Request]:
    session_id = practice.session()
    while True:
        yield practice.clinic.handler_and_event("GET", f"/Encounter/{session_id}/_history/1")


def _sixty_sessions(practice: Practice, query: str) -> Iterator[Request]:
    for number in range(60):
        # Random ids, since the id of a session decides its partition.
        body = typical("session") | {"id": f"session-{number}"}
        practice.make("PUT", f"/Encounter/{body['id']}", body)
    while True:
        yield practice.clinic.handler_and_event("GET", f"/Encounter?{query}&_count=20")


def _page20(practice: Practice) -> Iterator[Request]:
    return _sixty_sessions(practice, "patient=Patient/homer-simpson")


def _class(practice: Practice) -> Iterator[Request]:
    return _sixty_sessions(practice, "class=http://terminology.hl7.org/CodeSystem/v3-ActCode%7CVR")


def _thread100(practice: Practice) -> Iterator[Request]:
    return _thread(practice, 100)


def _thread(practice: Practice, length: int) -> Iterator[Request]:
    header_id = practice.header()
    for number in range(length):
        practice.make("POST", "/Communication", practice.message(header_id, number))
    query = f"part-of=Communication/{header_id}&_sort=sent&_count={length}"
    while True:
        yield practice.clinic.handler_and_event("GET", f"/Communication?{query}")


def _close(practice: Practice) -> Iterator[Request]:
    while True:
        session_id, _ = practice.linked(period={"start": "2026-11-20T09:00:00Z"})
        yield practice.clinic.handler_and_event("POST", f"/Encounter/{session_id}/$close-session")


def _daily_open(practice: Practice) -> Iterator[Request]:
    while True:
        today = practice.message(practice.header()) | {"sent": instants.to_text(instants.now())}
        yield practice.clinic.handler_and_event("POST", "/Communication", today)


def _daily_message(practice: Practice) -> Iterator[Request]:
    with clock.running(AN_HOUR_BEFORE):
        header_id = practice.header()
        practice.make("POST", "/Communication", _message_of_now(practice, header_id, 1))
    number = 1
    while number := number + 1:
        today = _message_of_now(practice, header_id, number)
        yield practice.clinic.handler_and_event("POST", "/Communication", today)


def _message_of_now(practice: Practice, header_id: str, number: int) -> Any:
    return practice.message(header_id, number) | {"sent": instants.to_text(instants.now())}


def _thread20(practice: Practice) -> Iterator[Request]:
    return _thread(practice, 20)


def _bundle5(practice: Practice) -> Iterator[Request]:
    """Post a session, its thread and two messages, and read the session, in one transaction."""
    session, header = "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0", "urn:uuid:" + "1" * 8
    header += "-1cbf-4d64-b04d-cd9187a4c6e0"
    linked = typical("header") | {"encounter": {"reference": session}}
    messages = [practice.message(header, number) for number in (1, 2, 3)]
    for body in messages:
        body["partOf"] = [{"reference": header}]
    entries: list[dict[str, Any]] = [
        _entry("Encounter", typical("session"), session),
        _entry("Communication", linked, header),
        *(_entry("Communication", body) for body in messages),
    ]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    while True:
        yield practice.clinic.handler_and_event("POST", "/", bundle)


def _entry(kind: str, resource: Any, url: str = "") -> dict[str, Any]:
    entry = {"resource": resource, "request": {"method": "POST", "url": kind}}
    return entry | ({"fullUrl": url} if url else {})


def _post_patient(practice: Practice) -> Iterator[Request]:
    while True:
        yield practice.clinic.handler_and_event("POST", "/Patient", typical("patient"))


def _recorded(practice: Practice) -> dict[str, Any]:
    """Return an Observation during a session of its own."""
    during = {"reference": f"Encounter/{practice.session()}"}
    return {**typical("observation"), "encounter": during}


def _post_observation(practice: Practice) -> Iterator[Request]:
    while True:
        yield practice.clinic.handler_and_event("POST", "/Observation", _recorded(practice))


def _record20(practice: Practice) -> Iterator[Request]:
    body = _recorded(practice)
    for _ in range(60):
        practice.make("POST", "/Observation", body)
    query = f"encounter={body['encounter']['reference']}&_count=20"
    while True:
        yield practice.clinic.handler_and_event("GET", f"/Observation?{query}")


DAILY = {"SESSION_POLICY": "daily"}

SCENARIOS = (
    Scenario("get", _get, writes=0, reads=1, calls=1, cpu=1.6),
    Scenario("vread", _vread, writes=0, reads=1, calls=1),
    Scenario("post_encounter", _post_encounter, writes=18, reads=0, calls=1, cpu=1.8),
    Scenario("message", _message, writes=14, reads=2, calls=3),
    Scenario("link", _link, writes=32, reads=4, calls=5),
    Scenario("put", _put, writes=20, reads=1, calls=2),
    Scenario("daily_open", _daily_open, writes=56, reads=4, calls=5, said=DAILY),
    Scenario("daily_message", _daily_message, writes=16, reads=3, calls=4, said=DAILY),
    Scenario("close", _close, writes=26, reads=4, calls=5),
    Scenario("page20", _page20, writes=0, reads=1, calls=1),
    Scenario("class", _class, writes=0, reads=4, calls=4),
    Scenario("thread20", _thread20, writes=0, reads=3, calls=1),
    Scenario("thread100", _thread100, writes=0, reads=13, calls=1),
    Scenario("post_patient", _post_patient, writes=26, reads=0, calls=1),
    Scenario("post_observation", _post_observation, writes=14, reads=1, calls=2),
    Scenario("record20", _record20, writes=0, reads=3, calls=1),
    Scenario("bundle5", _bundle5, writes=68, reads=2, calls=3),
)
