"""Read and vread: one resource as it is, or as it was.

https://hl7.org/fhir/R4/http.html#read
"""

import re

from shared.access import Actor
from shared.errors import Deleted, NotFound
from shared.sight import Sight
from shared.store import reading
from shared.store.records import Versioned

_VERSION = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)


def read(actor: Actor, resource_type: str, resource_id: str) -> Versioned:
    """Give the current version. Raises NotFound and Deleted."""
    record = _seen(Sight(actor, "r"), resource_type, resource_id)
    return there(record, resource_type, resource_id)


def vread(actor: Actor, resource_type: str, resource_id: str, version: str) -> Versioned:
    """Give one version. Raises NotFound, and Deleted for the version of a deletion."""
    sight = Sight(actor, "r")
    current = _seen(sight, resource_type, resource_id)
    if current and version == str(current.version):
        return there(current, resource_type, resource_id)
    past = None
    if current and _VERSION.fullmatch(version) and int(version) < current.version:
        past = reading.version(actor.tenant, current, int(version))
    if past is None or not sight.sees_past(past):
        raise NotFound(f"{resource_type}/{resource_id} has no version {version}")
    return there(past, resource_type, resource_id)


def _seen(sight: Sight, resource_type: str, resource_id: str) -> Versioned | None:
    """Read what is there, unless the caller does not see it."""
    record = reading.current(sight.tenant, resource_type, resource_id)
    return record if sight.sees_record(record) else None


def there[V: Versioned](record: V | None, resource_type: str, resource_id: str) -> V:
    """Give a record that is there. Raises NotFound and Deleted."""
    if record is None:
        raise NotFound(f"{resource_type}/{resource_id} does not exist")
    if record.deleted:
        raise Deleted(f"{resource_type}/{resource_id} is deleted")
    return record
