"""Digests: beside each segment of the archive, the hash of every event in a chain that it has.

Who may write to the tables reaches neither. So a chain that was taken away whole, or written anew
from its beginning, does not agree with the digests.
"""

import gzip
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import orjson

from shared.audit.chain_steps import Break
from shared.audit.events import chain_link
from shared.audit.segments import Segment
from shared.fhir import fhirjson

DIGESTS_PREFIX = "digests/"

GONE = "the archive knows of this event, and the table does not have it"
ANOTHER = "the archive knows another event by this id"


class Digest(NamedTuple):
    """An event in a chain: whose, its id, instant and hash, and a resource that it is about."""

    tenant: str
    id: str
    at: str
    link: str
    reference: str
    version: int


def body(segment: Segment) -> bytes:
    """Return the digests of a segment, lines in gzip; empty where no event is in a chain."""
    lines = [orjson.dumps(one._asdict()) for one in _of(segment)]
    return gzip.compress(b"".join(line + b"\n" for line in lines), mtime=0) if lines else b""


def _of(segment: Segment) -> Iterator[Digest]:
    for entry, _ in segment.events:
        event = orjson.loads(entry.line)["event"]
        if about := event.get("written"):
            (reference, version, *_), *_ = about
            own = chain_link(fhirjson.canonical(event)).hex()
            yield Digest(entry.tenant, entry.id, entry.at, own, reference, version)


def read(body: bytes) -> list[Digest]:
    """Return the digests of an object."""
    return [Digest(**orjson.loads(line)) for line in gzip.decompress(body).splitlines()]


def disagreements(
    known: Iterable[Digest], links: Mapping[tuple[str, str], str], since: str
) -> Iterator[Break]:
    """Return the events since an instant that the table does not have as the archive knows them.

    `links` are the hashes of the table's events, by tenant and id; what is older than `since` may
    have expired.
    """
    for digest in known:
        own = links.get((digest.tenant, digest.id))
        if own is None and digest.at >= since:
            yield Break(digest.id, digest.reference, digest.version, GONE)
        elif own and own != digest.link:
            yield Break(digest.id, digest.reference, digest.version, ANOTHER)
