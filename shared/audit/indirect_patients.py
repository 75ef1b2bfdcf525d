"""Finding whom events are about that name them `through` another resource.

This is done after the request, by whoever stores its event: no read waits for it.
"""

from collections.abc import Callable, Iterable

from shared.audit import events
from shared.audit.events import Event
from shared.fhir.references import Literal
from shared.rules import compartments
from shared.rules.compartments import Resource
from shared.store import reading

type PatientsByReference = dict[str, frozenset[str]]
type Read = Callable[[str, str], Resource]
type Children = Callable[[str], list[Resource]]

# From a message to its header, from a record to its encounter and on to that one's parts.
_MOST_STEPS = 3


def with_all_patients(tenant: str, event: Event, known: PatientsByReference) -> Event:
    """Return an event that names everybody itself; `known` are those found before."""
    names = event.get("through", ())
    for name in names:
        if name not in known:
            known[name] = stored_patients(tenant, name)
    found = frozenset().union(*(known[name] for name in names))
    rest = {name: value for name, value in event.items() if name != "through"}
    return rest | {"patients": events.shortened_references({*event["patients"], *found})}


def stored_patients(tenant: str, name: str) -> frozenset[str]:
    """Return the patients whom a stored resource is about, or was before it was deleted."""

    def read(kind: str, own_id: str) -> Resource:
        record = reading.current(tenant, kind, own_id)
        if record and record.deleted:
            record = reading.version(tenant, record, record.version - 1)
        return record.resource if record else {}

    return patients([name], read, lambda own_id: reading.children(tenant, own_id))


def patients(names: Iterable[str], read: Read, children: Children) -> frozenset[str]:
    """Return the patients whom resources are about, following what they are that through."""
    found: set[str] = set()
    left, looked_at = frozenset(names), frozenset[str]()
    for _ in range(_MOST_STEPS):
        resources = [read(*Literal(*name.split("/"))) for name in sorted(left)]
        looked_at |= left
        found |= _of(resources)
        for name in left & set(_themselves(resources)):
            found |= _of(children(name.partition("/")[2]))
        left = frozenset().union(*map(compartments.through, resources)) - looked_at
    return frozenset(found)


def _of(resources: Iterable[Resource]) -> frozenset[str]:
    return frozenset().union(*map(compartments.patients, resources))


def _themselves(resources: Iterable[Resource]) -> Iterable[str]:
    """Return Encounters of several patients, who are those of their parts."""
    for resource in resources:
        if resource.get("resourceType") == "Encounter" and not compartments.patients(resource):
            yield f"Encounter/{resource['id']}"
