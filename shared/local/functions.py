"""Calling the functions of a deployment as AWS does."""

import json
from base64 import b64encode
from collections.abc import Iterable, Iterator
from typing import Any

from shared.local.client import UnexpectedResponse
from shared.store.items import Item

# Lambda takes events of up to 6 MB; base64 is a third longer.
_LARGEST, _MOST_RECORDS_A_BATCH = 3_000_000, 500
_PACKED = ("event", "events")


def call(functions: Any, name: str, event: dict[str, Any]) -> dict[str, Any]:
    """Call a function and return its answer; `functions` is a client of Lambda.

    Raises Unexpected.
    """
    answered = functions.invoke(FunctionName=name, Payload=json.dumps(event))
    payload = answered["Payload"].read().decode()
    if "FunctionError" in answered:
        raise UnexpectedResponse(f"{name} failed: {payload}")
    answer: dict[str, Any] = json.loads(payload)
    return answer


def stream_events(rows: Iterable[Item]) -> Iterator[dict[str, Any]]:
    """Return the events in which the audit trail's stream brings rows to its function."""
    records: list[dict[str, Any]] = []
    size = 0
    for row in rows:
        image = {name: value for name, value in row.items() if name in ("pk", "sk", "unlisted")}
        packed = {name: bytes(row[name]["B"]) for name in _PACKED if name in row}
        image |= {name: {"B": b64encode(content).decode()} for name, content in packed.items()}
        length = sum(map(len, packed.values()))
        if records and (size + length > _LARGEST or len(records) == _MOST_RECORDS_A_BATCH):
            yield {"Records": records}
            records, size = [], 0
        records.append({"eventName": "INSERT", "dynamodb": {"NewImage": image}})
        size += length
    if records:
        yield {"Records": records}
