"""The text and the files of a message as its payload: each file is a Binary, stored once."""

from hashlib import sha256

from shared.access.caller import Caller
from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.catalog.types import BINARY
from shared.channels.inbound import admission, media
from shared.channels.inbound.media import NotFetched
from shared.channels.inbound.message import File, InboundMessage
from shared.fhir.fhirjson import Resource
from shared.fhir.references import Literal
from shared.interactions.binary_writes import NewFile, SentBinary, commit, write_binary
from shared.interactions.create import validated_new_resource
from shared.rules import files as file_rules
from shared.rules import texts
from shared.sessions.changes import ChangeResult
from shared.store import binary_objects, reading


def payload(caller: Caller, message: InboundMessage, *, gives_up: bool) -> list[Resource]:
    """Return the payload of a message, whose files are stored first.

    With `gives_up`, those that cannot be fetched are named in the text. Raises media.NotFetched.
    """
    attachments, missing = [], []
    if message.files and not admission.was_taken(message):
        for number, file in enumerate(message.files):
            try:
                attachments.append(_attachment(caller, message, number, file))
            except NotFetched as problem:
                if not (gives_up or problem.is_final):
                    raise
                missing.append(f"[A file could not be fetched: {file.name or file.content_type}]")
    text = "\n".join(filter(None, (texts.storable(message.text).strip(), *missing)))
    said = [{"contentString": text}] if text else []
    return said + [{"contentAttachment": attachment} for attachment in attachments]


def _attachment(caller: Caller, message: InboundMessage, number: int, file: File) -> Resource:
    name = f"{caller.tenant}/{message.account.name}/{message.id}/{number}"
    target = Literal(BINARY, sha256(name.encode()).hexdigest()[:32])
    if reading.current(caller.tenant, *target) is None:
        _store(caller, target, file, file.content or media.fetch(message.account, file.url))
    title = file_rules.printable_name(file.name)
    attachment = {"contentType": file.content_type, "url": str(target)}
    return attachment | ({"title": title} if title else {})


def _store(caller: Caller, target: Literal, file: File, content: bytes) -> None:
    resource = {"resourceType": BINARY, "contentType": file.content_type}
    title = file_rules.printable_name(file.name)
    sent = SentBinary(validated_new_resource(resource, BINARY), content, title)
    new = NewFile(lambda: binary_objects.put(caller.tenant, target.id, content))

    def change(work: AuditedUnitOfWork) -> ChangeResult:
        if existing := work.resource(*target):
            return ChangeResult(existing)
        work.visibility.remember_own_binary(target.id)
        return write_binary(work, target, None, sent, new)

    commit(caller, "create", new, change)
