"""Walking the chains of a deployment's audit trail."""

from collections.abc import Iterator, Mapping
from typing import Any

import boto3

from shared import instants
from shared.audit.chains import Break, Head, Row, first_break
from shared.catalog import access_patterns as patterns
from shared.store import auditing, items
from shared.store.keys import HEADER
from shared.store.records import CommunicationRecord, EncounterRecord, ResourceRecord, Versioned

TABLES = (patterns.ENCOUNTER, patterns.THREAD, patterns.RESOURCE, patterns.AUDIT)


def deployed(stack: str) -> tuple[Any, dict[str, str]]:
    """Give a client of DynamoDB and the tables of a stack on AWS."""
    session = boto3.session.Session()
    stacks = session.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    named = {one["OutputKey"]: one["OutputValue"] for one in stacks[0]["Outputs"]}
    return session.client("dynamodb"), tables(named)


def tables(outputs: Mapping[str, str]) -> dict[str, str]:
    """Give the names of the tables by those of the catalogue, from a stack's outputs."""
    return {table: outputs[f"{table}Name"] for table in TABLES}


def verify(dynamodb: Any, names: Mapping[str, str]) -> tuple[int, Break | None]:
    """Give how many resources there are, and the first event that was altered or is missing.

    `dynamodb` is a client that may scan; `names` are the tables' by those of the catalogue.
    """
    now = instants.now()
    heads = [*_heads(dynamodb, names)]
    rows = _rows(_scanned(dynamodb, names[patterns.AUDIT]))
    return len(heads), first_break(rows, heads, now)


def _heads(dynamodb: Any, names: Mapping[str, str]) -> Iterator[Head]:
    for item in _scanned(dynamodb, names[patterns.ENCOUNTER]):
        if item["sk"]["S"] == patterns.CURRENT.sort:
            yield _head(item, EncounterRecord.from_item(item))
    for item in _scanned(dynamodb, names[patterns.THREAD]):
        is_current = item["sk"]["S"] == HEADER or item["sk"]["S"].startswith("m#")
        if is_current and "to" not in item:
            yield _head(item, CommunicationRecord.from_item(item))
    for item in _scanned(dynamodb, names[patterns.RESOURCE]):
        if item["sk"]["S"] == patterns.RESOURCE_CURRENT.sort:
            yield _head(item, ResourceRecord.from_item(item))


def _head(item: items.Item, record: Versioned) -> Head:
    tenant, reference = item["pk"]["S"].partition("#")[0], f"{record.type}/{record.id}"
    return Head(tenant, reference, record.version, record.created, record.chain)


def _rows(found: Iterator[items.Item]) -> Iterator[Row]:
    for item in found:
        if item["sk"]["S"] == patterns.EVENT.sort:
            tenant, _, event_id = item["pk"]["S"].partition("#")
            expires = items.number(item, "expires")
            yield Row(tenant, event_id, auditing.event_of(item), expires)


def _scanned(dynamodb: Any, table: str) -> Iterator[items.Item]:
    pages = dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
    return (item for page in pages for item in page["Items"])
