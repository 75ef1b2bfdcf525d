"""A message that came in, written into its thread exactly once, however often it is delivered."""

from functools import partial
from itertools import islice

from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.catalog.channels import MATCH_SENDER, NAME_SUBJECT, VERIFY_SENDER
from shared.channels import tasks
from shared.channels.inbound import admission, correspondence, files, keywords, senders, threads
from shared.channels.inbound.correspondence import Correspondence
from shared.channels.inbound.message import InboundMessage
from shared.channels.principal import principal
from shared.fhir import instants, references
from shared.fhir.fhirjson import Resource
from shared.interactions.create import create_new, validated_new_resource
from shared.rules import channels, texts
from shared.sessions.changes import ChangeResult, commit_change

_SENT, _UNVERIFIED = "in-progress", "on-hold"
# So many messages are looked at for whether anything says whom a thread is about.
_MOST_LOOKED_AT = 100


def receive(message: InboundMessage, *, gives_up: bool = False) -> None:
    """Write a message into its thread, or do what its keyword says.

    A repetition changes nothing. With `gives_up`, files that cannot be fetched are named in the
    text. Raises Throttled if its contact has written too much in this hour, files.NotFetched, and
    Transient.
    """
    caller = principal(message.account)
    if keywords.obey(caller, message):
        return
    payload = files.payload(caller, message, gives_up=gives_up)
    commit_change(caller, "create", partial(_write, message, payload))


def _write(
    message: InboundMessage, payload: list[Resource], work: AuditedUnitOfWork
) -> ChangeResult:
    if not admission.take(work, message):
        return ChangeResult(None)
    thread = correspondence.of(work, message)
    subject = _subject(work, message, thread)
    _ask(work, message, thread, subject)
    content = {
        "resourceType": "Communication",
        "identifier": [channels.identifier(message.account.name, message.id), *_claimed(message)],
        "partOf": [references.to("Communication", thread.header["id"])],
        "status": _SENT if message.is_proven else _UNVERIFIED,
        "medium": threads.medium(message.account),
        "sender": _sender(message, thread, subject),
        "recipient": [{"reference": message.account.recipient}],
        "sent": instants.to_text(message.sent),
        "received": instants.to_text(message.received),
        "subject": subject,
        "payload": payload,
    }
    return create_new(work, validated_new_resource(content, "Communication"))


def _claimed(message: InboundMessage) -> list[Resource]:
    return [channels.claimed_identifier(message.claimed_id)] if message.claimed_id else []


def _sender(message: InboundMessage, thread: Correspondence, subject: Resource) -> Resource:
    if thread.person is None:
        return channels.contact_reference(message.contact)
    about = references.comparable_reference(subject)
    return {"reference": thread.person.reference(about, usual=thread.name)}


def _subject(work: AuditedUnitOfWork, message: InboundMessage, thread: Correspondence) -> Resource:
    """Return whom a message is about, empty if neither it nor its thread says so.

    A person who writes about several patients says it by a given name.
    """
    if thread.person is None:
        return {}
    patients = thread.person.subjects
    if len(patients) > 1:
        names = senders.given_names(work.tenant, patients)
        if named := texts.named_patient(message.text, names):
            return {"reference": named}
    own = {"reference": next(iter(patients))} if len(patients) == 1 else {}
    said: Resource = thread.header.get("subject", {})
    name = references.comparable_reference(said)
    # What refers to a patient who was deleted would be refused.
    is_usable = name in patients or senders.is_there(work.tenant, name)
    return said if said and is_usable else own


def _ask(
    work: AuditedUnitOfWork, message: InboundMessage, thread: Correspondence, subject: Resource
) -> None:
    """Ask staff for what neither the directory nor the message says."""
    if thread.person is None:
        tasks.ask(work, thread.header, MATCH_SENDER if message.is_proven else VERIFY_SENDER)
    elif not subject and not _is_about_somebody(work, thread.header["id"]):
        tasks.ask(work, thread.header, NAME_SUBJECT)


def _is_about_somebody(work: AuditedUnitOfWork, header_id: str) -> bool:
    """Return whether a message of a thread says whom it is about."""
    messages = islice(work.messages(header_id), _MOST_LOOKED_AT)
    return any("subject" in message.resource for message in messages if not message.deleted)
