"""The items beside messages that are sent by a provider: attempts, and what they led to.

Each outlives every repetition of what is queued, which SQS keeps for 14 days at most.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from shared.catalog import access_patterns as patterns
from shared.catalog.access_patterns import encode_segment
from shared.store import dynamodb, items, keys, transactions
from shared.store.keys import Address
from shared.store.operations import ABSENT, Operation, delete, put

_KEPT = timedelta(days=60)
# What became of an attempt. Until it is known, the outcome is empty.
SENT, NOT_SENT, REFUSED, UNKNOWN = "sent", "not-sent", "refused", "unknown"
_TEXTS = (
    *("begun", "first_begun", "contact", "digest", "outcome", "id"),
    *("reason", "text", "system", "code"),
)
_NUMBERS = ("number", "files")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """An attempt to send a message, which begins before the provider is called.

    `begun` is when, `number` how many there have been, and `first_begun` when the first of them
    began. `contact`, `digest` (of the text) and the number of `files` tell what was sent. An
    attempt that was SENT has the provider's `id` of the message. One that was REFUSED has why: a
    `reason` of R4, a `text`, the provider's own `system` and `code`, and whether it `is_opt_out`.
    """

    begun: str
    first_begun: str
    number: int = 1
    contact: str = ""
    digest: str = ""
    files: int = 0
    outcome: str = ""
    id: str = ""
    reason: str = ""
    text: str = ""
    system: str = ""
    code: str = ""
    is_opt_out: bool = False


def digest(text: str) -> str:
    """Return a text's digest, by which it is recognized without being kept.

    White space does not matter, because providers change it.
    """
    return sha256(" ".join(text.split()).encode()).hexdigest()


def read_attempt(tenant: str, message_id: str) -> Attempt | None:
    """Return the last attempt to send a message, None if there was none. Raises Busy."""
    item = dynamodb.get(attempt_address(tenant, message_id))
    if item is None:
        return None
    fields: dict[str, Any] = {name: items.text(item, name) for name in _TEXTS}
    fields |= {name: items.number(item, name) for name in _NUMBERS}
    return Attempt(**fields, is_opt_out="is_opt_out" in item)


def begin(
    tenant: str,
    message_id: str,
    was: Attempt | None,
    attempt: Attempt,
    *,
    first_of: str,
    now: datetime,
) -> None:
    """Store that an attempt begins. Raises Stale if another one has begun meanwhile.

    With `first_of`, the message becomes the first one of that thread. Raises Transient.
    """
    operations = [_attempt_operation(tenant, message_id, was, attempt, now)]
    if first_of:
        address = first_address(tenant, first_of)
        operations.append(put(address, {"message": {"S": message_id}}, ABSENT))
    transactions.send(operations)


def end(
    tenant: str, message_id: str, attempt: Attempt, *, account: str, first_of: str, now: datetime
) -> None:
    """Store what became of an attempt. Raises Stale if it was not the last one any more.

    A provider's id then belongs to the message; Stale is raised, too, if it is another message's.
    With `first_of`, the message is not the first one of that thread any more. Raises Transient.
    """
    begun = replace(attempt, outcome="")
    operations = [
        _attempt_operation(tenant, message_id, begun, attempt, now),
        *_carried(tenant, message_id, attempt, account, now),
    ]
    if first_of:
        operations.append(delete(first_address(tenant, first_of)))
    transactions.send(operations)


def _carried(
    tenant: str, message_id: str, attempt: Attempt, account: str, now: datetime
) -> Iterator[Operation]:
    if attempt.outcome == SENT:
        item = {"message": {"S": message_id}, "expires": items.expiry(now + _KEPT)}
        own = f"{ABSENT} OR #message = :own"
        address = carried_address(tenant, account, attempt.id)
        yield put(address, item, own, own={"S": message_id})


def _attempt_operation(
    tenant: str, message_id: str, was: Attempt | None, attempt: Attempt, now: datetime
) -> Operation:
    """Return the operation that stores an attempt if the last one is still as it was."""
    item = (
        items.text_attributes(attempt, *_TEXTS)
        | items.number_attributes(attempt, *_NUMBERS)
        | items.flag_attributes(attempt, "is_opt_out")
        | {"expires": items.expiry(now + _KEPT)}
    )
    address = attempt_address(tenant, message_id)
    if was is None:
        return put(address, item, ABSENT)
    state = "#outcome = :outcome" if was.outcome else "attribute_not_exists(#outcome)"
    values = items.text_attributes(was, "begun", "outcome") | items.number_attributes(was, "number")
    return put(address, item, f"#begun = :begun AND #number = :number AND {state}", **values)


def message_of(tenant: str, account: str, provider_id: str) -> str:
    """Return the id of the message that a provider's id belongs to, empty if none. Raises Busy."""
    item = dynamodb.get(carried_address(tenant, account, provider_id))
    return items.text(item, "message") if item else ""


def first_message(tenant: str, thread: str) -> str:
    """Return the id of the first message that was sent in a thread, empty if none. Raises Busy."""
    item = dynamodb.get(first_address(tenant, thread))
    return items.text(item, "message") if item else ""


def attempt_address(tenant: str, message_id: str) -> Address:
    """Return the address of the last attempt to send a message."""
    return keys.address(patterns.ATTEMPT, tenant, id=message_id)


def carried_address(tenant: str, account: str, provider_id: str) -> Address:
    """Return the address of the item that names the message of a provider's id."""
    value = encode_segment(provider_id)
    return keys.address(patterns.CARRIED, tenant, account=encode_segment(account), value=value)


def first_address(tenant: str, thread: str) -> Address:
    """Return the address of the item that names the first message that was sent in a thread."""
    return keys.address(patterns.FIRST_SENT, tenant, id=thread)
