"""The audit trail as it comes to be: log lines become rows, of which a stream makes others."""

import json
from base64 import b64encode
from collections.abc import Iterable
from gzip import compress
from io import StringIO
from typing import Any

import pytest

from functions import audit_index, audit_log
from shared.audit.indexing import as_resource
from shared.catalog import access_patterns as patterns
from shared.http.endpoint import logger
from tests.consistency import scan


class Log:
    """What the functions of the API have logged, and the trail made of it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.stream = StringIO()
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
        indexed()
        found = {item["pk"]["S"].partition("#")[2]: item for item in rows()}
        return [json.loads(as_resource(found[one])) for one in self.events if one in found]


def _told(line: dict[str, Any]) -> list[str]:
    return [line["audit"]["id"]] if "audit" in line else []


def kept(lines: Iterable[str]) -> int:
    """Give lines to the subscription's function."""
    data = {"logEvents": [{"message": line} for line in lines]}
    event = {"awslogs": {"data": b64encode(compress(json.dumps(data).encode())).decode()}}
    answer: int = audit_log.handler(event, None)["kept"]
    return answer


def rows() -> list[dict[str, Any]]:
    """The rows of the events that there are."""
    return [item for item in scan(patterns.AUDIT) if item["sk"]["S"] == "event"]


def indexed() -> None:
    """Give all rows of events to the stream's function, as a stream writes them."""
    records = []
    for item in rows():
        image = item | {"event": {"B": b64encode(bytes(item["event"]["B"])).decode()}}
        records.append({"eventName": "INSERT", "dynamodb": {"NewImage": image}})
    if records:
        audit_index.handler({"Records": records}, None)
