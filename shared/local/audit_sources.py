"""Reading what an audit trail is verified by: a deployment's tables and its archive."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import orjson

from shared.audit import digests, events
from shared.audit.chain_steps import EventRow
from shared.audit.chains import ChainHead, StoredVersion
from shared.audit.digests import Digest
from shared.catalog import access_patterns as patterns
from shared.local.deployments import Deployment
from shared.store import audit_items, codec, items
from shared.store.records import file_hash_of
from shared.store.repair import index_drift

_RESOURCES = (patterns.ENCOUNTER, patterns.THREAD, patterns.RESOURCE)
TABLES = (*_RESOURCES, patterns.AUDIT)


class Archive(NamedTuple):
    """A client of S3, and the archive's bucket."""

    s3: Any
    bucket: str

    def digests(self, since: str = "", until: str = "") -> Iterator[Digest]:
        """Read the digests of events from an instant to another."""
        for key in self.keys(digests.DIGESTS_PREFIX, since, until):
            for digest in digests.parse(self.read(key)):
                if since <= digest.at < (until or "~"):
                    yield digest

    def keys(self, prefix: str, since: str = "", until: str = "") -> Iterator[str]:
        """List the objects below a prefix that are of these days."""
        first, last = (f"{prefix}date={instant[:10]}" for instant in (since, until or "~"))
        request = {"Bucket": self.bucket, "Prefix": prefix, "StartAfter": first}
        for page in self.s3.get_paginator("list_objects_v2").paginate(**request):
            for listed in page.get("Contents", ()):
                if listed["Key"][: len(last)] > last:
                    return
                yield listed["Key"]

    def read(self, key: str) -> bytes:
        """Read an object."""
        body: bytes = self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return body


def of_deployment(deployment: Deployment) -> tuple[Any, dict[str, str], Archive]:
    """Return a client of DynamoDB, the names of the tables and the archive of a deployment."""
    names = deployment.physical_ids()
    archive = Archive(deployment.client("s3"), names["AuditArchive"])
    return deployment.client("dynamodb"), {table: names[table] for table in TABLES}, archive


def tables_of(reference: str) -> tuple[str, ...]:
    """Return the tables that may hold a resource, all of them if `reference` is empty."""
    return (patterns.resource_table(reference.partition("/")[0]),) if reference else _RESOURCES


class ScannedVersion(NamedTuple):
    """A version as it is stored; the current one also has what its item says beside it.

    `body` is the hash of the version by itself, `chain` that of the last event.
    """

    tenant: str
    reference: str
    number: int
    updated: str
    body: str
    is_current: bool = False
    created: str = ""
    chain: str = ""


def scanned_version(table: str, item: items.Item) -> ScannedVersion | None:
    """Return the version that an item holds, None if it holds something else."""
    tenant = item["pk"]["S"].partition("#")[0]
    if item["sk"]["S"].startswith(patterns.VERSION.prefix):
        return ScannedVersion(
            tenant, _owner(table, item), items.number(item, "version"), *_body(item)
        )
    record = index_drift.current_record(table, item)
    if record is None:
        return None
    return ScannedVersion(
        tenant,
        f"{record.type}/{record.id}",
        record.version,
        record.last_updated,
        events.version_hash(record.json, record.updated, record.file_hash).hex(),
        is_current=True,
        created=record.created,
        chain=record.chain.hex(),
    )


def _owner(table: str, item: items.Item) -> str:
    """Return the reference of the resource whose superseded version an item is."""
    if table == patterns.ENCOUNTER:
        return f"Encounter/{items.partition_without_tenant(item)}"
    if table == patterns.THREAD:
        return f"Communication/{item['sk']['S'].split('#')[1]}"
    return items.partition_without_tenant(item)


def _body(item: items.Item) -> tuple[str, str]:
    """Return when a superseded version was made, and its hash."""
    file_hash = file_hash_of(item)
    if "deleted" in item:
        updated = items.text(item, "updated")
        return updated, events.version_hash(None, updated, file_hash).hex()
    json, _ = codec.unpack(bytes(item["resource"]["B"]))
    return orjson.loads(json)["meta"]["lastUpdated"], events.version_hash(json, "", file_hash).hex()


def chain_head(current: ScannedVersion, stored: Iterable[ScannedVersion]) -> ChainHead:
    """Return the head of a resource's chain, from its current version and all stored ones."""
    versions = {
        version.number: StoredVersion(
            version.updated,
            events.content_hash(current.created, bytes.fromhex(version.body)).hex(),
        )
        for version in stored
    }
    chain = bytes.fromhex(current.chain)
    identity = current.tenant, current.reference, current.number, current.created
    return ChainHead(*identity, chain, versions)


def event_rows(page: Iterable[items.Item]) -> Iterator[EventRow]:
    """Return the events of writes among items."""
    for item in page:
        if item["sk"]["S"] == patterns.EVENT.sort:
            tenant, _, event_id = item["pk"]["S"].partition("#")
            expires = items.number(item, "expires")
            yield EventRow(tenant, event_id, audit_items.event_of(item), expires)


def scan_items(dynamodb: Any, table: str) -> Iterator[items.Item]:
    """Read every item of a table."""
    return (item for page in scan_pages(dynamodb, table) for item in page)


def scan_pages(dynamodb: Any, table: str) -> Iterator[list[items.Item]]:
    """Read a table page by page, each of at most 1 MB."""
    for page in dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True):
        yield page["Items"]
