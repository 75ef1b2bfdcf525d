"""The audit trail as it comes to be: lines become events, and a stream archives them."""

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
from shared.store import archive, dynamodb
from tests.consistency import TENANT, scan


class Log:
    """What the functions of the API have logged, and the trail made of it.

    Where it `archives`, new events are in the archive before anybody searches.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, archives: bool = False) -> None:
        self.stream = StringIO()
        self.archives = archives
        monkeypatch.setattr(logger.registered_handler, "stream", self.stream)

    @property
    def lines(self) -> list[str]:
        return self.stream.getvalue().splitlines()

    def clear(self) -> None:
        """Forget what was logged."""
        self.stream.seek(0)
        self.stream.truncate()

    @property
    def events(self) -> list[str]:
        """The ids of the events that the lines tell of, in order."""
        told = [json.loads(line) for line in self.lines]
        return [one for line in told for one in (*line.get("events", ()), *_told(line))]

    def delivered(self) -> list[dict[str, Any]]:
        """Do what CloudWatch and DynamoDB do within a minute; gives the AuditEvents there are."""
        kept(self.lines)
        collected()
        if self.archives:
            archived()
        found = event_lookup.resources(TENANT, self.events)
        return [json.loads(found[one]) for one in self.events if one in found]


def _told(line: dict[str, Any]) -> list[str]:
    return [line["audit"]["id"]] if "audit" in line else []


def kept(lines: Iterable[str]) -> int:
    """Give lines to the subscription's function."""
    data = {"logEvents": [{"message": line} for line in lines]}
    event = {"awslogs": {"data": b64encode(compress(json.dumps(data).encode())).decode()}}
    answer: int = audit_log.handler(event, None)["kept"]
    return answer


def rows() -> list[dict[str, Any]]:
    """The rows of writes' events."""
    return [item for item in scan(patterns.AUDIT) if item["sk"]["S"] == patterns.EVENT.sort]


def new_rows() -> list[dict[str, Any]]:
    """The rows of new events."""
    return [item for item in scan(patterns.AUDIT) if "events" in item]


def streamed(items: Iterable[dict[str, Any]]) -> int:
    """Give rows to the stream's function, as a stream writes them."""
    records = []
    for item in items:
        packed = {name: item[name]["B"] for name in ("event", "events") if name in item}
        image = item | {name: {"B": b64encode(bytes(b)).decode()} for name, b in packed.items()}
        records.append({"eventName": "INSERT", "dynamodb": {"NewImage": image}})
    if not records:
        return 0
    answer: int = audit_index.handler({"Records": records}, None)["indexed"]
    return answer


def collected() -> None:
    """Bring the events of writes to the new ones, as happens within seconds."""
    streamed(rows())


def archived() -> None:
    """Bring new events into the archive, as happens within minutes, and let their rows expire."""
    bucket()
    new = new_rows()
    streamed(new)
    for item in new:
        key = {name: item[name] for name in ("pk", "sk")}
        dynamodb.client().delete_item(TableName=dynamodb.table_name(patterns.AUDIT), Key=key)


def bucket() -> None:
    """Make the archive's bucket."""
    with suppress(ClientError):
        archive.client().create_bucket(Bucket=settings().audit_archive)


def objects() -> dict[str, list[dict[str, Any]]]:
    """The lines of the archive's segments by their keys."""
    s3, name = archive.client(), settings().audit_archive
    listed = s3.list_objects_v2(Bucket=name, Prefix=segments.EVENTS_PREFIX).get("Contents", ())
    keys = [one["Key"] for one in listed]
    bodies = {key: s3.get_object(Bucket=name, Key=key)["Body"].read() for key in keys}
    return {
        key: [json.loads(line) for line in decompress(body).splitlines()]
        for key, body in bodies.items()
    }
