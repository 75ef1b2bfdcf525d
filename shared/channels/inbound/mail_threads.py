"""The thread that an e-mail belongs to: that of a mail which it answers, or the one it names."""

from collections.abc import Iterator, Sequence

from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.channels.inbound import threads
from shared.channels.inbound.message import InboundMessage
from shared.fhir.fhirjson import Resource
from shared.rules import channels, classification, correspondents
from shared.rules.correspondents import Person

# A mail names every one before it, and the nearest are enough.
_MOST_ANSWERED = 10
_FOLLOWS = "follows-"


def find(
    work: AuditedUnitOfWork, message: InboundMessage, found: Sequence[Person]
) -> Resource | None:
    """Return the header of an e-mail's thread, None if it begins one.

    Whoever answers a mail must be a party of its thread. `found` are those who have the address by
    the directory. A mail whose sender is not proven begins a thread of its own. A thread that is
    over is only the one of its parties, and returned if none follows it yet.
    """
    if not message.is_proven:
        return None
    answered = (one for one in _answered(work, message) if _is_party(one, message, found))
    header = next(answered, None) or _header(work, message.named_thread)
    if header is None or not threads.is_over(header, message.account):
        return header
    return _last(work, message, header) if _is_party(header, message, found) else None


def following_value(contact: str, header: Resource) -> str:
    """Return the value of the identifier of the thread that follows one with a contact."""
    return channels.thread_value(contact, f"{_FOLLOWS}{header['id']}")


def _last(work: AuditedUnitOfWork, message: InboundMessage, header: Resource) -> Resource:
    """Return the header of the last of the threads that follow one another."""
    while threads.is_over(header, message.account):
        value = following_value(message.contact, header)
        following = threads.current(work, message.account, value)
        if following is None:
            break
        header = following
    return header


def _answered(work: AuditedUnitOfWork, message: InboundMessage) -> Iterator[Resource]:
    for mail_id in message.answers[:_MOST_ANSWERED]:
        identifier = channels.identifier(message.account.name, mail_id)
        target = threads.matching(work, identifier, claimed=False)
        mail = work.communication(target.id) if target else None
        header = _header(work, classification.header_id(mail.resource)) if mail else None
        if header:
            yield header


def _header(work: AuditedUnitOfWork, header_id: str) -> Resource | None:
    """Return the header of a thread of the account, None if it is not there."""
    record = work.header(header_id) if header_id else None
    if record is None or record.deleted or record.place.is_message:
        return None
    return record.resource if work.visibility.sees(record.resource) else None


def _is_party(header: Resource, message: InboundMessage, found: Sequence[Person]) -> bool:
    if channels.is_with(header, message.contact):
        return True
    return len(found) == 1 and any(found[0].has(name) for name in correspondents.people_of(header))
