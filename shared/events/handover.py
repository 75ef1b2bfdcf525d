"""Handing over what transactions did, from the audit table's stream to queues.

A message has a batch of transactions, each as `{"id", "tenant", "at", "written"}` with what its
audit event has of `same` and `happened` (shared/audit/events.py). `id` is the audit event's, and
`written` has the reference, version and action (C, U or D) of each resource.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Any

import orjson

from shared.audit.entries import Entry
from shared.fhir import instants
from shared.store import queues

# SQS asks the price of a message for each 64 KB.
LARGEST_MESSAGE = 64 * 1024
# Dead letters are kept for 14 days. What is older has been handed over, or nobody listened yet: a
# reindex brings even years of writes into the archive, if that is new.
OLDEST = timedelta(days=15)

type Transaction = dict[str, Any]


def send(writes: Iterable[Entry], targets: Sequence[str]) -> None:
    """Send the transactions of audit events to each of some queues, named by their URLs.

    Those that are older than OLDEST are left out. Raises Busy, or what SQS says; some messages may
    have been sent then. Sent again, they are the same.
    """
    if not targets:
        return
    since = instants.to_text(instants.now() - OLDEST)
    bodies = [*messages(transaction(write) for write in writes if write.at >= since)]
    for url in targets:
        queues.send(url, bodies)


def transaction(write: Entry) -> Transaction:
    """Return what a transaction did, from its audit event."""
    event = orjson.loads(write.line)["event"]
    optional = {name: event[name] for name in ("same", "happened") if name in event}
    written = [version[:3] for version in event["written"]]
    return {"id": write.id, "tenant": write.tenant, "at": write.at, "written": written, **optional}


def messages(transactions: Iterable[Transaction]) -> Iterator[str]:
    """Yield messages with these transactions, each of at most LARGEST_MESSAGE bytes or of one."""
    chunk: list[bytes] = []
    for part in map(orjson.dumps, transactions):
        if chunk and len(_message([*chunk, part])) > LARGEST_MESSAGE:
            yield _message(chunk).decode()
            chunk = []
        chunk.append(part)
    if chunk:
        yield _message(chunk).decode()


def _message(transactions: list[bytes]) -> bytes:
    return b'{"transactions":[%b]}' % b",".join(transactions)
