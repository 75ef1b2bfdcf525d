"""Making the next version of a resource's record."""

from datetime import timedelta
from typing import Any

from shared.catalog.policies import LONG_ENCOUNTER_GRACE
from shared.fhir import fhirjson, instants
from shared.fhir.meta import stamp
from shared.fhir.references import Literal
from shared.rules import classification
from shared.rules.compartments import is_draft
from shared.settings import settings
from shared.store.index import long_encounters
from shared.store.keys import HEADER_SORT, Place
from shared.store.records import (
    CommunicationRecord,
    EncounterRecord,
    ResourceRecord,
    VersionedRecord,
    with_cached_resource,
    with_changes,
)
from shared.store.unit_of_work import UnitOfWork

type Resource = dict[str, Any]
# The elements by which a medical encounter makes its session visible to somebody.
_NAMING = ("partOf", "subject", "participant")


def _instant(work: UnitOfWork, *earlier: VersionedRecord | None) -> str:
    """Return this work's instant, or a millisecond after the latest of some earlier versions."""
    last = max((record.last_updated for record in earlier if record), default="")
    if last < work.instant:
        return work.instant
    return instants.to_text(instants.from_text(last) + timedelta(milliseconds=1))


def next_resource[V: VersionedRecord](
    work: UnitOfWork,
    before: V,
    resource: Resource | None,
    after: VersionedRecord | None = None,
    **changes: Any,
) -> V:
    """Return the next version of a resource; a resource of None deletes it.

    The new record knows its content, so its JSON is not parsed again. Its instant is also later
    than that of `after`.
    """
    stored = work.as_read(before)
    version, updated = stored.version + 1 if stored else 1, _instant(work, stored, after)
    if resource is None:
        return with_changes(before, version=version, json=None, updated=updated, **changes)
    stamped = stamp(resource, version, updated)
    json = fhirjson.dumps(stamped)
    return with_cached_resource(
        with_changes(before, version=version, json=json, updated="", **changes), stamped
    )


def next_encounter(
    work: UnitOfWork, before: EncounterRecord, resource: Resource | None, **changes: Any
) -> EncounterRecord:
    """Return the next version of an Encounter; a resource of None deletes it.

    A new status is entered at `entered`, or now, but never before the former one: the clock of the
    process that wrote that may have been ahead.
    """
    changes = _created_by(work, before) | changes
    entered = changes.pop("entered", work.instant)
    if resource and resource.get("status") != before.resource.get("status"):
        changes["entered"] = max(before.entered, entered)
    after = next_resource(
        work, before, resource, _session_before(work, before, resource), **changes
    )
    zone = settings().zone
    stays_long = (
        before.is_long
        and long_encounters.is_open(before.resource)
        and long_encounters.is_open(after.resource)
    )
    # Not the work's instant, which may be earlier if the previous version was written later.
    at = instants.from_text(after.last_updated)
    after = with_changes(
        after, is_long=stays_long or long_encounters.is_long(after.resource, at, zone)
    )
    if after.is_long or not after.due or not after.opened:
        return after
    long_from = long_encounters.becomes_long_at(
        after.resource, instants.from_text(after.opened), zone
    )
    # Subtracting cannot overflow, as adding could: a period may begin in the calendar's last hours.
    is_in_time = instants.from_text(after.due) - LONG_ENCOUNTER_GRACE <= long_from
    return after if is_in_time else with_changes(after, due=instants.to_text(long_from))


def _session_before(
    work: UnitOfWork, before: EncounterRecord, resource: Resource | None
) -> EncounterRecord | None:
    """Return the session that a medical encounter makes visible to somebody, as it was read.

    The medical encounter's version gets a later instant than the session's, whatever the clocks
    say, because it must not make earlier versions of the session visible.
    """
    session_id = classification.parent_id(resource or {})
    if not resource or not session_id or session_id == before.id:
        return None
    if all(before.resource.get(name) == resource.get(name) for name in _NAMING):
        return None
    session = work.encounter(session_id, closing=True)
    return work.as_read(session) if session else None


def blank_encounter(work: UnitOfWork, encounter_id: str) -> EncounterRecord:
    """Return version 0 of an Encounter, which its first version follows."""
    return EncounterRecord(
        id=encounter_id,
        version=0,
        json=None,
        created=work.instant,
        updated="",
        entered=work.instant,
    )


def blank_resource(work: UnitOfWork, target: Literal) -> ResourceRecord:
    """Return version 0 of a resource of any other type, which its first version follows."""
    return ResourceRecord(
        type=target.type, id=target.id, version=0, json=None, created=work.instant, updated=""
    )


def next_communication(
    work: UnitOfWork, before: CommunicationRecord, resource: Resource | None, **changes: Any
) -> CommunicationRecord:
    """Return the next version of a Communication; a resource of None deletes it."""
    changes = _created_by(work, before) | changes
    if resource and is_draft(resource):
        was_sent = not before.deleted and not is_draft(before.resource)
        changes |= {"drafted": True, "recalled": before.recalled or was_sent}
    return next_resource(work, before, resource, **changes)


def blank_communication(work: UnitOfWork, communication_id: str) -> CommunicationRecord:
    """Return version 0 of a Communication, which its first version follows."""
    return CommunicationRecord(
        id=communication_id,
        version=0,
        json=None,
        created=work.instant,
        updated="",
        place=Place(communication_id, HEADER_SORT),
    )


def _created_by(work: UnitOfWork, before: VersionedRecord) -> dict[str, Any]:
    """Return `patient_made` for a version that creates or restores a resource, else no change."""
    return {"patient_made": work.patient_made} if before.deleted else {}
