"""Verification of a deployment's audit trail: its hash chains, and its archive."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, NamedTuple

import boto3
import orjson

from shared import instants
from shared.audit import digests, events, steps
from shared.audit.chains import Head, Version, breaks
from shared.audit.digests import Digest
from shared.audit.steps import Break, Row
from shared.catalog import access_patterns as patterns
from shared.store import auditing, codec, items
from shared.store.keys import HEADER
from shared.store.records import CommunicationRecord, EncounterRecord, ResourceRecord, Versioned

# A version's instant, and the hash of its content alone.
type _Body = tuple[str, bytes]

TABLES = (patterns.ENCOUNTER, patterns.THREAD, patterns.RESOURCE, patterns.AUDIT)


class Archive(NamedTuple):
    """An S3 client, and the bucket of the archive."""

    s3: Any
    bucket: str

    def digests(self) -> Iterator[Digest]:
        """Yield every digest in the archive."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=digests.PREFIX
        )
        for page in pages:
            for entry in page.get("Contents", ()):
                body = self.s3.get_object(Bucket=self.bucket, Key=entry["Key"])["Body"]
                yield from digests.read(body.read())


def deployed(stack: str) -> tuple[Any, dict[str, str], Archive]:
    """Return a DynamoDB client, the names of the tables, and the archive of a stack on AWS."""
    session = boto3.session.Session()
    stacks = session.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stacks[0]["Outputs"]}
    archive = Archive(session.client("s3"), outputs["AuditArchiveName"])
    return session.client("dynamodb"), tables(outputs), archive


def tables(outputs: Mapping[str, str]) -> dict[str, str]:
    """Return the tables' names from a stack's outputs, by their names in the catalogue."""
    return {table: outputs[f"{table}Name"] for table in TABLES}


def verify(
    dynamodb: Any, names: Mapping[str, str], archive: Archive | None = None
) -> tuple[int, Break | None]:
    """Return the number of resources, and the first event that was altered or is missing.

    `dynamodb` is a client that may scan. `names` are the tables' names by their names in the
    catalogue. The audit table is also compared with the archive's digests, if one is given.
    """
    count, problems = walked(dynamodb, names, archive)
    if problems:
        # A write that ends during the walk can look like a break, but not in a second walk.
        count, problems_again = walked(dynamodb, names, archive)
        problems = [problem for problem in problems_again if problem in problems]
    return count, next(iter(problems), None)


def walked(
    dynamodb: Any, names: Mapping[str, str], archive: Archive | None = None
) -> tuple[int, list[Break]]:
    """Return the number of resources, and all events that were altered or are missing, in order."""
    now = instants.now()
    # Digests are read before the table, so that each names events that the table already has.
    archived = list(archive.digests()) if archive else []
    heads = [*_heads(dynamodb, names)]
    rows = [*_rows(_scanned(dynamodb, names[patterns.AUDIT]))]
    trail = steps.read(rows, now)
    since = instants.written(now - timedelta(seconds=trail.kept)) if trail.kept else ""
    by_id = {(row.tenant, row.id): row for row in rows}
    problems = [*breaks(trail, heads, now), *digests.disagreements(archived, by_id, since)]
    return len(heads), sorted(problems, key=lambda problem: problem.event or "~")


def _heads(dynamodb: Any, names: Mapping[str, str]) -> Iterator[Head]:
    for table in (patterns.ENCOUNTER, patterns.THREAD, patterns.RESOURCE):
        current: list[tuple[str, Versioned]] = []
        superseded: dict[tuple[str, str], dict[int, _Body]] = defaultdict(dict)
        for item in _scanned(dynamodb, names[table]):
            tenant = item["pk"]["S"].partition("#")[0]
            if item["sk"]["S"].startswith("v#"):
                version = items.number(item, "version")
                superseded[tenant, _reference(table, item)][version] = _body(item)
            elif record := _record(table, item):
                current.append((tenant, record))
        for tenant, record in current:
            yield _head(tenant, record, superseded[tenant, f"{record.type}/{record.id}"])


def _record(table: str, item: items.Item) -> Versioned | None:
    """Return the current version of a resource, None if the item is something else."""
    sort = item["sk"]["S"]
    if table == patterns.ENCOUNTER and sort == patterns.CURRENT.sort:
        return EncounterRecord.from_item(item)
    if table == patterns.RESOURCE and sort == patterns.RESOURCE_CURRENT.sort:
        return ResourceRecord.from_item(item)
    is_communication = table == patterns.THREAD and (sort == HEADER or sort.startswith("m#"))
    return CommunicationRecord.from_item(item) if is_communication and "to" not in item else None


def _reference(table: str, item: items.Item) -> str:
    """Return the reference of the resource of which an item is a superseded version."""
    if table == patterns.ENCOUNTER:
        return f"Encounter/{items.partition(item)}"
    if table == patterns.THREAD:
        return f"Communication/{item['sk']['S'].split('#')[1]}"
    return items.partition(item)


def _body(item: items.Item) -> _Body:
    if "deleted" in item:
        updated = items.text(item, "updated")
        return updated, events.body(None, updated)
    json, _ = codec.unpack(bytes(item["resource"]["B"]))
    return orjson.loads(json)["meta"]["lastUpdated"], events.body(json, "")


def _head(tenant: str, record: Versioned, superseded: Mapping[int, _Body]) -> Head:
    current = record.last_updated, events.body(record.json, record.updated)
    versions = {
        number: Version(updated, events.content(record.created, body).hex())
        for number, (updated, body) in (*superseded.items(), (record.version, current))
    }
    reference = f"{record.type}/{record.id}"
    return Head(tenant, reference, record.version, record.created, record.chain, versions)


def _rows(table: Iterator[items.Item]) -> Iterator[Row]:
    for item in table:
        if item["sk"]["S"] == patterns.EVENT.sort:
            tenant, _, event_id = item["pk"]["S"].partition("#")
            expires = items.number(item, "expires")
            yield Row(tenant, event_id, auditing.event_of(item), expires)


def _scanned(dynamodb: Any, table: str) -> Iterator[items.Item]:
    pages = dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
    return (item for page in pages for item in page["Items"])
