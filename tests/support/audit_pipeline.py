"""The audit trail in tests: turn log lines into events, and archive them as the stream does."""

import json
from base64 import b64encode
from collections.abc import Iterable
from contextlib import suppress
from gzip import compress, decompress
from io import StringIO
from typing import Any

import pytest
from botocore.exceptions import ClientError

from functions import audit_index, audit_log
from shared.audit import event_lookup, segments
from shared.catalog import access_patterns as patterns
from shared.http.endpoint import logger
from shared.settings import settings
from shared.store import dynamodb, s3
from tests.support.consistency import scan
from tests.support.stored_items import TENANT


class Log:
    """The log of the API's functions, and the audit trail made from it.

    With `archives`, new events are archived before anybody searches.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, archives: bool = False) -> None:
        self.stream = StringIO()
        self.archives = archives
        monkeypatch.setattr(logger.registered_handler, "stream", self.stream)

    @property
    def lines(self) -> list[str]:
        return self.stream.getvalue().splitlines()

    def clear(self) -> None:
        """Discard the lines logged so far."""
        self.stream.seek(0)
        self.stream.truncate()

    @property
    def event_ids(self) -> list[str]:
        """Return the ids of the events in the lines, in order."""
        lines = [json.loads(line) for line in self.lines]
        return [
            event_id
            for line in lines
            for event_id in (*line.get("events", ()), *_read_event_ids(line))
        ]

    def deliver(self) -> list[dict[str, Any]]:
        """Do what CloudWatch and DynamoDB do within a minute. Return the resulting AuditEvents."""
        deliver_log_lines(self.lines)
        journal_writes()
        if self.archives:
            archive_new_events()
        resources = event_lookup.json_by_id(TENANT, self.event_ids)
        return [
            json.loads(resources[event_id]) for event_id in self.event_ids if event_id in resources
        ]


def _read_event_ids(line: dict[str, Any]) -> list[str]:
    return [line["audit"]["id"]] if "audit" in line else []


def deliver_log_lines(lines: Iterable[str]) -> int:
    """Pass lines to the function of the log subscription. Return how many it kept."""
    data = {"logEvents": [{"message": line} for line in lines]}
    event = {"awslogs": {"data": b64encode(compress(json.dumps(data).encode())).decode()}}
    answer: int = audit_log.handler(event, None)["kept"]
    return answer


def write_event_rows() -> list[dict[str, Any]]:
    """Return the rows of the events of writes."""
    return [item for item in scan(patterns.AUDIT) if item["sk"]["S"] == patterns.EVENT.sort]


def journal_rows() -> list[dict[str, Any]]:
    """Return the rows of new events."""
    return [item for item in scan(patterns.AUDIT) if "events" in item]


def deliver_stream_rows(items: Iterable[dict[str, Any]]) -> int:
    """Pass rows to the stream's function, encoded as a stream does. Return how many it indexed."""
    records = []
    for item in items:
        packed = {name: item[name]["B"] for name in ("event", "events") if name in item}
        image = item | {name: {"B": b64encode(bytes(b)).decode()} for name, b in packed.items()}
        records.append({"eventName": "INSERT", "dynamodb": {"NewImage": image}})
    if not records:
        return 0
    answer: int = audit_index.handler({"Records": records}, None)["indexed"]
    return answer


def journal_writes() -> None:
    """Add the events of writes to the new events, as happens within seconds."""
    deliver_stream_rows(write_event_rows())


def archive_new_events() -> None:
    """Archive new events, as happens within minutes, and delete their rows as if expired."""
    create_bucket()
    new = journal_rows()
    deliver_stream_rows(new)
    for item in new:
        key = {name: item[name] for name in ("pk", "sk")}
        dynamodb.client().delete_item(TableName=dynamodb.table_name(patterns.AUDIT), Key=key)


def create_bucket() -> None:
    """Create the archive's bucket."""
    with suppress(ClientError):
        s3.client().create_bucket(Bucket=settings().audit_archive)


def segment_lines() -> dict[str, list[dict[str, Any]]]:
    """Return the lines of the archive's segments by key."""
    client, name = s3.client(), settings().audit_archive
    listed = client.list_objects_v2(Bucket=name, Prefix=segments.EVENTS_PREFIX).get("Contents", ())
    keys = [entry["Key"] for entry in listed]
    bodies = {key: client.get_object(Bucket=name, Key=key)["Body"].read() for key in keys}
    return {
        key: [json.loads(line) for line in decompress(body).splitlines()]
        for key, body in bodies.items()
    }
