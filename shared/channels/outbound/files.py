"""The files of a message that is sent: those of its Binaries that the account's caller sees."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace

from shared.access.caller import Caller
from shared.access.visibility import Visibility
from shared.catalog.types import BINARY
from shared.channels.outbound.message import OutboundFile
from shared.errors import Conflict, Deleted, Forbidden
from shared.fhir import references
from shared.fhir.fhirjson import Resource
from shared.rules import files
from shared.store import binary_objects, reading

_NO_NAME = "File"


def of_message(
    caller: Caller, message: Resource, *, waits: bool
) -> tuple[list[OutboundFile], list[str]]:
    """Return the files of a message, and the names of those that cannot be sent.

    If a file has not been scanned for malware yet, it cannot be sent, or with `waits` Conflict is
    raised. Raises Busy.
    """
    found: list[OutboundFile] = []
    names: list[str] = []
    for attachment in _attachments(message):
        name = files.printable_name(str(attachment.get("title", ""))) or _NO_NAME
        file = _file(caller, attachment, name, waits=waits)
        if file:
            found.append(file)
        else:
            names.append(name)
    return found, names


def with_content(found: Iterable[OutboundFile]) -> Iterator[OutboundFile]:
    """Yield files with their content, without those that are gone. Raises Busy."""
    for file in found:
        with suppress(Deleted):
            yield replace(file, content=binary_objects.get(file.stored))


def _attachments(message: Resource) -> Iterator[Resource]:
    for part in message.get("payload", ()):
        if "contentAttachment" in part:
            yield part["contentAttachment"]


def _file(caller: Caller, attachment: Resource, name: str, *, waits: bool) -> OutboundFile | None:
    """Return the file of an attachment, None if it is not here or the caller does not see it."""
    binary = references.attached_binary(attachment)
    record = reading.current(caller.tenant, BINARY, binary.id) if binary else None
    if record is None or record.file is None or not Visibility(caller, "r").sees_record(record):
        return None
    try:
        binary_objects.require_harmless(record.file)
    except Forbidden:
        return None
    except Conflict:
        if waits:
            raise
        return None
    declared = record.resource["contentType"]
    served = files.served_type(declared, as_declared=record.file.is_as_declared)
    return OutboundFile(name, files.base_type(served), record.file)
