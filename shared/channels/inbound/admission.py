"""Admission of incoming messages: each one once, as its contact's rate allows.

What was taken is remembered by the provider's id, whatever becomes of its resource.
"""

from datetime import timedelta

from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.channels.inbound import rates
from shared.channels.inbound.message import InboundMessage
from shared.store import keys
from shared.store.quotas import Quota

# How long a message is known to have been taken: a signed request is valid as long as its token.
REMEMBERED = timedelta(days=3650)


def was_taken(message: InboundMessage) -> bool:
    """Return whether a message has been written already. Raises Busy."""
    return bool(_taken(message).used())


def take(work: AuditedUnitOfWork, message: InboundMessage) -> bool:
    """Count a message as taken by this work, and return False if it was taken before.

    Raises Throttled if its contact has written too much in this hour.
    """
    if not work.use_quota(_taken(message)):
        return False
    rates.spend(work, message)
    return True


def _taken(message: InboundMessage) -> Quota:
    """Return a quota that only one delivery of a message can use."""
    account = message.account
    name = f"{account.name}/{message.id}"
    address = keys.quota(account.tenant, "Communication", name, "taken")
    return Quota(address, 1, message.received + REMEMBERED)
