"""Whose relative somebody is by the directory: the links of RelatedPersons, as they are now.

A RelatedPerson is of one patient. Who is several, a mother of two children, is known by a Patient
of her own, whose links of type seealso name them all:
https://hl7.org/fhir/R4/patient.html#links
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from shared import instants, references
from shared.access import Actor, Ground
from shared.access.compartments import is_a
from shared.catalog import access_patterns as patterns
from shared.catalog.parameters import SEARCH_PARAMS
from shared.index import partitions
from shared.index.order import AFTER_ALL
from shared.settings import settings
from shared.store import dynamodb, reading
from shared.store.records import Versioned

type Resource = dict[str, Any]

PATIENT, RELATED = "Patient", "RelatedPerson"
# What one request reads of who is the same person.
_MOST_RECORDS, _MOST_SELVES = 5, 20


@dataclass(frozen=True, slots=True)
class Family:
    """Whose relative somebody is, and which RelatedPersons they are, as references.

    `records` are the resources that say so.
    """

    patients: frozenset[str]
    selves: frozenset[str]
    records: tuple[Versioned, ...] = ()


def linked(caller: Actor) -> Actor:
    """Return a related person with the patients of their links, in place of what the token claims.

    Whom the directory has never had is left as their token says.
    """
    person = references.literal(caller.myself)
    record = reading.current(caller.tenant, *person) if person else None
    if person is None or record is None:
        return replace(caller, grounds=(Ground(*person, 0),) if person else ())
    family = of(caller.tenant, record)
    return replace(
        caller,
        patients=family.patients,
        also=family.selves,
        grounds=tuple(Ground(each.type, each.id, each.version) for each in family.records),
    )


def of(tenant: str, person: Versioned) -> Family:
    """Return the family of a RelatedPerson, which is read anew each time.

    One that was deleted or is not active has none; where only its period is over, the links of the
    others that are the same person go on.
    """
    known, records = [person], []
    if _is_in_use(person.resource):
        records = [*_records_of(tenant, f"{RELATED}/{person.id}")]
        known += _same(tenant, person.id, records)
    in_use = [one.resource for one in known if _is_in_use(one.resource)]
    return Family(
        frozenset(name for one in in_use for name in _patient(one)),
        frozenset(f"{RELATED}/{one['id']}" for one in in_use),
        (*known, *records),
    )


def _same(tenant: str, person_id: str, records: Iterable[Versioned]) -> Iterator[Versioned]:
    """Read the other RelatedPersons in use that some Patients say are the same person as one."""
    own = f"{RELATED}/{person_id}"
    names = dict.fromkeys(name for record in records for name in _links(record.resource))
    others = [name.partition("/")[2] for name in names if name != own]
    for other in others[:_MOST_SELVES]:
        found = reading.current(tenant, RELATED, other)
        if found and _is_in_use(found.resource):
            yield found


def _records_of(tenant: str, person: str) -> Iterator[Versioned]:
    """Read the Patients in use that say to be the same person."""
    param = SEARCH_PARAMS.of(PATIENT)["link"]
    (partition,) = partitions.of_value(tenant, param, person)
    rows = dynamodb.query_all(patterns.SEARCH, partition, (" ", AFTER_ALL))
    for row in islice(rows, _MOST_RECORDS):
        found = reading.current(tenant, PATIENT, row["sk"]["S"].rpartition("#")[2])
        if found and _is_in_use(found.resource) and person in _links(found.resource):
            yield found


def _links(patient: Resource) -> list[str]:
    """Give the RelatedPersons of this server that a Patient says to be."""
    links = (one for one in patient.get("link", ()) if one.get("type") == "seealso")
    found = (references.target(one.get("other")) for one in links)
    return [str(one) for one in found if one and one.type == RELATED]


def _patient(person: Resource) -> Iterator[str]:
    """Give the patient whose relative a RelatedPerson is now."""
    name = references.canonical(person["patient"].get("reference", ""))
    if is_a(PATIENT, name) and is_now(person.get("period", {})):
        yield name


def _is_in_use(resource: Resource) -> bool:
    return bool(resource) and resource.get("active") is not False


def is_relative(person: Resource) -> bool:
    """Return whether a RelatedPerson is in use and somebody's relative now."""
    return _is_in_use(person) and any(_patient(person))


def is_now(period: Resource) -> bool:
    """Tell whether a Period has begun and not ended."""
    low, high = instants.period(period, settings().zone)
    return low <= instants.nanoseconds(instants.now()) < high
