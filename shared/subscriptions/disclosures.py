"""The audit event of what an endpoint was told: a read of the version, by whoever subscribed.

It is stored like that of a request that wrote nothing, once the endpoint has taken the
notification.
"""

from shared import metrics
from shared.access.caller import Caller
from shared.audit import entries, events, indirect_patients, journal
from shared.catalog.types import SUBSCRIPTION
from shared.fhir import fhirjson, instants, ulids
from shared.rules import compartments
from shared.settings import ARCHIVE, settings
from shared.store import audit_items
from shared.store.records import VersionedRecord


def note(caller: Caller, subscription_id: str, version: VersionedRecord) -> None:
    """Store the event of a version that was told. Raises Transient."""
    now = instants.now()
    patients = compartments.patients(version.resource)
    event = {
        "at": instants.to_text(now),
        "who": events.shortened_claims(caller.audit_claims),
        "interaction": "vread",
        "operation": f"{SUBSCRIPTION}/{subscription_id}",
        "type": version.type,
        "id": version.id,
        "version": str(version.version),
        "patients": events.shortened_references(patients),
        "through": sorted(compartments.patient_sources(version.resource, patients)),
    }
    whole = indirect_patients.with_all_patients(caller.tenant, event, {})
    event_id = ulids.new(instants.to_nanoseconds(now) // instants.MILLISECOND)
    new = [
        entries.entry(caller.tenant, part_id, fhirjson.canonical(part))
        for part_id, part in events.split_by_patients(event_id, whole)
    ]
    is_listed = settings().audit_reads != ARCHIVE
    if refused := audit_items.put_rows(journal.rows(new, is_listed=is_listed)):
        metrics.record(metrics.UNAUDITED, refused)
