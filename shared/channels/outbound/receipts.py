"""Receipts: what providers say became of messages, noted in these."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared import metrics
from shared.catalog.channels import NOT_DELIVERED
from shared.channels import accounts
from shared.channels.outbound import writing
from shared.channels.outbound.orders import Order
from shared.channels.outbound.writing import Consequence
from shared.errors import Transient
from shared.fhir import instants, references
from shared.fhir.fhirjson import Resource
from shared.rules import deliveries
from shared.rules.deliveries import Failure
from shared.store import channel_items

# For how long a receipt waits for its message: attempts that were left are settled by then, also
# where the provider does not answer for a day.
_YOUNG = timedelta(hours=25)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A provider's statement about a message, which has the provider's `id`.

    `at` is when that was so, `received` when it was heard. The message was delivered, or there is a
    `failure`, or it was only taken to be sent. `message` is its own id, if the provider repeats it.
    """

    account: str
    id: str
    at: datetime
    received: datetime
    message: str = ""
    is_delivered: bool = False
    failure: Failure | None = None
    is_opt_out: bool = False


def apply(receipt: Receipt) -> None:
    """Note in a message what a receipt says of it. Repeated or reordered ones end the same.

    Raises Transient if the message is not known yet, or the database is busy.
    """
    account = accounts.all_accounts().get(receipt.account)
    if account is None:
        return
    own_id = receipt.message if references.ID.fullmatch(receipt.message) else ""
    message_id = own_id or channel_items.message_of(account.tenant, account.name, receipt.id)
    if not message_id:
        if instants.now() - receipt.received < _YOUNG:
            raise Transient("The message of this receipt is not known yet")
        return
    is_mail = account.provider == "ses"

    def change(message: Resource) -> Resource:
        known = deliveries.with_provider_id(message, account.name, receipt.id)
        if receipt.failure:
            return deliveries.failed(known, receipt.failure, is_mail=is_mail)
        if receipt.is_delivered:
            return deliveries.delivered(known, instants.to_text(receipt.at), is_mail=is_mail)
        return known

    consequence = Consequence(NOT_DELIVERED if receipt.failure else None, receipt.is_opt_out)
    order = Order(account.tenant, message_id, account.name)
    if writing.change(order, change, consequence):
        _count(receipt)


def _count(receipt: Receipt) -> None:
    if receipt.failure:
        metrics.record(metrics.MESSAGES_FAILED)
    elif receipt.is_delivered:
        metrics.record(metrics.MESSAGES_DELIVERED)
