"""The version that a change wrote, together with what has become of its resource."""

from typing import NamedTuple

from shared.fhir.references import Literal
from shared.store import reading
from shared.store.records import VersionedRecord


class Written(NamedTuple):
    """A version that was written, with the current one of its resource; they may be the same."""

    current: VersionedRecord
    version: VersionedRecord


def read(tenant: str, resource: Literal, version: int) -> Written | None:
    """Return the version that a change wrote, None if it cannot be read any more."""
    current = reading.current(tenant, *resource)
    if current is None or current.deleted:
        return None
    is_current = current.version == version
    written = current if is_current else reading.version(tenant, current, version)
    return None if written is None or written.deleted else Written(current, written)
