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


def find(
    work: AuditedUnitOfWork, message: InboundMessage, found: Sequence[Person]
) -> Resource | None:
    """Return the header of an e-mail's thread, None if it begins one.

    Whoever answers a mail must be a party of its thread. `found` are those who have the address by
    the directory. A mail whose sender is not proven begins a thread of its own.
    """
    if not message.is_proven:
        return None
    for header in _answered(work, message):
        if _is_party(header, message, found):
            return header
    return _header(work, message.named_thread)


def _answered(work: AuditedUnitOfWork, message: InboundMessage) -> Iterator[Resource]:
    for mail_id in message.answers[:_MOST_ANSWERED]:
        target = threads.matching(work, channels.identifier(message.account.name, mail_id))
        mail = work.communication(target.id) if target else None
        header = _header(work, classification.header_id(mail.resource)) if mail else None
        if header:
            yield header


def _header(work: AuditedUnitOfWork, header_id: str) -> Resource | None:
    record = work.header(header_id) if header_id else None
    if record is None or record.place.is_message or not work.visibility.sees(record.resource):
        return None
    return record.resource


def _is_party(header: Resource, message: InboundMessage, found: Sequence[Person]) -> bool:
    conversation = channels.conversation(header)
    if conversation and conversation.contact == message.contact:
        return True
    return len(found) == 1 and any(found[0].has(name) for name in correspondents.people_of(header))
