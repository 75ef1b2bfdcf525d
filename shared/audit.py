"""The audit trail's row of one transaction: who did what to which resources, and when."""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from shared import fhirjson

# Half of a SHA-256 is beyond anybody's reach and spares every message row sixteen bytes.
HASH_BYTES = 16


@dataclass(frozen=True, slots=True)
class Written:
    """One resource of a transaction: its reference, the action (C, U, D) and its chain so far."""

    reference: str
    version: int
    action: str
    chain: bytes
    patient: str = ""


def event(
    *, who: dict[str, str], interaction: str, at: str, written: Iterable[Written]
) -> tuple[bytes, bytes]:
    """Give the row's content as canonical JSON, and its hash: the next link of each chain.

    Nothing from inside a resource is in it but the reference to its patient.
    """
    rows = tuple(written)
    content: dict[str, Any] = {
        "at": at,
        "who": who,
        "interaction": interaction,
        "written": [[row.reference, row.version, row.action, row.chain.hex()] for row in rows],
        "patients": sorted({row.patient for row in rows if row.patient}),
    }
    json = fhirjson.canonical(content)
    return json, sha256(json).digest()[:HASH_BYTES]
