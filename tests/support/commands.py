"""A deployment whose functions run in this process, for testing the operator's commands."""

import json
from collections.abc import Callable, Iterable
from io import BytesIO
from types import SimpleNamespace
from typing import Any

import boto3

from functions import audit_index, audit_log, reindex
from shared.catalog import access_patterns as patterns
from shared.local.deployments import Deployment
from shared.local.redriving import DEAD_LETTERS
from shared.settings import settings
from shared.store import dynamodb, s3

QUEUES = (
    *("ClosingQueue", "EventQueue", "ChangeQueue", "NotificationQueue"),
    *("InboundQueue", "ChannelChangeQueue", "OutboundQueue"),
    *DEAD_LETTERS,
)
CONTEXT = SimpleNamespace(get_remaining_time_in_millis=lambda: 900_000, aws_request_id="1")
HANDLERS: dict[str, Callable[[dict[str, Any], Any], dict[str, Any]]] = {
    "AuditIndexFunction": audit_index.handler,
    "AuditLogFunction": audit_log.handler,
    "ReindexFunction": reindex.handler,
}


class LambdaClient:
    """A client of Lambda that records its calls."""

    def __init__(self) -> None:
        self.called: list[str] = []

    def invoke(self, *, FunctionName: str, Payload: str) -> dict[str, Any]:
        self.called.append(FunctionName)
        try:
            answer = HANDLERS[FunctionName](json.loads(Payload), CONTEXT)
        except Exception as error:  # noqa: BLE001 - whatever is raised, Lambda answers
            return {"FunctionError": "Unhandled", "Payload": BytesIO(repr(error).encode())}
        return {"Payload": BytesIO(json.dumps(answer).encode())}


class CloudFormationClient:
    """A client of CloudFormation that knows the names of a stack's resources."""

    def __init__(self, names: dict[str, str]) -> None:
        self.names = names

    def get_paginator(self, _operation: str) -> "CloudFormationClient":
        return self

    def paginate(self, **_: Any) -> Iterable[dict[str, Any]]:
        resources = [
            {"LogicalResourceId": name, "PhysicalResourceId": physical_id, "ResourceType": ""}
            for name, physical_id in self.names.items()
        ]
        return [{"StackResourceSummaries": resources}]


def deployment() -> Deployment:
    """Return the deployment that this process represents, with new queues."""
    sqs = boto3.client("sqs")
    queues = {name: sqs.create_queue(QueueName=name)["QueueUrl"] for name in QUEUES}
    tables = {name: dynamodb.table_name(name) for name in patterns.TABLES}
    functions = {name: name for name in HANDLERS}
    names = {**queues, **tables, **functions, "AuditArchive": settings().audit_archive}
    clients = {
        "lambda": LambdaClient(),
        "sqs": sqs,
        "s3": s3.client(),
        "dynamodb": dynamodb.client(),
        "cloudformation": CloudFormationClient(names),
    }
    return Deployment("here", lambda service, config=None: clients[service])  # noqa: ARG005
