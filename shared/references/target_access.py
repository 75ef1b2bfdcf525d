"""The people whom a caller of limited visibility may refer to, if another server keeps them.

Checking such references there would reveal who is a patient to anybody who may write.
"""

from collections.abc import Iterable, Iterator

from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.fhir.fhirjson import Resource
from shared.fhir.references import Literal
from shared.references import targets
from shared.rules import classification

_IN_THREADS = ("subject", "sender", "recipient")


def forbidden_targets(
    work: AuditedUnitOfWork, resource: Resource, added: Iterable[Literal]
) -> list[Literal]:
    """Return which of the targets that a write adds to a resource the caller may not refer to.

    They may refer to those whose compartments they see, and to the people of the thread that they
    write in.
    """
    unsure = [target for target in added if work.visibility.is_partial((target.type,))]
    unsure = [target for target in unsure if target not in _own(work, target.type)]
    for communication in _thread(work, resource) if unsure else ():
        people = {*_people(work, communication)}
        unsure = [target for target in unsure if target not in people]
        if not unsure:
            break
    return unsure


def _own(work: AuditedUnitOfWork, resource_type: str) -> set[Literal | None]:
    """Return the people in whose compartments the caller sees a type."""
    people = work.visibility.compartment_owners(resource_type) or ()
    return {targets.target_of(work.tenant, {"reference": person}) for person in people}


def _thread(work: AuditedUnitOfWork, resource: Resource) -> Iterator[Resource]:
    """Yield a message's header, then the thread's messages that the caller sees."""
    header_id = classification.header_id(resource)
    header = work.communication(header_id) if header_id else None
    if header is None or not work.visibility.sees(header.resource):
        return
    yield header.resource
    for message in work.messages(header_id):
        if work.visibility.sees(message.resource):
            yield message.resource


def _people(work: AuditedUnitOfWork, communication: Resource) -> Iterator[Literal]:
    for name in _IN_THREADS:
        elements = communication.get(name, ())
        for element in elements if isinstance(elements, list) else [elements]:
            if person := targets.target_of(work.tenant, element or {}):
                yield person
