"""Walking the chains of a deployment's audit trail."""

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

# Of a version when it was made, and the hash of it by itself.
type _Body = tuple[str, bytes]

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
    """Return how many resources there are, and the first of what was altered or is missing.

    `dynamodb` is a client that may scan; `names` are the tables' by those of the catalogue. What
    the archive knows of is compared with the table.
    """
    number, problems = walked(dynamodb, names, archive)
    if problems:
        # A write that began before the walk and ended during it looks like a break, once.
        number, again = walked(dynamodb, names, archive)
        problems = [problem for problem in again if problem in problems]
    return number, next(iter(problems), None)


def walked(
    dynamodb: Any, names: Mapping[str, str], archive: Archive | None = None
) -> tuple[int, list[Break]]:
    """Return how many resources there are, and all that was altered or is missing, in order."""
    now = instants.now()
    # Before the table is read: what comes into the archive meanwhile is not missing there.
    known = list(archive.digests()) if archive else []
    heads = [*_heads(dynamodb, names)]
    rows = [*_rows(_scanned(dynamodb, names[patterns.AUDIT]))]
    found = steps.read(rows, now)
    since = instants.written(now - timedelta(seconds=found.kept)) if found.kept else ""
    by_id = {(row.tenant, row.id): row for row in rows}
    problems = [*breaks(found, heads, now), *digests.disagreements(known, by_id, since)]
    return len(heads), sorted(problems, key=lambda problem: problem.event or "~")


def _heads(dynamodb: Any, names: Mapping[str, str]) -> Iterator[Head]:
    for table in (patterns.ENCOUNTER, patterns.THREAD, patterns.RESOURCE):
        current: list[tuple[str, Versioned]] = []
        past: dict[tuple[str, str], dict[int, _Body]] = defaultdict(dict)
        for item in _scanned(dynamodb, names[table]):
            tenant = item["pk"]["S"].partition("#")[0]
            if item["sk"]["S"].startswith("v#"):
                version = items.number(item, "version")
                past[tenant, _owner(table, item)][version] = _body(item)
            elif record := _record(table, item):
                current.append((tenant, record))
        for tenant, record in current:
            yield _head(tenant, record, past[tenant, f"{record.type}/{record.id}"])


def _record(table: str, item: items.Item) -> Versioned | None:
    """Read the current version of a resource; None for an item that is something else."""
    sort = item["sk"]["S"]
    if table == patterns.ENCOUNTER and sort == patterns.CURRENT.sort:
        return EncounterRecord.from_item(item)
    if table == patterns.RESOURCE and sort == patterns.RESOURCE_CURRENT.sort:
        return ResourceRecord.from_item(item)
    is_communication = table == patterns.THREAD and (sort == HEADER or sort.startswith("m#"))
    return CommunicationRecord.from_item(item) if is_communication and "to" not in item else None


def _owner(table: str, item: items.Item) -> str:
    """Return the reference of the resource whose superseded version an item is."""
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


def _head(tenant: str, record: Versioned, past: Mapping[int, _Body]) -> Head:
    own = record.last_updated, events.body(record.json, record.updated)
    versions = {
        number: Version(updated, events.content(record.created, body).hex())
        for number, (updated, body) in (*past.items(), (record.version, own))
    }
    reference = f"{record.type}/{record.id}"
    return Head(tenant, reference, record.version, record.created, record.chain, versions)


def _rows(found: Iterator[items.Item]) -> Iterator[Row]:
    for item in found:
        if item["sk"]["S"] == patterns.EVENT.sort:
            tenant, _, event_id = item["pk"]["S"].partition("#")
            expires = items.number(item, "expires")
            yield Row(tenant, event_id, auditing.event_of(item), expires)


def _scanned(dynamodb: Any, table: str) -> Iterator[items.Item]:
    pages = dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
    return (item for page in pages for item in page["Items"])
