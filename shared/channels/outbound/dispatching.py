"""Finding the messages that are to be sent, among what transactions wrote."""

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import TYPE_CHECKING

from shared.audit.events import CREATED, DELETED, new_versions
from shared.channels.outbound.orders import Order
from shared.fhir import references
from shared.rules import channels, compartments
from shared.rules.channels import Conversation
from shared.store import keys, reading
from shared.store.records import CommunicationRecord

if TYPE_CHECKING:
    from shared.events.handover import Transaction

type ReadHeader = Callable[[str, str], CommunicationRecord | None]


def orders(transactions: Iterable["Transaction"]) -> Iterator[Order]:
    """Yield what is to be sent of what transactions wrote. Raises Transient.

    A header is read once for all of them: they were made before.
    """
    read_header = cache(reading.communication)
    for transaction in transactions:
        for _, reference, version, action in new_versions(transaction):
            target = references.parse_literal(reference)
            if target and target.type == "Communication" and action != DELETED:
                draft = 0 if action == CREATED else version - 1
                if found := _order(transaction["tenant"], target.id, read_header, draft):
                    yield found


def _order(tenant: str, message_id: str, read_header: ReadHeader, draft: int) -> Order | None:
    """Return the order to send a message, None if it is not to be sent as it is now.

    A message that was there before is sent if the version `draft`, its previous one, was a draft.
    The id of most messages names their header. Unless that is a channel's, nothing else is read.
    """
    home = keys.home_place(message_id)
    if home.is_message and not _thread(read_header(tenant, home.thread)):
        return None
    message = reading.communication(tenant, message_id)
    if message is None or message.deleted or not message.place.is_message:
        return None
    header = read_header(tenant, message.place.thread)
    thread = _thread(header)
    if not (header and thread and channels.is_to_be_sent(header.resource, message.resource)):
        return None
    if draft and not _is_draft(reading.version(tenant, message, draft)):
        return None
    return Order(tenant, message_id, thread.account)


def _thread(header: CommunicationRecord | None) -> Conversation | None:
    return channels.conversation(header.resource) if header else None


def _is_draft(version: CommunicationRecord | None) -> bool:
    return version is not None and not version.deleted and compartments.is_draft(version.resource)
