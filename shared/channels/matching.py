"""Putting a channel's thread and its messages to the person who has written them."""

from collections.abc import Callable, Mapping
from functools import partial
from itertools import batched

from shared.access.caller import Caller
from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.catalog.channels import MATCH_PATH, MATCH_SENDER, NAME_SUBJECT, VERIFY_SENDER
from shared.channels import tasks
from shared.channels.inbound import senders
from shared.errors import BusinessRule, NotFound
from shared.fhir import instants, references
from shared.fhir.fhirjson import Resource
from shared.fhir.patch.patching import without_generated_text
from shared.fhir.references import Literal
from shared.interactions.read import equalize_reads, existing_record
from shared.interactions.write import write
from shared.rules import channels, classification, matching, people, texts
from shared.rules.matching import Match
from shared.sessions import attaching, encounters, patients
from shared.sessions.changes import ChangeResult, commit_change
from shared.store import meter
from shared.store.records import CommunicationRecord, EncounterRecord

_COMMUNICATION = "Communication"
# So many messages, with their index rows and sessions, fit in a transaction.
_AT_ONCE = 4


def match_sender(
    caller: Caller, interaction: str, header_id: str, person: Resource, subject: Resource | None
) -> ChangeResult:
    """Put a thread, and all that its contact has written there, to a person.

    That takes several transactions: first the header, so that what comes in meanwhile is theirs,
    then the messages, and the Tasks at the end. Repeating it goes on where it was broken off.
    Raises NotFound, Deleted, Forbidden, and BusinessRule.
    """
    match = _match(caller, header_id, person, subject)
    outcome = commit_change(caller, interaction, partial(_match_header, header_id, match))
    header = outcome.record.resource if outcome.record else {}
    names = senders.given_names(caller.tenant, match.person.subjects)
    renew = partial(_matched, match, people.subject_patient(header), names)
    for ids in batched(_messages(caller, header_id, renew), _AT_ONCE, strict=False):
        commit_change(caller, interaction, partial(_match_messages, header_id, ids, renew))
    commit_change(caller, interaction, partial(_complete, header_id))
    return outcome


def _match(caller: Caller, header_id: str, person: Resource, subject: Resource | None) -> Match:
    work = AuditedUnitOfWork(caller, instants.now())
    header = _header(work, header_id)
    conversation = channels.conversation(header.resource)
    if conversation is None or header.place.is_message:
        raise BusinessRule(
            f"Communication/{header_id} is not the header of a channel's thread",
            expression="Communication.identifier",
        )
    reference = references.comparable_reference(person)
    known = senders.known_people(caller.tenant, [reference])
    if reference not in known:
        raise BusinessRule(
            f"{reference} does not exist, or is not active",
            expression="person",
            diagnostics="A RelatedPerson must be somebody's relative at present",
        )
    about = references.comparable_reference(subject)
    return Match(conversation, known[reference], reference, about)


def _header(work: AuditedUnitOfWork, header_id: str) -> CommunicationRecord:
    begun = meter.accesses()
    record = work.header(header_id)
    if record is None or not work.visibility.sees_record(record):
        equalize_reads(work.visibility, _COMMUNICATION, header_id, begun)
        raise NotFound(f"{_COMMUNICATION}/{header_id} does not exist")
    existing_record(record, _COMMUNICATION, header_id)
    return record


def _match_header(header_id: str, match: Match, work: AuditedUnitOfWork) -> ChangeResult:
    before = _header(work, header_id).resource
    after = matching.header(before, match, f"{references.BASE.get()}{MATCH_PATH}")
    return write(
        work, Literal(_COMMUNICATION, header_id), lambda *_: without_generated_text(before, after)
    )


type Renew = Callable[[Resource], Resource]


def _matched(
    match: Match, thread_subject: str, names: Mapping[str, list[str]], before: Resource
) -> Resource:
    """Return a message as it must be: changed if the contact wrote it, else as it is."""
    if not matching.is_from_contact(before, match.conversation):
        return before
    parts = before.get("payload", ())
    text = " ".join(str(part["contentString"]) for part in parts if "contentString" in part)
    named = texts.named_patient(text, names) if len(names) > 1 else ""
    return matching.message(before, match, thread_subject, named)


def _messages(caller: Caller, header_id: str, renew: Renew) -> list[str]:
    """Return the ids of the messages that are to be changed."""
    work = AuditedUnitOfWork(caller, instants.now())
    return [
        message.id
        for message in work.messages(header_id)
        if not message.deleted and renew(message.resource) != message.resource
    ]


def _match_messages(
    header_id: str, ids: tuple[str, ...], renew: Renew, work: AuditedUnitOfWork
) -> ChangeResult:
    for message_id in ids:
        record = work.communication(message_id)
        if record is None or record.deleted:
            continue
        before, after = record.resource, renew(record.resource)
        if after != before:
            target = Literal(_COMMUNICATION, message_id)
            write(work, target, partial(_constant, without_generated_text(before, after)))
            _add_patient(work, message_id)
    return ChangeResult(work.communication(header_id))


def _constant(after: Resource, *_: object) -> Resource:
    return after


def _add_patient(work: AuditedUnitOfWork, message_id: str) -> None:
    """Add a message's patient to its session, if the server opened it.

    One that has ended is about the patient if it is about nobody yet.
    """
    message = work.communication(message_id)
    if message is None or not people.patient_reference(message.resource):
        return
    session_id, _ = attaching.effective_session(work, message)
    session = work.encounter(session_id) if session_id else None
    if session is None or session.deleted or not session.by_server:
        return
    subject = message.resource["subject"]
    if classification.is_open(session.resource):
        patients.add(work, session, subject)
    elif _is_about_nobody(work, session):
        encounters.update(work, session, session.resource | {"subject": subject})


def _is_about_nobody(work: AuditedUnitOfWork, session: EncounterRecord) -> bool:
    is_finished = session.resource["status"] == classification.FINISHED
    return is_finished and "subject" not in session.resource and not work.children(session.id)


def _complete(header_id: str, work: AuditedUnitOfWork) -> ChangeResult:
    """Complete the Tasks, and ask whom the thread is about if it is still not said."""
    header = _header(work, header_id)
    tasks.complete(work, header_id, MATCH_SENDER, VERIFY_SENDER)
    if "subject" in header.resource:
        tasks.complete(work, header_id, NAME_SUBJECT)
    return ChangeResult(header)
