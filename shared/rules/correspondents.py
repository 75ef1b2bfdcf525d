"""The person at the other end of a channel's thread, by its header, staff and the directory."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from shared.catalog.channels import MATCH_PATH
from shared.fhir import references
from shared.fhir.fhirjson import Resource
from shared.rules import channels

_PEOPLE = frozenset({"Patient", "RelatedPerson"})


@dataclass(frozen=True, slots=True)
class Person:
    """A person of the directory, who may have several records there.

    `patients` has the patient whom they write about by each record's reference; `others` are
    further records of the same person, of which they do not write here.
    """

    patients: Mapping[str, str]
    others: frozenset[str] = frozenset()

    def has(self, reference: str) -> bool:
        """Return whether a record is this person's."""
        return reference in self.patients or reference in self.others

    @property
    def subjects(self) -> frozenset[str]:
        """The patients whom they write about."""
        return frozenset(self.patients.values())

    def reference(self, subject: str = "", usual: str = "") -> str:
        """Return the record to name as the sender of a message: the one of its subject, if any.

        Otherwise it is the `usual` one, if it is this person's.
        """
        fitting = sorted(name for name, patient in self.patients.items() if patient == subject)
        if usual in fitting or (self.has(usual) and not fitting):
            return usual
        return (fitting or sorted(self.patients))[0]


class Sender(Enum):
    """The sender of a message: the person of the thread, the one of the directory, or nobody knows.

    STRANGER is somebody else than the thread is with: what they write must not get there.
    """

    OF_THREAD = "of thread"
    OF_DIRECTORY = "of directory"
    UNKNOWN = "unknown"
    STRANGER = "stranger"


def people_of(header: Resource) -> list[str]:
    """Return the patients and related persons that a header has as sender and recipients."""
    elements = (header.get("sender"), *header.get("recipient", ()))
    names = (references.comparable_reference(element) for element in elements)
    return list(dict.fromkeys(name for name in names if name.partition("/")[0] in _PEOPLE))


def is_staffs(header: Resource, person: str) -> bool:
    """Return whether staff have said that a person is at the other end of a thread.

    They have if they matched the thread with them, or began it with them.
    """
    began = references.comparable_reference(header.get("sender")) != person
    return began or any(match == person for match in matches(header))


def matches(header: Resource) -> Iterator[str]:
    """Yield the people whom staff have said to be at the other end of a thread: one at most."""
    for extension in header.get("extension", ()):
        if str(extension.get("url", "")).endswith(MATCH_PATH):
            yield references.comparable_reference(extension.get("valueReference"))


def is_unmatched(header: Resource, contact: str) -> bool:
    """Return whether a header says that nobody knows yet who is at the other end."""
    elements = (header.get("sender"), *header.get("recipient", ()))
    return any(channels.contact_of(element) == contact for element in elements)


def sender(
    header: Resource, contact: str, found: Sequence[Person], known: Mapping[str, Person]
) -> Sender:
    """Return who has written in the thread of a header, which is empty for a new thread.

    `found` are those who have the number or address by the directory, `known` the people of the
    header who are there at present. What staff have said holds unless the directory knows exactly
    one other person.
    """
    names = people_of(header)
    if channels.conversation(header) and not channels.is_with(header, contact):
        # Whoever writes from elsewhere is of the thread only if the directory says so.
        is_named = len(found) == 1 and person_of(header, found, known) is not None
        return Sender.OF_THREAD if is_named else Sender.UNKNOWN
    if not names:
        is_found = len(found) == 1 and not is_unmatched(header, contact)
        return Sender.OF_DIRECTORY if is_found else Sender.UNKNOWN
    if len(found) == 1:
        return Sender.OF_THREAD if person_of(header, found, known) else Sender.STRANGER
    if len(names) > 1:
        return Sender.UNKNOWN
    is_known = names[0] in known and is_staffs(header, names[0])
    return Sender.OF_THREAD if is_known else Sender.STRANGER


def person_of(
    header: Resource, found: Sequence[Person], known: Mapping[str, Person]
) -> Person | None:
    """Return the person of a header who has written: the one found, else its only one."""
    names = [name for name in people_of(header) if name in known]
    if len(found) == 1:
        return next((known[name] for name in names if is_same(known[name], found[0])), None)
    return known[names[0]] if len(names) == 1 else None


def is_same(one: Person, other: Person) -> bool:
    """Return whether two are one person: any record of the one is the other's."""
    return any(one.has(name) for name in (*other.patients, *other.others))
