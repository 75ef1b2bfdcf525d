"""The cost of the audit trail: the log lines of five minutes, processed to the end.

The lines are those that the functions write, for practitioners who look after their own patients.
The sizes of answers, of lines, and of what a write stores are measured here as well.
"""

import json
import random
import sys
import time
import uuid
from base64 import b64encode
from collections.abc import Iterable, Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from gzip import compress
from io import StringIO
from itertools import batched
from statistics import fmean
from typing import Any

import pytest

from functions import audit_index, audit_log
from shared.catalog import access_patterns as patterns
from shared.fhir import instants, ulids
from shared.http import jobs
from shared.http.endpoint import logger
from shared.store import s3
from tests.benchmarks.endpoint import Endpoint
from tests.benchmarks.figures import Figure
from tests.benchmarks.model import (
    CLOSINGS_A_SECOND,
    DELIVERED,
    GATHERED,
    INBOX,
    KINDS_OF_READS,
    PATIENTS,
    PRACTITIONERS,
    READ_MIX,
    READS_A_SECOND,
    WRITES_A_BATCH,
    WRITES_A_SECOND,
)
from tests.benchmarks.practice import Practice, deployed
from tests.benchmarks.scenarios import SCENARIOS, Scenario
from tests.benchmarks.warm import silent
from tests.support import clock
from tests.support.memory_objects import MemoryS3
from tests.support.memory_reads import size

MS = 1000
# The bytes that DynamoDB adds to each stored item.
OVERHEAD = 100
COUNTED = (*KINDS_OF_READS, "daily_message", "daily_open", "close")


@dataclass
class Measured:
    """The totals of the calls of one kind: time, units, round trips, and bytes logged."""

    calls: int = 0
    cpu: float = 0
    writes: int = 0
    trips: int = 0
    logged: int = 0


def figures() -> Iterator[Figure]:
    """Measure lines and answers, and the audit trail made of them."""
    lines = {}
    for scenario in SCENARIOS:
        if scenario.name in COUNTED:
            lines[scenario.name], measured = _weighed(scenario)
            yield from measured
    with clock.running():
        kinds_and_lines = list(_lines(lines))
    for name in READ_MIX:
        sizes = [len(line) for kind, line in kinds_and_lines if kind == name]
        yield Figure(f"line.{name}", "bytes", fmean(sizes))
    yield from _trail([line for _, line in kinds_and_lines])


def _weighed(scenario: Scenario) -> tuple[str, list[Figure]]:
    """Return the log line of a request, and the sizes of line, answer and stored items."""
    endpoint, log = Endpoint(), StringIO()
    with deployed(endpoint, **scenario.said) as practice, pytest.MonkeyPatch.context() as patched:
        patched.setattr(logger.registered_handler, "stream", log)
        requests = scenario.requests(practice)
        with redirect_stdout(log):
            for _ in range(2):
                handler, event = next(requests)
                stored_before = _stored(endpoint)
                _make_real(event)
                log.seek(0)
                log.truncate()
                answer = handler(event, None)
        assert answer["statusCode"] in (200, 201), answer["body"]
        stored = _stored(endpoint) - stored_before
    text, name = log.getvalue(), scenario.name
    line = next(text_line for text_line in text.splitlines() if '"request"' in text_line)
    sent = Figure(f"answer.{name}", "bytes", len(answer["body"]))
    sizes = [sent, Figure(f"stored.{name}", "bytes", stored)]
    return line, sizes if name in READ_MIX else [*sizes, Figure(f"line.{name}", "bytes", len(text))]


def _make_real(event: dict[str, Any]) -> None:
    """Set ids in a request that are as long as those of the gateway and Cognito."""
    context = event["requestContext"]
    context["requestId"] = "JKJaXmPLvHcESHA="
    context["http"]["sourceIp"] = "203.0.113.10"
    claims = context["authorizer"]["jwt"]["claims"]
    claims |= {"sub": str(_uuid(0)), "client_id": "4k8q2v6m1b9s7d3f5g0h2j4l6z"}


def _stored(endpoint: Endpoint, table: str = "") -> int:
    tables = [table] if table else patterns.TABLES
    items = (item for name in tables for item in endpoint.database.all_items(name))
    return sum(size(item) + OVERHEAD for item in items)


def _uuid(number: int) -> uuid.UUID:
    return uuid.UUID(int=random.Random(number).getrandbits(128))


def _trail(read_lines: list[str]) -> Iterator[Figure]:
    """Measure the trail of five minutes, from the lines to the archive and its index."""
    endpoint, objects = Endpoint(), MemoryS3()
    with deployed(endpoint) as practice, silent(), pytest.MonkeyPatch.context() as patched:
        patched.setattr(s3, "client", cache(lambda: objects))
        log = _measured(
            endpoint,
            audit_log.handler,
            map(_delivery, batched(read_lines, DELIVERED, strict=False)),
        )
        events = list(_events(practice, endpoint))
        collect = _measured(
            endpoint,
            audit_index.handler,
            map(_streamed, batched(events, WRITES_A_BATCH, strict=False)),
        )
        new = [one for one in endpoint.database.all_items(patterns.AUDIT) if "events" in one]
        stored_before = _stored(endpoint, patterns.AUDIT)
        index = _measured(endpoint, audit_index.handler, [_streamed(new)])
        stored = _stored(endpoint, patterns.AUDIT) - stored_before
    for name, one in {"log": log, "collect": collect, "index": index}.items():
        yield Figure(f"trail.{name}.calls", f"in {GATHERED} s", one.calls)
        yield Figure(f"trail.{name}.cpu", "ms each", MS * one.cpu / one.calls)
        yield Figure(f"trail.{name}.wu", "write units each", one.writes / one.calls)
        yield Figure(f"trail.{name}.trips", "round trips each", one.trips / one.calls)
        yield Figure(f"trail.{name}.line", "bytes each", one.logged / one.calls)
    yield Figure("trail.new", f"bytes in {GATHERED} s", sum(size(one) + OVERHEAD for one in new))
    yield Figure("trail.index", f"bytes in {GATHERED} s", stored)
    yield Figure("trail.objects", f"in {GATHERED} s", objects.puts)
    yield Figure("trail.archive", f"bytes in {GATHERED} s", sum(map(len, objects.bodies.values())))


def _lines(examples: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the lines of five minutes' reads in order of time, each with its kind."""
    # The reads begin when the writes of the same five minutes do.
    begin, numbers = instants.now(), random.Random(1)
    kinds, weights = zip(*READ_MIX.items(), strict=True)
    parsed = {kind: json.loads(examples[kind]) for kind in kinds}
    count = round(READS_A_SECOND * GATHERED)
    for number in range(count):
        at = begin + timedelta(seconds=number * GATHERED / count)
        kind, practitioner = numbers.choices(kinds, weights)[0], numbers.randrange(PRACTITIONERS)
        line = json.loads(json.dumps(parsed[kind]))
        line["request"] = b64encode(numbers.randbytes(11)).decode()
        if "id" in line:
            line["id"] = ulids.new(number)
        audit = line["audit"]
        audit["id"] = ulids.new(instants.to_nanoseconds(at) // instants.MILLISECOND)
        shown = INBOX if kind == "page20" else 1
        audit["event"] |= {
            "at": instants.to_text(at),
            "who": _who(practitioner),
            "patients": sorted(
                f"Patient/{_uuid(patient)}" for patient in _patients(practitioner, shown, numbers)
            ),
        }
        yield kind, json.dumps(line, separators=(",", ":"))


def _who(number: int) -> dict[str, str]:
    return {
        "subject": str(_uuid(10_000 + number)),
        "client": "4k8q2v6m1b9s7d3f5g0h2j4l6z",
        "fhirUser": f"Practitioner/{_uuid(20_000 + number)}",
        "roles": "practitioner",
    }


def _patients(practitioner: int, count: int, numbers: random.Random) -> list[int]:
    """Return numbers of a practitioner's patients."""
    first = 100_000 + practitioner * PATIENTS
    if count > 1:
        return list(range(first, first + count))
    return [first + numbers.randrange(PATIENTS)]


def _events(practice: Practice, endpoint: Endpoint) -> Iterator[dict[str, Any]]:
    """Yield the rows of five minutes' writes: those of messages, with ids of their own."""
    _, header = practice.linked()
    for number in range(round((WRITES_A_SECOND + CLOSINGS_A_SECOND) * GATHERED)):
        practice.make("POST", "/Communication", practice.message(header, number))
    yield from (item for item in endpoint.database.all_items(patterns.AUDIT) if "event" in item)


def _delivery(lines: Iterable[str]) -> dict[str, Any]:
    data = {"logEvents": [{"message": line} for line in lines]}
    return {"awslogs": {"data": b64encode(compress(json.dumps(data).encode())).decode()}}


def _streamed(items: Iterable[dict[str, Any]]) -> dict[str, Any]:
    records = []
    for item in items:
        packed = {name: item[name]["B"] for name in ("event", "events") if name in item}
        image = item | {name: {"B": b64encode(bytes(b)).decode()} for name, b in packed.items()}
        records.append({"eventName": "INSERT", "dynamodb": {"NewImage": image}})
    return {"Records": records}


def _measured(endpoint: Endpoint, handler: Any, events: Iterable[dict[str, Any]]) -> Measured:
    totals, log = Measured(), StringIO()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(jobs.logger.registered_handler, "stream", log)
        for event in events:
            endpoint.calls.clear()
            endpoint.cpu = 0
            begun = time.process_time()
            handler(event, None)
            totals.cpu += time.process_time() - begun - endpoint.cpu
            totals.calls += 1
            totals.trips += len(endpoint.calls)
            totals.writes += sum(call.write_units for call in endpoint.calls)
    totals.logged = len(log.getvalue())
    return totals


if __name__ == "__main__":
    for each in figures():
        sys.stdout.write(f"{each.name} {each.value:.3f} {each.unit}\n")
