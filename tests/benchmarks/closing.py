"""Close sessions that are all due at one midnight: `uv run python -m tests.benchmarks.closing`.

It uses the emulator's DynamoDB, the real scheduler and one worker. The speed on AWS is computed
from a closing's calls and units and from DynamoDB's published limits, not from the speed of the
emulator: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html
"""

import argparse
import logging
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import StringIO
from types import SimpleNamespace
from typing import Any

from functions import closing_scheduler, closing_worker
from shared.access.caller import Caller
from shared.interactions.create import create
from shared.local import template
from shared.local.emulator import Emulator, emulator
from shared.local.schedule import event
from shared.store import dynamodb
from tests.support import care, clock

MORNING = datetime(2026, 11, 20, 9, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 21, tzinfo=UTC)
PARTITION_UNITS, TABLE_UNITS = 1_000, 40_000
# Assumptions about AWS: milliseconds of a read and a transaction, and the processors at 1 GB.
READ_MS, TRANSACTION_MS, PROCESSOR = 4, 20, 1024 / 1769


@dataclass
class Measured:
    """The cost of closing: seconds, calls by name, write units by table and partition."""

    closed: int = 0
    seconds: float = 0
    cpu: float = 0
    calls: Counter[str] = field(default_factory=Counter)
    units: Counter[tuple[str, str]] = field(default_factory=Counter)

    def attach(self) -> None:
        """Count every call to DynamoDB from now on."""
        events = dynamodb.client().meta.events
        events.register("before-parameter-build.dynamodb", self._count)

    def _count(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        self.calls[model.name] += 1
        for operation in params.get("TransactItems", ()):
            ((kind, body),) = operation.items()
            keys = body["Item" if kind == "Put" else "Key"]
            # Every item here is below 1 KB, which is two units in a transaction.
            self.units[body["TableName"], keys["pk"]["S"]] += 2

    def lines(self) -> Iterator[str]:
        """Yield the measurements and what they mean for AWS."""
        tables = Counter[str]()
        for (table, _), units in self.units.items():
            tables[table] += units
        yield f"{self.closed} closed by one worker in {self.seconds:.0f} s on the emulator"
        yield f"{1000 * self.cpu / self.closed:.1f} ms of CPU a closing, the emulator's aside"
        yield f"calls a closing: {self._per_closing(self.calls)}"
        yield f"write units a closing: {self._per_closing(tables)}"
        busiest_partitions = Counter(dict(self.units.most_common(8)))
        yield f"the busiest partitions: {self._per_closing(busiest_partitions)}"
        yield f"one worker on AWS: about {1 / self._seconds_on_aws():.0f} closings a second"
        busiest = max(self.units.values()) / self.closed
        yield f"a table at most, by its busiest partition: {PARTITION_UNITS / busiest:.0f} a second"
        most = {table: round(TABLE_UNITS * self.closed / units) for table, units in tables.items()}
        yield f"by its quota: {most} a second"

    def _per_closing[K](self, figures: Counter[K]) -> dict[K, float]:
        return {name: round(figure / self.closed, 2) for name, figure in figures.items()}

    def _seconds_on_aws(self) -> float:
        transactions = self.calls["TransactWriteItems"]
        reads = self.calls.total() - transactions
        waiting = (reads * READ_MS + transactions * TRANSACTION_MS) / 1000
        return (waiting + self.cpu / PROCESSOR) / self.closed


@contextmanager
def deployed(running: Emulator) -> Iterator[str]:
    """Create the template's tables and queue, under the policy daily without a spread."""
    tables = template.table_requests(template.load())
    for name, request in tables.items():
        running.client("dynamodb").create_table(TableName=name, **request)
    url: str = running.client("sqs").create_queue(QueueName="closing")["QueueUrl"]
    names = {name: name for name in tables} | {"ClosingQueue": url}
    os.environ |= template.function_environment(template.load(), names) | running.environment
    os.environ |= {"SESSION_POLICY": "daily", "CLOSE_SPREAD_MINUTES": "0"}
    logging.disable()
    yield url


def open_sessions(number: int) -> None:
    """Post threads with one message, each of another patient, to a hundred practitioners."""
    caller = Caller(subject="benchmark")
    for index in range(number):
        patient = care.reference(f"Patient/{index}")
        people: dict[str, Any] = {
            "subject": patient,
            "sender": patient,
            "recipient": [care.reference(f"Practitioner/{index % 100}")],
        }
        header = create(caller, "Communication", care.header(**people)).record
        assert header
        create(caller, "Communication", care.message(header.id, **people))


def close_all(running: Emulator, url: str, measured: Measured) -> None:
    """Run the schedule and one worker until nothing is due."""
    sqs = running.client("sqs")
    while sent := closing_scheduler.handler(event(MIDNIGHT), None)["sent"]:
        measured.closed += sent
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=4).get("Messages"):
            work(
                [
                    {"messageId": message["MessageId"], "body": message["Body"]}
                    for message in messages
                ],
                measured,
            )
            for message in messages:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def work(records: list[dict[str, Any]], measured: Measured) -> None:
    context = SimpleNamespace(get_remaining_time_in_millis=lambda: 60_000)
    begun = time.perf_counter(), time.process_time()
    answer = closing_worker.handler({"Records": records}, context)
    measured.seconds += time.perf_counter() - begun[0]
    measured.cpu += time.process_time() - begun[1]
    assert not answer["batchItemFailures"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=10_000)
    number, measured = parser.parse_args().sessions, Measured()
    with emulator() as running, deployed(running) as url, redirect_stdout(StringIO()):
        with clock.running(MORNING):
            open_sessions(number)
        measured.attach()
        with clock.running(MIDNIGHT + timedelta(seconds=1)):
            close_all(running, url, measured)
    sys.stdout.write("\n".join(measured.lines()) + "\n")


if __name__ == "__main__":
    main()
