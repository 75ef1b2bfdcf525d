"""What the audit trail keeps of an event: who did what to which resources, and when.

An event is a JSON object without anything from inside a resource but the references to patients:
`at`, `who`, `interaction`, `request` and `address`; of a transaction `written`, each resource with
its version, the action and the hash of the row before about it; of a request that wrote nothing
`status`, `entity`, `parameters` by their names, and the codes of the `issues`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from shared import fhirjson

type Event = dict[str, Any]

# Half of a SHA-256 is beyond anybody's reach and spares every message row sixteen bytes.
HASH_BYTES = 16


@dataclass(frozen=True, slots=True)
class Written:
    """One resource of a transaction: its reference, the action (C, U, D) and its chain so far."""

    reference: str
    version: int
    action: str
    chain: bytes
    patients: frozenset[str] = frozenset()


def of_transaction(
    *,
    who: Mapping[str, str],
    interaction: str,
    at: str,
    written: Iterable[Written],
    origin: Mapping[str, str],
) -> tuple[bytes, bytes]:
    """Give the event as canonical JSON, and its hash: the next link of each resource's chain."""
    rows = tuple(written)
    content: Event = {
        "at": at,
        "who": who,
        "interaction": interaction,
        "written": [[row.reference, row.version, row.action, row.chain.hex()] for row in rows],
        "patients": sorted(frozenset().union(*(row.patients for row in rows))),
        **origin,
    }
    json = fhirjson.canonical(content)
    return json, link(json)


def link(event: bytes) -> bytes:
    """Give the hash that the next rows about the resources of an event have of it."""
    return sha256(event).digest()[:HASH_BYTES]
