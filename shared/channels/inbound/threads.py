"""The thread of an account and a contact: found, made, reopened, or followed by a new one."""

from typing import TYPE_CHECKING, Any

from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.catalog.channels import EMAIL, OPT_OUT_PATH, SMS
from shared.errors import PreconditionFailed
from shared.fhir import references
from shared.fhir.fhirjson import Resource
from shared.fhir.patch.patching import without_generated_text
from shared.fhir.references import Literal
from shared.interactions.create import create_new, validated_new_resource
from shared.interactions.write import write
from shared.references.conditional import find_match, find_several
from shared.rules import channels, classification
from shared.search.query.operands import escaped
from shared.store.records import VersionedRecord

if TYPE_CHECKING:  # see accounts.py
    from shared.channels.account_models import Account

COMMUNICATION = "Communication"
_OPEN, _COMPLETED = "in-progress", "completed"


def medium(account: "Account") -> list[Resource]:
    """Return the `medium` of an account's threads and messages."""
    return channels.medium(EMAIL if account.provider == "ses" else SMS)


def matching(
    work: AuditedUnitOfWork, identifier: Resource, *, claimed: bool = True
) -> Literal | None:
    """Return the Communication with an identifier, None if there is none.

    With `claimed` the caller writes it then, and the commit fails if somebody else does so first.
    If there are several, as where staff have begun a thread twice, it is the oldest one.
    """
    try:
        return find_match(work, COMMUNICATION, _query(identifier), claimed=claimed)
    except PreconditionFailed:
        return min(find_several(work, COMMUNICATION, _query(identifier)))


def _query(identifier: Resource) -> list[tuple[str, str]]:
    return [("identifier", f"{escaped(identifier['system'])}|{escaped(identifier['value'])}")]


def current(work: AuditedUnitOfWork, account: "Account", value: str) -> Resource | None:
    """Return the header of an account's thread by its identifier's value, None if there is none."""
    target = matching(work, channels.identifier(account.name, value))
    record = work.header(target.id) if target else None
    return record.resource if record else None


def all_current(work: AuditedUnitOfWork, account: "Account", value: str) -> list[Resource]:
    """Return the header of an account's thread, and those that staff have begun beside it."""
    header = current(work, account, value)
    if header is None:
        return []
    own = _query(channels.identifier(account.name, value))
    others = (work.header(one.id) for one in find_several(work, COMMUNICATION, own))
    return [header, *(one.resource for one in others if one and one.id != header["id"])]


def begin(work: AuditedUnitOfWork, account: "Account", value: str, **elements: Any) -> Resource:
    """Save the header of a new thread with some elements of its own, and return it."""
    header = {
        "resourceType": COMMUNICATION,
        "identifier": [channels.identifier(account.name, value)],
        "status": _OPEN,
        "medium": medium(account),
        "recipient": [{"reference": account.recipient}],
        **elements,
    }
    return _resource(create_new(work, validated_new_resource(header, COMMUNICATION)).record)


def save(work: AuditedUnitOfWork, before: Resource, after: Resource) -> Resource:
    """Save the next version of a header, and return it."""
    target = Literal(COMMUNICATION, before["id"])
    return _resource(write(work, target, lambda *_: without_generated_text(before, after)).record)


def is_over(header: Resource, account: "Account") -> bool:
    """Return whether a thread is continued in a new one instead of being reopened."""
    if header["status"] in classification.OPEN_HEADER_STATUSES:
        return False
    return header["status"] != _COMPLETED or account.completed_threads == "follow"


def reopened(work: AuditedUnitOfWork, header: Resource) -> Resource:
    """Return the header of a thread that is open, and save it if it was completed."""
    if header["status"] in classification.OPEN_HEADER_STATUSES:
        return header
    return save(work, header, header | {"status": _OPEN})


def succeed(
    work: AuditedUnitOfWork, account: "Account", contact: str, old: Resource, **elements: Any
) -> Resource:
    """Save a new thread in place of another with the same contact, and return its header.

    The old one keeps its identifier with its own id behind it. That the contact opted out stays
    true, whoever they are.
    """
    own, retired = (
        channels.identifier(account.name, channels.thread_value(contact, distinction))
        for distinction in ("", old["id"])
    )
    identifiers = [
        element | retired if own.items() <= element.items() else element
        for element in old["identifier"]
    ]
    save(work, old, old | {"identifier": identifiers})
    elements = channels.with_opt_out(elements, opt_out_url(), channels.opted_out_at(old))
    return begin(work, account, own["value"], **elements)


def opt_out_url() -> str:
    """Return the URL of the extension that says that a contact opted out."""
    return f"{references.BASE.get()}{OPT_OUT_PATH}"


def _resource(record: VersionedRecord | None) -> Resource:
    if record is None:
        raise AssertionError("a Communication that is written has a record")
    return record.resource
