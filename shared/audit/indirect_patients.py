"""Find the patients of an event that names them `through` another resource.

This happens after the request, when its event is stored, so that no read waits for it.
"""

from collections.abc import Callable, Iterable

from shared.audit import events
from shared.audit.events import Event
from shared.fhir.fhirjson import Resource
from shared.fhir.references import Literal
from shared.rules import compartments
from shared.store import reading

type PatientsByReference = dict[str, frozenset[str]]
type Read = Callable[[str, str], Resource]
type Children = Callable[[str], list[Resource]]

# From a message to its header, or from a record to its Encounter and on to medical encounters.
_MOST_STEPS = 3


def with_all_patients(tenant: str, event: Event, cache: PatientsByReference) -> Event:
    """Return an event that names all its patients itself.

    `cache` has the patients of resources that were read before, and is added to.
    """
    names = event.get("through", ())
    for name in names:
        if name not in cache:
            cache[name] = stored_patients(tenant, name)
    indirect = frozenset().union(*(cache[name] for name in names))
    rest = {name: value for name, value in event.items() if name != "through"}
    return rest | {"patients": events.shortened_references({*event["patients"], *indirect})}


def stored_patients(tenant: str, name: str) -> frozenset[str]:
    """Return the patients of a stored resource, or of its last version before it was deleted."""

    def read(kind: str, own_id: str) -> Resource:
        record = reading.current(tenant, kind, own_id)
        if record and record.deleted:
            record = reading.version(tenant, record, record.version - 1)
        return record.resource if record else {}

    return patients([name], read, lambda own_id: reading.children(tenant, own_id))


def patients(names: Iterable[str], read: Read, children: Children) -> frozenset[str]:
    """Return the patients of resources, following references to what names them instead."""
    patients_found: set[str] = set()
    unread, was_read = frozenset(names), frozenset[str]()
    for _ in range(_MOST_STEPS):
        resources = [read(*Literal(*name.split("/"))) for name in sorted(unread)]
        was_read |= unread
        unread = frozenset()
        for resource in resources:
            own_patients = compartments.patients(resource)
            patients_found |= own_patients
            # An Encounter that names no patient has medical encounters that do.
            if resource.get("resourceType") == "Encounter" and not own_patients:
                parts = children(resource["id"])
                patients_found = patients_found.union(*map(compartments.patients, parts))
            unread |= compartments.patient_sources(resource, own_patients)
        unread -= was_read
    return frozenset(patients_found)
