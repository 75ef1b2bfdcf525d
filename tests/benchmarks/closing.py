"""Sessions that all are due at one midnight: `uv run python -m tests.benchmarks.closing`.

On the emulator's DynamoDB, through the real scheduler and one worker. What AWS would take follows
from the units and calls of a closing and from DynamoDB's published limits; the emulator's own
speed does not.
"""

import argparse
import logging
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from io import StringIO
from types import SimpleNamespace
from typing import Any

from shared import instants
from shared.access import Actor
from shared.interactions.create import create
from shared.local import template
from shared.local.emulator import Emulator, emulator
from shared.store import dynamodb
from tests import care

MORNING = datetime(2026, 11, 20, 9, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 21, tzinfo=UTC)
PARTITION_UNITS, TABLE_UNITS = 1_000, 40_000
MILLION = 1_000_000
# Assumed of AWS: milliseconds of a read and of a transaction, and what of a processor 1 GB has.
READ_MS, TRANSACTION_MS, PROCESSOR = 4, 20, 1024 / 1769

type Units = Counter[tuple[str, str]]


@contextmanager
def deployed(running: Emulator) -> Iterator[str]:
    """Tables and a queue as the template has them, under the policy daily without a spread."""
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
    """Post a thread with a message, each of another patient, to one of a hundred practitioners."""
    actor = Actor(subject="benchmark")
    for each in range(number):
        people = {
            "subject": care.reference(f"Patient/{each}"),
            "sender": care.reference(f"Patient/{each}"),
            "recipient": [care.reference(f"Practitioner/{each % 100}")],
        }
        header = create(actor, "Communication", care.header(**people)).record
        assert header
        create(actor, "Communication", care.message(header.id, **people))


def counted() -> tuple[Units, Units]:
    """Count from now on the write units by table and by partition, keys of one value as one."""
    by_table: Units = Counter()
    by_partition: Units = Counter()

    def count(params: dict[str, Any], **_: Any) -> None:
        for operation in params["TransactItems"]:
            ((kind, body),) = operation.items()
            keys = body["Item"] if kind == "Put" else body["Key"]
            units = 2  # an item of up to 1 KB in a transaction
            by_table[kind, body["TableName"]] += units
            by_partition[body["TableName"], keys["pk"]["S"]] += units

    events = dynamodb.client().meta.events
    events.register("before-parameter-build.dynamodb.TransactWriteItems", count)
    return by_table, by_partition


def close_all(running: Emulator, url: str) -> tuple[int, float, float]:
    """Run the schedule and one worker until nothing is due; give sessions, wall and own seconds."""
    from functions import closing_scheduler, closing_worker  # noqa: PLC0415 - need the environment
    from shared.local.schedule import event  # noqa: PLC0415

    sqs, closed = running.client("sqs"), 0
    context = SimpleNamespace(get_remaining_time_in_millis=lambda: 60_000)
    wall = own = 0.0
    while sent := closing_scheduler.handler(event(MIDNIGHT), None)["sent"]:
        closed += sent
        while found := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=4).get("Messages"):
            records = [{"messageId": one["MessageId"], "body": one["Body"]} for one in found]
            begun = time.perf_counter(), time.process_time()
            assert closing_worker.handler({"Records": records}, context) == {
                "batchItemFailures": []
            }
            wall += time.perf_counter() - begun[0]
            own += time.process_time() - begun[1]
            for one in found:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
    return closed, wall, own


def report(
    closed: int, wall: float, own: float, calls: Counter[str], units: tuple[Units, Units]
) -> None:
    by_table, by_partition = units
    tables: Counter[str] = Counter()
    for (_, table), each in by_table.items():
        tables[table] += each
    hot = Counter[str]()
    for (table, key), each in by_partition.most_common(40):
        hot[f"{table} {key}"] = each
    print(
        f"{closed} sessions closed by one worker in {wall:.1f} s: {closed / wall:.0f} a second here"
    )
    print(f"own CPU {1000 * own / closed:.1f} ms a closing")
    print("calls a closing:", {name: round(each / closed, 2) for name, each in calls.items()})
    print(
        "write units a closing:",
        {name: each / closed for name, each in tables.items()},
        sum(tables.values()) / closed,
    )
    for key, each in hot.most_common(8):
        print(f"  {each / closed:.2f} units a closing in {key}")
    reads = sum(each for name, each in calls.items() if name != "TransactWriteItems")
    transactions = calls["TransactWriteItems"]
    seconds = (
        (reads * READ_MS + transactions * TRANSACTION_MS + 1000 * own / PROCESSOR) / closed / 1000
    )
    print(
        f"one worker on AWS, at {READ_MS} ms a read and {TRANSACTION_MS} ms a transaction: {1 / seconds:.0f} closings a second"
    )
    by_partitions = PARTITION_UNITS / (max(hot.values()) / closed)
    by_tables = {name: TABLE_UNITS / (each / closed) for name, each in tables.items()}
    print(
        f"most closings a second, by the busiest partition: {by_partitions:.0f}; by tables: { {n: round(v) for n, v in by_tables.items()} }"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=1000)
    number = parser.parse_args().sessions
    with emulator() as running, deployed(running) as url:
        instants.now = lambda: MORNING
        begun = time.perf_counter()
        open_sessions(number)
        print(f"{number} sessions opened in {time.perf_counter() - begun:.0f} s", flush=True)
        instants.now = lambda: MIDNIGHT + timedelta(seconds=1)
        calls: Counter[str] = Counter()
        dynamodb.client().meta.events.register(
            "after-call.dynamodb", lambda model, **_: calls.update([model.name])
        )
        units = counted()
        written, sys.stdout = sys.stdout, StringIO()
        try:
            figures = close_all(running, url)
        finally:
            sys.stdout = written
        report(*figures, calls, units)


if __name__ == "__main__":
    main()
