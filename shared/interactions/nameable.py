"""Whom a caller who does not see everybody may name, where another server knows who there is.

That server would say so to whoever writes: by what it answers a stranger learns who is a patient.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from shared.interactions import referring
from shared.references import Literal
from shared.sessions import kinds
from shared.store.work import Work

type Resource = dict[str, Any]

_IN_THREADS = ("subject", "sender", "recipient")


def others(work: Work, resource: Resource, named: Iterable[Literal]) -> list[Literal]:
    """Return which of what a resource names are others than whom the caller may name.

    They name whom they see by their compartments, and who is in the thread that they write in.
    """
    unsure = [target for target in named if work.sight.limits((target.type,))]
    unsure = [target for target in unsure if target not in _own(work, target.type)]
    if not unsure:
        return []
    known: set[Literal] = set()
    for communication in _thread(work, resource):
        known |= {*_people(work, communication)}
        if known.issuperset(unsure):
            return []
    return [target for target in unsure if target not in known]


def _own(work: Work, resource_type: str) -> set[Literal | None]:
    """Return the people in whose compartments the caller sees a type."""
    people = work.sight.people(resource_type) or ()
    return {referring.named(work.tenant, {"reference": person}) for person in people}


def _thread(work: Work, resource: Resource) -> Iterator[Resource]:
    """Read a message's header, and the messages that the caller sees, as far as is needed."""
    header_id = kinds.header(resource)
    header = work.communication(header_id) if header_id else None
    if header is None or not work.sight.sees(header.resource):
        return
    yield header.resource
    for message in work.messages(header_id):
        if work.sight.sees(message.resource):
            yield message.resource


def _people(work: Work, communication: Resource) -> Iterator[Literal]:
    for name in _IN_THREADS:
        elements = communication.get(name, ())
        for element in elements if isinstance(elements, list) else [elements]:
            if person := referring.named(work.tenant, element or {}):
                yield person
