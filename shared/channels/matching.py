"""Putting a channel's thread and its messages to the person who has written them."""

from functools import partial

from shared.access.caller import Caller
from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.catalog.channels import MATCH_PATH, MATCH_SENDER, NAME_SUBJECT, VERIFY_SENDER
from shared.channels import matched_messages, tasks
from shared.channels.inbound import senders
from shared.errors import BusinessRule, NotFound
from shared.fhir import instants, references
from shared.fhir.fhirjson import Resource
from shared.fhir.patch.patching import without_generated_text
from shared.fhir.references import Literal
from shared.interactions.read import equalize_reads, existing_record
from shared.interactions.write import write
from shared.rules import channels, matching
from shared.rules.matching import Match
from shared.sessions.changes import ChangeResult, commit_change
from shared.store import meter
from shared.store.records import CommunicationRecord

_COMMUNICATION = "Communication"


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
    matched_messages.put_to_person(caller, interaction, header, match)
    commit_change(caller, interaction, partial(_complete, header_id, match))
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


def _complete(header_id: str, match: Match, work: AuditedUnitOfWork) -> ChangeResult:
    """Complete the Tasks that have been done: something may still be of somebody unknown."""
    header = _header(work, header_id)
    if not any(_is_unknown(message, match) for message in work.messages(header_id)):
        tasks.complete(work, header_id, MATCH_SENDER, VERIFY_SENDER)
    if "subject" in header.resource:
        tasks.complete(work, header_id, NAME_SUBJECT)
    return ChangeResult(header)


def _is_unknown(message: CommunicationRecord, match: Match) -> bool:
    unknown = matching.unknown_contact(message.resource, match.conversation)
    return bool(unknown) and not message.deleted
