"""The people who have a number, however it is written, or an address in the directory."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from shared.access.caller import Caller
from shared.access.visibility import Visibility
from shared.catalog.compartments import PATIENT, RELATED
from shared.fhir import references
from shared.fhir.fhirjson import Resource
from shared.fhir.references import Literal
from shared.references import families
from shared.rules.correspondents import Person
from shared.search.query.operands import escaped
from shared.search.run.lookups import loads_rounded
from shared.search.run.search import search
from shared.settings import settings
from shared.store import reading
from shared.store.records import VersionedRecord

_NUMBERS = frozenset({"phone", "sms"})
# Of one number's ending, more people than this are looked at no further: nobody is known then.
_MOST_CANDIDATES = 100


def people_with(caller: Caller, contact: str, own_number: str = "") -> list[Person]:
    """Return the people who have a number or address at present, each once.

    Numbers without a country are of the country of the account's `own_number`.
    """
    candidates = [
        record
        for resource_type in (PATIENT, RELATED)
        for record in _candidates(caller, resource_type, contact)
        if _has(record.resource, contact, own_number)
    ]
    people: list[Person] = []
    for record in sorted(candidates, key=lambda record: record.type == PATIENT):
        reference = f"{record.type}/{record.id}"
        index = next((n for n, person in enumerate(people) if person.has(reference)), None)
        if index is None:
            people += _person(caller.tenant, record)
        elif record.type == PATIENT:
            # A relative who is a patient, too, and may write about themselves.
            patients = {**people[index].patients, reference: reference}
            people[index] = replace(people[index], patients=patients)
    return people


def known_people(tenant: str, names: Sequence[str]) -> dict[str, Person]:
    """Return those of some people who are in the directory at present, by their references.

    People whom another server keeps are taken to be there.
    """
    known = {}
    for name in names:
        target = references.parse_literal(name)
        if target and (person := _known(tenant, target)):
            known[name] = person
    return known


def given_names(tenant: str, patients: frozenset[str]) -> Mapping[str, list[str]]:
    """Return the given names of patients by their references, each also in its single words."""
    targets = filter(None, map(references.parse_literal, sorted(patients)))
    records = (reading.current(tenant, *target) for target in targets)
    return {
        f"{record.type}/{record.id}": [*_given(record.resource)] for record in records if record
    }


def _given(patient: Resource) -> Iterator[str]:
    for name in patient.get("name", ()):
        if name.get("use") != "old" and families.is_current(name.get("period", {})):
            for given in name.get("given", ()):
                yield from (given, *given.split()) if given else ()


def _known(tenant: str, target: Literal) -> Person | None:
    record = reading.current(tenant, *target)
    if record is None:
        is_elsewhere = target.type not in settings().locally_checked_types
        return Person({str(target): _own_patient(target)}) if is_elsewhere else None
    return next(_person(tenant, record), None)


def is_there(tenant: str, name: str) -> bool:
    """Return whether a resource can be referred to: it exists, or another server keeps it."""
    target = references.parse_literal(name)
    if target is None or target.type not in settings().locally_checked_types:
        return True
    record = reading.current(tenant, *target)
    return record is not None and not record.deleted


def _own_patient(target: Literal) -> str:
    return str(target) if target.type == PATIENT else ""


def _candidates(caller: Caller, resource_type: str, contact: str) -> Iterator[VersionedRecord]:
    """Yield the records that may have a number or address; none if there are too many."""
    code, values = _criterion(contact)
    if not values:
        return
    query = [(code, ",".join(map(escaped, sorted(values)))), ("_count", str(_MOST_CANDIDATES))]
    visibility = Visibility(caller, "s")
    page = search(resource_type, query, visibility=visibility, zone=settings().zone)
    if page.next:
        return
    for resource in map(loads_rounded, page.resources):
        record = reading.current(caller.tenant, resource_type, resource["id"])
        if record:
            yield record


def _criterion(contact: str) -> tuple[str, set[str]]:
    if "@" in contact:
        return "email", {contact}
    from shared.channels.inbound import numbers  # noqa: PLC0415 - an e-mail has none

    return "phone-ending", numbers.endings(contact)


def _has(resource: Resource, contact: str, own_number: str) -> bool:
    """Return whether somebody is active, and has a number or address at present."""
    is_there = (
        families.is_relative(resource)
        if resource.get("resourceType") == RELATED
        else families.is_in_use(resource)
    )
    return is_there and any(
        _is_same(point, contact, own_number)
        for point in resource.get("telecom", ())
        if point.get("use") != "old" and families.is_current(point.get("period", {}))
    )


def _is_same(point: Resource, contact: str, own_number: str) -> bool:
    value = str(point.get("value", ""))
    if "@" in contact:
        return point.get("system") == "email" and value.strip().lower() == contact
    from shared.channels.inbound import numbers  # noqa: PLC0415 - as above

    return point.get("system") in _NUMBERS and numbers.is_same(value, contact, own_number)


def _person(tenant: str, record: VersionedRecord) -> Iterator[Person]:
    """Yield the person whose record this is, with the records of the same person, if in use."""
    if record.type == PATIENT:
        if families.is_in_use(record.resource):
            own = f"{PATIENT}/{record.id}"
            yield Person({own: own})
        return
    family = families.read_family(tenant, record)
    patients = {
        f"{RELATED}/{one.id}": patient
        for one in family.records
        if one.type == RELATED and families.is_in_use(one.resource)
        for patient in families.current_patient(one.resource)
        if is_there(tenant, patient)
    }
    others = frozenset(f"{PATIENT}/{one.id}" for one in family.records if one.type == PATIENT)
    if f"{RELATED}/{record.id}" in patients:
        yield Person(patients, others)
