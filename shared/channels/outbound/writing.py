"""Writing what became of a message into it, as the account that carries it."""

from collections.abc import Callable
from typing import NamedTuple

from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.catalog.channels import OPT_OUT_PATH, TaskCode
from shared.channels import tasks
from shared.channels.outbound.orders import Order
from shared.channels.principal import named_principal
from shared.fhir import references
from shared.fhir.fhirjson import Resource
from shared.fhir.references import Literal
from shared.interactions.write import write
from shared.rules import channels
from shared.rules.compartments import is_draft
from shared.sessions.changes import ChangeResult, commit_change
from shared.store.records import CommunicationRecord

COMMUNICATION = "Communication"


class Consequence(NamedTuple):
    """The further effects of a change of a message: a Task for staff, and the contact's opt-out."""

    task: TaskCode | None = None
    is_opt_out: bool = False


NO_CONSEQUENCE = Consequence()


def change(
    order: Order,
    change_message: Callable[[Resource], Resource],
    consequence: Consequence = NO_CONSEQUENCE,
) -> bool:
    """Change a message of an account, if it is still there. Return whether anything was changed.

    One that staff have taken back as a draft is theirs alone. The Task is only asked for with a
    change; that the contact opted out holds whatever became of the message. Raises Transient.
    """
    caller = named_principal(order.tenant, order.account)
    changed: list[bool] = []

    def make(work: AuditedUnitOfWork) -> ChangeResult:
        changed.clear()
        message = work.communication(order.message)
        header = _header(work, message, order.account)
        if message is None or header is None:
            return ChangeResult(None)
        result = ChangeResult(None)
        if not (message.deleted or is_draft(message.resource)):
            after = change_message(message.resource)
            changed.extend([True] if after != message.resource else [])
            if changed and consequence.task:
                tasks.ask(work, header.resource, consequence.task)
            result = _write(work, message, after)
        if consequence.is_opt_out and not channels.opted_out_at(header.resource):
            result = _write(work, header, _opted_out(work, header.resource))
        return result

    commit_change(caller, "update", make)
    return bool(changed)


def _header(
    work: AuditedUnitOfWork, message: CommunicationRecord | None, account: str
) -> CommunicationRecord | None:
    """Return the header of a message, None if there is none of the account."""
    header = work.header(message.place.thread) if message else None
    if header is None or header.deleted:
        return None
    thread = channels.conversation(header.resource)
    return header if thread and thread.account == account else None


def _write(work: AuditedUnitOfWork, record: CommunicationRecord, after: Resource) -> ChangeResult:
    return write(work, Literal(COMMUNICATION, record.id), lambda *_: after)


def _opted_out(work: AuditedUnitOfWork, header: Resource) -> Resource:
    url = f"{references.BASE.get()}{OPT_OUT_PATH}"
    return channels.with_opt_out(header, url, work.instant)
