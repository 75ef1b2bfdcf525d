"""Digests: objects beside the segments of the archive, with the hash of every chained event.

Whoever can write to the tables can write neither segments nor digests. A chain that was removed as
a whole, or rewritten from its beginning, therefore disagrees with the digests.
"""

import gzip
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import orjson

from shared.audit.chain_steps import ChainBreak
from shared.audit.events import event_hash
from shared.audit.segments import Segment
from shared.fhir import fhirjson

DIGESTS_PREFIX = "digests/"

GONE = "the table lacks this event, which the archive has"
ANOTHER = "the archive has another event with this id"


class Digest(NamedTuple):
    """A chained event: its tenant, id, instant and hash, and the first resource it is about."""

    tenant: str
    id: str
    at: str
    link: str
    reference: str
    version: int


def serialize(segment: Segment) -> bytes:
    """Return the digests of a segment as compressed lines; empty if it has no chained event."""
    lines = [orjson.dumps(digest._asdict()) for digest in _digests(segment)]
    return gzip.compress(b"".join(line + b"\n" for line in lines), mtime=0) if lines else b""


def _digests(segment: Segment) -> Iterator[Digest]:
    for entry, _ in segment.events:
        event = orjson.loads(entry.line)["event"]
        if about := event.get("written"):
            (reference, version, *_), *_ = about
            own_hash = event_hash(fhirjson.canonical(event)).hex()
            yield Digest(entry.tenant, entry.id, entry.at, own_hash, reference, version)


def parse(body: bytes) -> list[Digest]:
    """Return the digests in an object."""
    return [Digest(**orjson.loads(line)) for line in gzip.decompress(body).splitlines()]


def disagreements(
    archived: Iterable[Digest], links: Mapping[tuple[str, str], str], since: str
) -> Iterator[ChainBreak]:
    """Yield the events that the table lacks or has otherwise than the archive.

    `links` are the hashes of the table's events, by tenant and id. Events before `since` may have
    expired.
    """
    for digest in archived:
        link = links.get((digest.tenant, digest.id))
        if link is None and digest.at >= since:
            yield ChainBreak(digest.id, digest.reference, digest.version, GONE)
        elif link and link != digest.link:
            yield ChainBreak(digest.id, digest.reference, digest.version, ANOTHER)
