"""A message that may have to be sent, with everything that decides about that."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from shared.channels import accounts
from shared.channels.outbound.orders import Order
from shared.fhir import instants
from shared.rules import channels
from shared.store import channel_items, reading
from shared.store.channel_items import Attempt
from shared.store.records import CommunicationRecord

if TYPE_CHECKING:  # see accounts.py
    from shared.channels.account_models import Account


class Postponed(Exception):
    """A message is to be looked at again, at an instant."""

    def __init__(self, until: datetime) -> None:
        """Say when."""
        super().__init__("later")
        self.until = until


@dataclass(frozen=True, slots=True)
class Unsent:
    """A message without a provider's id, its header, its account if there is one, and the attempt.

    All are as they were read at `now`. `attempt` is the last one, None if there was none.
    """

    order: Order
    message: CommunicationRecord
    header: CommunicationRecord
    account: "Account | None"
    attempt: Attempt | None
    now: datetime

    def postponed(self, pause: timedelta) -> Postponed:
        """Return the error that lets the message be looked at again after a pause."""
        return Postponed(self.now + pause)


def read(order: Order) -> Unsent | None:
    """Return the message of an order, None if it has been sent or is gone. Raises Transient."""
    message = reading.communication(order.tenant, order.message)
    if message is None or message.deleted or channels.is_carried(message.resource):
        return None
    header = reading.communication(order.tenant, message.place.thread)
    if header is None or header.deleted:
        return None
    account = accounts.all_accounts().get(order.account)
    attempt = channel_items.read_attempt(order.tenant, order.message)
    return Unsent(order, message, header, account, attempt, instants.now())
