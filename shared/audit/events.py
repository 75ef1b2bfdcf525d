"""What the audit trail keeps of an event: who did what to which resources, and when.

An event is a JSON object without anything from inside a resource but the references to patients:
`at`, `who`, `interaction`, `request` and `address`; of a transaction `written`, each resource with
its version, the action and the hash of the row before about it, in `contents` the hash of each of
these versions, and in `keeps` for how many days the row is kept; of a request that wrote nothing
`status`, `entity`, `parameters` by their names, and the codes of the `issues`.

A log line ends at 256 KB, and an item of the table at 400 KB: what is longer is known by its hash,
and what is more goes into further events of the same request.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from itertools import batched, zip_longest
from typing import Any

from shared.fhir import fhirjson, ulids

type Event = dict[str, Any]

# Where many references, each as long as it may be, stay below 128 KB.
MOST_REFERENCES = 400
LONGEST_TEXT = 256
# What a token says: a user may be in many groups.
_LONGEST_CLAIM = 2048
# Codes of issues and names of parameters: more of them say nothing more.
MOST_NAMES = 20
_HASHED = "sha256:"
# Half of a SHA-256 is beyond anybody's reach and spares every message row sixteen bytes.
HASH_BYTES = 16


@dataclass(frozen=True, slots=True)
class WrittenVersion:
    """One resource of a transaction: its reference, the action (C, U, D) and its chain so far.

    `content` is the hash of what is stored of it.
    """

    reference: str
    version: int
    action: str
    chain: bytes
    patients: frozenset[str] = frozenset()
    content: bytes = b""


def of_transaction(
    *,
    who: Mapping[str, str],
    interaction: str,
    at: str,
    written: Iterable[WrittenVersion],
    origin: Mapping[str, str],
    keeps: int = 0,
) -> tuple[bytes, bytes]:
    """Return the event as canonical JSON, and its hash: the next link of each resource's chain."""
    rows = tuple(written)
    content: Event = {
        "at": at,
        "who": shortened_claims(who),
        "interaction": interaction,
        "written": [[row.reference, row.version, row.action, row.chain.hex()] for row in rows],
        "contents": [row.content.hex() for row in rows],
        "keeps": keeps,
        "patients": shortened_references(frozenset().union(*(row.patients for row in rows))),
        **origin,
    }
    json = fhirjson.canonical(content)
    return json, chain_link(json)


def version_hash(json: bytes | None, updated: str) -> bytes:
    """Return the hash of a version by itself: its JSON, or when the resource was deleted."""
    return sha256(f"deleted {updated}".encode() if json is None else json).digest()


def content_hash(created: str, body: bytes) -> bytes:
    """Return the hash that an event has of a version, and of when its resource was created."""
    return sha256(created.encode() + body).digest()[:HASH_BYTES]


def chain_link(event: bytes) -> bytes:
    """Return the hash that the next rows about the resources of an event have of it."""
    return sha256(event).digest()[:HASH_BYTES]


def shortened(text: str, most: int = LONGEST_TEXT) -> str:
    """Return a text as an event holds it: its hash where it has more bytes."""
    if len(text.encode(errors="replace")) <= most:
        return text
    return _HASHED + sha256(text.encode(errors="replace")).hexdigest()


def is_hash(text: str) -> bool:
    """Return whether a text stands for a longer one."""
    return text.startswith(_HASHED)


def shortened_references(texts: Iterable[str]) -> list[str]:
    """Return references as an event holds them, in order and each once."""
    return sorted(set(map(shortened, texts)))


def shortened_claims(known: Mapping[str, str]) -> dict[str, str]:
    """Return what is known of a caller as an event holds it."""
    return {name: shortened(value, _LONGEST_CLAIM) for name, value in known.items()}


def split(event_id: str, event: Event) -> Iterator[tuple[str, Event]]:
    """Return an event, or several of the same request that together say what it says.

    The same event makes the same ones.
    """
    patients, through = (
        list(batched(event.get(name, ()), MOST_REFERENCES, strict=False))
        for name in ("patients", "through")
    )
    parts = [*zip_longest(patients, through, fillvalue=())] or [((), ())]
    rest = {name: value for name, value in event.items() if name != "through"}
    for number, (named, unnamed) in enumerate(parts):
        part_id = ulids.derived(event_id, number) if number else event_id
        part = rest | {"patients": list(named)}
        yield part_id, part | ({"through": list(unnamed)} if unnamed else {})
