"""The messages of a thread whose person staff have named: put to that person, with sessions."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from itertools import batched

from shared.access.caller import Caller
from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.channels.inbound import senders
from shared.errors import Conflict
from shared.fhir import instants
from shared.fhir.fhirjson import Resource
from shared.fhir.patch.patching import without_generated_text
from shared.fhir.references import Literal
from shared.interactions.write import write
from shared.rules import classification, correspondents, matching, people, texts
from shared.rules.matching import Match
from shared.sessions import attaching, encounters, patients
from shared.sessions.changes import ChangeResult, commit_change
from shared.store.records import CommunicationRecord, EncounterRecord

type Renew = Callable[[Resource], Resource]

# So many messages, with their index rows and sessions, fit in a transaction.
_AT_ONCE = 4


def put_to_person(caller: Caller, interaction: str, header: Resource, match: Match) -> None:
    """Put all messages that a person has written in a thread to them, a few at once."""
    messages = _messages(caller, header["id"])
    match = replace(match, contacts=_contacts(caller, messages, match))
    names = senders.given_names(caller.tenant, match.person.subjects)
    renew = partial(_matched, match, people.subject_patient(header), names)
    ids = [one.id for one in messages if renew(one.resource) != one.resource]
    for some in batched(ids, _AT_ONCE, strict=False):
        commit_change(
            caller,
            interaction,
            partial(_match_messages, header["id"], match.reference, some, renew),
        )


def _messages(caller: Caller, header_id: str) -> list[CommunicationRecord]:
    work = AuditedUnitOfWork(caller, instants.now())
    return [message for message in work.messages(header_id) if not message.deleted]


def _contacts(caller: Caller, messages: list[CommunicationRecord], match: Match) -> frozenset[str]:
    """Return the thread's contact, and those of a person from whom it has messages, too.

    Whoever answers a mail from another address is the person if the directory says so by now.
    """
    own = match.conversation.contact
    unknown = {matching.unknown_contact(one.resource, match.conversation) for one in messages}
    theirs = {one for one in unknown - {"", own} if _has(caller, match, one)}
    return frozenset({own, *theirs})


def _has(caller: Caller, match: Match, contact: str) -> bool:
    found = senders.people_with(caller, contact)
    return len(found) == 1 and correspondents.is_same(found[0], match.person)


def _matched(
    match: Match, thread_subject: str, names: Mapping[str, list[str]], before: Resource
) -> Resource:
    """Return a message as it must be: changed if the person wrote it, else as it is."""
    if not matching.is_from_person(before, match):
        return before
    parts = before.get("payload", ())
    text = " ".join(str(part["contentString"]) for part in parts if "contentString" in part)
    named = texts.named_patient(text, names) if len(names) > 1 else ""
    return matching.message(before, match, thread_subject, named)


def _match_messages(
    header_id: str, person: str, ids: tuple[str, ...], renew: Renew, work: AuditedUnitOfWork
) -> ChangeResult:
    header = work.header(header_id)
    if header is None or person not in correspondents.matches(header.resource):
        raise Conflict("Somebody else has matched the thread meanwhile")
    work.require_unchanged(header)
    for message_id in ids:
        record = work.communication(message_id)
        if record is None or record.deleted:
            continue
        before, after = record.resource, renew(record.resource)
        if after != before:
            target = Literal("Communication", message_id)
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
