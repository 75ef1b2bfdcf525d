"""The interactions read and vread: the current or an earlier version of a resource.

https://hl7.org/fhir/R4/http.html#read
"""

import re

from shared.access import Actor
from shared.access.visibility import Sight
from shared.errors import Deleted, NotFound
from shared.store import dynamodb, keys, meter, reading
from shared.store.records import Versioned

_VERSION = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)
# The most reads that it takes to find that a resource is hidden from the caller: the resource and
# the version before its deletion; a session's medical encounters; a message's place and its header.
_LOOKS = 2
_MOST_LOOKS = {"Encounter": 3, "Communication": 4}


def read(actor: Actor, resource_type: str, resource_id: str) -> Versioned:
    """Return the current version of a resource. Raises NotFound and Deleted."""
    record = seen(Sight(actor, "r"), resource_type, resource_id)
    return there(record, resource_type, resource_id)


def vread(actor: Actor, resource_type: str, resource_id: str, version: str) -> Versioned:
    """Return one version of a resource. Raises NotFound, and Deleted if it is a deletion."""
    sight = Sight(actor, "r")
    current = seen(sight, resource_type, resource_id)
    if current and version == str(current.version):
        return there(current, resource_type, resource_id)
    past = None
    if current and _VERSION.fullmatch(version) and int(version) < current.version:
        past = reading.version(actor.tenant, current, int(version))
    if past is None or not sight.sees_past(past):
        raise NotFound(f"{resource_type}/{resource_id} has no version {version}")
    return there(past, resource_type, resource_id)


def seen(sight: Sight, resource_type: str, resource_id: str) -> Versioned | None:
    """Return a resource's current record, None if it does not exist or the caller cannot see it."""
    begun = meter.accesses()
    record = reading.current(sight.tenant, resource_type, resource_id)
    if sight.sees_record(record):
        return record
    look_on(sight, resource_type, resource_id, begun)
    return None


def look_on(sight: Sight, resource_type: str, resource_id: str, begun: int) -> None:
    """Read on in vain until as many reads were made as a hidden resource takes at most.

    Otherwise the response time would reveal whether a resource is hidden or does not exist. `begun`
    is the meter's count at the start of the request's reads.
    """
    if not sight.limits((resource_type,)):
        return
    address = keys.current(sight.tenant, resource_type, resource_id)
    most = _MOST_LOOKS.get(resource_type, _LOOKS)
    for _ in range(most - (meter.accesses() - begun)):
        dynamodb.get(address.table, (address.pk, address.sk))


def there[V: Versioned](record: V | None, resource_type: str, resource_id: str) -> V:
    """Return the record if it exists. Raises NotFound if it is None, Deleted if it is deleted."""
    if record is None:
        raise NotFound(f"{resource_type}/{resource_id} does not exist")
    if record.deleted:
        raise Deleted(f"{resource_type}/{resource_id} is deleted")
    return record
