"""Walking the chains of a deployment's audit trail."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import boto3

from shared import instants
from shared.audit import digests
from shared.audit.chains import Break, Head, Row, first_break, retention
from shared.audit.digests import Digest
from shared.catalog import access_patterns as patterns
from shared.store import auditing, items
from shared.store.keys import HEADER
from shared.store.records import CommunicationRecord, EncounterRecord, ResourceRecord, Versioned

TABLES = (patterns.ENCOUNTER, patterns.THREAD, patterns.RESOURCE, patterns.AUDIT)


class Archive(NamedTuple):
    """A client of S3, and the archive's bucket."""

    s3: Any
    bucket: str

    def digests(self) -> Iterator[Digest]:
        """Read every digest."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=digests.PREFIX
        )
        for page in pages:
            for listed in page.get("Contents", ()):
                body = self.s3.get_object(Bucket=self.bucket, Key=listed["Key"])["Body"]
                yield from digests.read(body.read())


def deployed(stack: str) -> tuple[Any, dict[str, str], Archive]:
    """Return a client of DynamoDB, the tables and the archive of a stack on AWS."""
    session = boto3.session.Session()
    stacks = session.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    named = {one["OutputKey"]: one["OutputValue"] for one in stacks[0]["Outputs"]}
    archive = Archive(session.client("s3"), named["AuditArchiveName"])
    return session.client("dynamodb"), tables(named), archive


def tables(outputs: Mapping[str, str]) -> dict[str, str]:
    """Give the names of the tables by those of the catalogue, from a stack's outputs."""
    return {table: outputs[f"{table}Name"] for table in TABLES}


def verify(
    dynamodb: Any, names: Mapping[str, str], archive: Archive | None = None
) -> tuple[int, Break | None]:
    """Return how many resources there are, and the first event that was altered or is missing.

    `dynamodb` is a client that may scan; `names` are the tables' by those of the catalogue. What
    the archive knows of is compared with the table.
    """
    now = instants.now()
    # Before the table is read: what comes into the archive meanwhile is not missing there.
    known = list(archive.digests()) if archive else []
    heads = [*_heads(dynamodb, names)]
    rows = [*_rows(_scanned(dynamodb, names[patterns.AUDIT]))]
    broken = first_break(rows, heads, now) or _disagreement(known, rows, now)
    return len(heads), broken


def _disagreement(known: list[Digest], rows: list[Row], now: datetime) -> Break | None:
    since = instants.written(now - timedelta(seconds=retention(rows))) if retention(rows) else ""
    by_id = {(row.tenant, row.id): row for row in rows}
    found = digests.disagreements(known, by_id, since)
    return min(found, key=lambda broken: broken.event, default=None)


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
