"""The answer to HELP: a message of the account, which is no message of care."""

from functools import partial
from typing import TYPE_CHECKING

from shared.access.caller import Caller
from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.catalog.code_systems import ANSWER_SYSTEM
from shared.channels.inbound import admission, correspondence, threads
from shared.channels.inbound.message import InboundMessage
from shared.fhir import references
from shared.fhir.fhirjson import Resource
from shared.interactions.create import create_new, validated_new_resource
from shared.rules import channels, classification, correspondents
from shared.sessions.changes import ChangeResult, commit_change

if TYPE_CHECKING:  # see accounts.py
    from shared.channels.account_models import SmsAccount


def answer(caller: Caller, account: "SmsAccount", message: InboundMessage) -> None:
    """Answer HELP by a message of the account, unless the contact wants none.

    The thread is made first: an account's message is its own by its thread.
    """
    header = commit_change(caller, "create", partial(_thread, message)).record
    if header and not channels.opted_out_at(header.resource):
        commit_change(caller, "create", partial(_write_answer, account, message, header.resource))


def _thread(message: InboundMessage, work: AuditedUnitOfWork) -> ChangeResult:
    header = threads.current(work, message.account, message.contact)
    header = header or correspondence.begin(work, message)
    return ChangeResult(work.communication(header["id"]))


def _write_answer(
    account: "SmsAccount", message: InboundMessage, header: Resource, work: AuditedUnitOfWork
) -> ChangeResult:
    if not admission.take(work, message):
        return ChangeResult(None)
    people = [{"reference": name} for name in correspondents.people_of(header)]
    content = {
        "resourceType": "Communication",
        "identifier": [{"system": ANSWER_SYSTEM, "value": f"{account.name}/{message.id}"}],
        "partOf": [references.to("Communication", header["id"])],
        "status": "in-progress",
        "category": [classification.AUTOMATIC],
        "medium": threads.medium(account),
        "sender": channels.contact_reference(account.number),
        "recipient": people or [channels.contact_reference(message.contact)],
        "sent": work.instant,
        "payload": [{"contentString": account.help_text}],
    }
    return create_new(work, validated_new_resource(content, "Communication"))
