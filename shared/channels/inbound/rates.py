"""How much a contact may write to an account in an hour."""

from datetime import timedelta
from math import ceil

from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.channels.inbound.message import InboundMessage
from shared.errors import Throttled
from shared.store import keys
from shared.store.quotas import Quota

_HOUR = timedelta(hours=1)
_NOT_PROVEN = " not proven"


def spend(work: AuditedUnitOfWork, message: InboundMessage) -> None:
    """Count a message to those that its contact may write in an hour. Raises Throttled.

    What others send in a contact's name is counted by itself, so that the contact's own gets in.
    """
    account = message.account
    begun = work.now.replace(minute=0, second=0, microsecond=0)
    person = f"{account.name}/{message.contact}"
    hour = f"{begun:%Y-%m-%dT%H}{'' if message.is_proven else _NOT_PROVEN}"
    address = keys.quota(work.tenant, "Communication", person, hour)
    if not work.use_quota(Quota(address, account.messages_per_hour, begun + _HOUR)):
        wait = ceil((begun + _HOUR - work.now).total_seconds())
        raise Throttled("The contact has written too much in this hour", wait)
