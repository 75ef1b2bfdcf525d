"""The thread of a message, and who has written it: found, or made with what the directory says."""

from collections.abc import Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple

from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.catalog.channels import MATCH_PATH
from shared.channels.inbound import mail_threads, senders, threads
from shared.channels.inbound.message import InboundMessage
from shared.fhir import references
from shared.fhir.fhirjson import Resource
from shared.rules import channels, correspondents
from shared.rules.correspondents import Person, Sender

if TYPE_CHECKING:  # see accounts.py
    from shared.channels.account_models import Account


class Correspondence(NamedTuple):
    """The header of a message's thread, and the person who wrote it, None if nobody knows."""

    header: Resource
    person: Person | None

    @property
    def name(self) -> str:
        """The person's reference in the header, empty if there is none."""
        names = correspondents.people_of(self.header)
        return next((name for name in names if self.person and self.person.has(name)), "")


def of(work: AuditedUnitOfWork, message: InboundMessage) -> Correspondence:
    """Return the thread of a message, which is begun, reopened or followed where needed."""
    account, contact = message.account, message.contact
    found = _found(work, message)
    if account.provider == "ses":
        old = mail_threads.find(work, message, found)
    else:
        old = threads.current(work, account, contact)
    if old is None:
        return _begun(work, message, found[0] if len(found) == 1 else None)
    known = senders.known_people(work.tenant, correspondents.people_of(old))
    sender = correspondents.sender(old, contact, found, known)
    if sender is Sender.OF_DIRECTORY:
        return _continued(work, message, Correspondence(old, found[0]))
    if sender is Sender.OF_THREAD:
        person = correspondents.person_of(old, found, known)
        return _continued(work, message, Correspondence(old, person))
    if sender is Sender.STRANGER:
        return _instead(work, message, old, found)
    return _continued(work, message, Correspondence(old, None))


def _instead(
    work: AuditedUnitOfWork, message: InboundMessage, old: Resource, found: Sequence[Person]
) -> Correspondence:
    """Return a new thread for what must not get into an old one."""
    account, contact = message.account, message.contact
    if account.provider == "ses":
        return _begun(work, message, found[0] if len(found) == 1 else None)
    header = threads.succeed(work, account, contact, old, **_elements(None, contact))
    return Correspondence(header, None)


def begin(work: AuditedUnitOfWork, message: InboundMessage, **elements: Any) -> Resource:
    """Save the header of a new thread for a message, and return it."""
    found = _found(work, message)
    return _begun(work, message, found[0] if len(found) == 1 else None, **elements).header


def _found(work: AuditedUnitOfWork, message: InboundMessage) -> list[Person]:
    if not message.is_proven:
        return []
    return senders.people_with(work.caller, message.contact, _own_number(message.account))


def _own_number(account: "Account") -> str:
    return "" if account.provider == "ses" else account.number


def _begun(
    work: AuditedUnitOfWork, message: InboundMessage, person: Person | None, **elements: Any
) -> Correspondence:
    is_mail = message.account.provider == "ses"
    distinction = sha256(message.id.encode()).hexdigest()[:24] if is_mail else ""
    value = channels.thread_value(message.contact, distinction)
    people = _elements(person, message.contact)
    elements = _topic(message) | people | elements
    return Correspondence(threads.begin(work, message.account, value, **elements), person)


def _topic(message: InboundMessage) -> dict[str, Any]:
    return {"topic": {"text": message.topic}} if message.topic else {}


def _continued(
    work: AuditedUnitOfWork, message: InboundMessage, old: Correspondence
) -> Correspondence:
    """Return a thread that is open: the old one, or the one that follows it."""
    account, header, contact = message.account, old.header, message.contact
    if not threads.is_over(header, account):
        return old._replace(header=threads.reopened(work, header))
    elements = _elements(old.person, contact, old.name)
    about = references.comparable_reference(header.get("subject"))
    if "subject" in header and senders.is_there(work.tenant, about):
        elements["subject"] = header["subject"]
    if old.name and correspondents.is_staffs(header, old.name):
        elements["extension"] = [match(old.name)]
    if account.provider == "ses":
        value = mail_threads.following_value(contact, header)
        following = threads.begin(work, account, value, **_topic(message), **elements)
    else:
        following = threads.succeed(work, account, contact, header, **elements)
    return old._replace(header=following)


def match(person: str) -> Resource:
    """Return the extension by which staff say who is at the other end of a thread."""
    url = f"{references.BASE.get()}{MATCH_PATH}"
    return {"url": url, "valueReference": {"reference": person}}


def _elements(person: Person | None, contact: str, name: str = "") -> dict[str, Any]:
    """Return the sender of a thread, and its subject if the person writes about one patient."""
    if person is None:
        return {"sender": channels.contact_reference(contact)}
    sender = {"sender": {"reference": person.reference(usual=name)}}
    if len(person.subjects) != 1:
        return sender
    return sender | {"subject": {"reference": next(iter(person.subjects))}}
