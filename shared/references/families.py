"""The patients whose relative a person is at present, according to the directory.

A RelatedPerson belongs to one patient. A person who is several RelatedPersons, such as the mother
of two children, has a Patient of her own, whose links of type `seealso` name them all:
https://hl7.org/fhir/R4/patient.html#links
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

from shared.access.caller import AccessBasis, Caller
from shared.catalog import access_patterns as patterns
from shared.catalog.compartments import PATIENT, RELATED
from shared.catalog.parameters import SEARCH_PARAMS
from shared.fhir import instants, references
from shared.fhir.fhirjson import Resource
from shared.rules.compartments import is_reference_to
from shared.settings import settings
from shared.store import dynamodb, reading
from shared.store.index import partitions
from shared.store.keys import FULL_RANGE
from shared.store.records import VersionedRecord

# How many Patients that link to a person, and how many RelatedPersons named by them, are read. This
# bounds the reads of one request.
_MOST_RECORDS, _MOST_SELVES = 5, 20


@dataclass(frozen=True, slots=True)
class Family:
    """The patients whose relative a person is, and the RelatedPersons that are the same person.

    Both are references. `records` are the stored resources that this follows from.
    """

    patients: frozenset[str]
    selves: frozenset[str]
    records: tuple[VersionedRecord, ...] = ()


def with_patients(caller: Caller) -> Caller:
    """Return a related person with the patients that the directory links them to.

    These replace the patients that the token claims. A person whom the directory has never had
    keeps those of the token.
    """
    person = references.parse_literal(caller.own_reference)
    record = reading.current(caller.tenant, *person) if person else None
    if person is None or record is None:
        return replace(caller, access_basis=(AccessBasis(*person, 0),) if person else ())
    family = read_family(caller.tenant, record)
    return replace(
        caller,
        patients=family.patients,
        other_related_persons=family.selves,
        access_basis=tuple(
            AccessBasis(source.type, source.id, source.version) for source in family.records
        ),
    )


def read_family(tenant: str, person: VersionedRecord) -> Family:
    """Return the family of a RelatedPerson, read from the directory each time.

    One that was deleted or is not active has none. If only its own period is over, the patients of
    the other RelatedPersons that are the same person remain.
    """
    persons, linking_patients = [person], []
    if is_in_use(person.resource):
        linking_patients = [*_linking_patients(tenant, f"{RELATED}/{person.id}")]
        persons += _same_person(tenant, person.id, linking_patients)
    in_use = [record.resource for record in persons if is_in_use(record.resource)]
    return Family(
        frozenset(patient for resource in in_use for patient in current_patient(resource)),
        frozenset(f"{RELATED}/{resource['id']}" for resource in in_use),
        (*persons, *linking_patients),
    )


def _same_person(
    tenant: str, person_id: str, linking_patients: Iterable[VersionedRecord]
) -> Iterator[VersionedRecord]:
    """Yield the other RelatedPersons in use that some Patients name as the same person."""
    own = f"{RELATED}/{person_id}"
    links = dict.fromkeys(link for patient in linking_patients for link in _links(patient.resource))
    other_ids = [link.partition("/")[2] for link in links if link != own]
    for other_id in other_ids[:_MOST_SELVES]:
        record = reading.current(tenant, RELATED, other_id)
        if record and is_in_use(record.resource):
            yield record


def _linking_patients(tenant: str, person: str) -> Iterator[VersionedRecord]:
    """Yield the Patients in use whose links name a RelatedPerson as the same person."""
    param = SEARCH_PARAMS.of(PATIENT)["link"]
    (partition,) = partitions.of_value(tenant, param, person)
    rows = dynamodb.query_all(patterns.SEARCH, partition, FULL_RANGE)
    for row in islice(rows, _MOST_RECORDS):
        record = reading.current(tenant, PATIENT, row["sk"]["S"].rpartition("#")[2])
        if record and is_in_use(record.resource) and person in _links(record.resource):
            yield record


def _links(patient: Resource) -> list[str]:
    """Return the RelatedPersons of this server that a Patient names as the same person."""
    links = (link for link in patient.get("link", ()) if link.get("type") == "seealso")
    targets = (references.target(link.get("other")) for link in links)
    return [str(target) for target in targets if target and target.type == RELATED]


def current_patient(person: Resource) -> Iterator[str]:
    """Yield the patient whose relative a RelatedPerson is at present, if any."""
    patient = references.comparable_reference(person["patient"])
    if is_reference_to(PATIENT, patient) and is_current(person.get("period", {})):
        yield patient


def is_in_use(resource: Resource) -> bool:
    """Return whether a Patient or RelatedPerson exists and is active; empty stands for deleted."""
    return bool(resource) and resource.get("active") is not False


def is_relative(person: Resource) -> bool:
    """Return whether a RelatedPerson is in use and somebody's relative at present."""
    return is_in_use(person) and any(current_patient(person))


def is_current(period: Resource) -> bool:
    """Return whether a Period has begun and has not ended."""
    low, high = instants.period_range(period, settings().zone)
    return low <= instants.to_nanoseconds(instants.now()) < high
