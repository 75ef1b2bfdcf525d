"""STOP, START and HELP: what a contact wants of the account itself, and no message of care."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from shared.access.caller import Caller
from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.catalog import access_patterns as patterns
from shared.channels.inbound import admission, correspondence, help_answers, rates, threads
from shared.channels.inbound.message import InboundMessage
from shared.fhir import instants
from shared.fhir.fhirjson import Resource
from shared.rules import channels, texts
from shared.rules.texts import Keyword
from shared.sessions.changes import commit_in_one_transaction
from shared.settings import settings
from shared.store import dynamodb, keys, transactions
from shared.store.quotas import Quota
from shared.store.transactions import Stale

if TYPE_CHECKING:  # see accounts.py
    from shared.channels.account_models import SmsAccount

# The items of a contact's keywords: how many there were, and one for each by when it was received.
_TURNS, _MARK = "keywords", "keyword "


def obey(caller: Caller, message: InboundMessage) -> bool:
    """Do what a keyword says, and return whether the message is one.

    Each is obeyed once, and of several the one that was received last decides.
    """
    account = message.account
    if account.provider == "ses" or message.files:
        return False
    keyword = _keyword(account, message, is_opted_out=True)
    if keyword is None:
        return False
    if keyword is Keyword.HELP:
        help_answers.answer(caller, account, message)
        return True
    change = partial(_set_consent, account, message, keyword)
    return commit_in_one_transaction(caller, "update", change)


def _keyword(
    account: "SmsAccount", message: InboundMessage, *, is_opted_out: bool
) -> Keyword | None:
    own = {
        Keyword.STOP: account.stop_words,
        Keyword.START: account.start_words,
        Keyword.HELP: account.help_words,
    }
    return texts.keyword(message.text, own, is_opted_out=is_opted_out)


def _set_consent(
    account: "SmsAccount", message: InboundMessage, keyword: Keyword, work: AuditedUnitOfWork
) -> bool:
    memory = _Memory.read(work.tenant, account, message)
    if memory.has_obeyed:
        return True
    headers = threads.all_current(work, account, message.contact)
    opted_out = next(filter(None, map(channels.opted_out_at, headers)), "")
    if _is_answer(account, message, opted_out):
        return False
    wanted = _wanted(keyword, message, opted_out)
    if not (memory.is_last and _write_consent(work, message, headers, wanted)):
        transactions.send([quota.operation(1) for quota in memory.quotas])
        return True
    if not all(map(work.use_quota, memory.quotas)):
        raise Stale
    if keyword is Keyword.START:
        rates.spend(work, message)
    return True


def _is_answer(account: "SmsAccount", message: InboundMessage, opted_out: str) -> bool:
    """Return whether a message such as "Yes" answers a question, as before its contact opted out.

    One that was written into the thread stays an answer when it is delivered again.
    """
    is_after = bool(opted_out) and (
        instants.parse(opted_out, settings().zone).low <= instants.to_nanoseconds(message.received)
    )
    is_opted_out = is_after and not admission.was_taken(message)
    return _keyword(account, message, is_opted_out=is_opted_out) is None


def _wanted(keyword: Keyword, message: InboundMessage, opted_out: str) -> str:
    if keyword is Keyword.START:
        return ""
    return opted_out or instants.to_text(message.received)


class _Memory(NamedTuple):
    """The keywords of a contact that were obeyed, as they are before the next one.

    `is_last` says that none was received later. Of `quotas`, one can be used by the next keyword of
    the contact only, so that they take turns, and one by this keyword only.
    """

    has_obeyed: bool
    is_last: bool
    quotas: tuple[Quota, ...]

    @classmethod
    def read(cls, tenant: str, account: "SmsAccount", message: InboundMessage) -> "_Memory":
        """Read what is known, the turn first."""
        person = f"{account.name}/{message.contact}"
        address = partial(keys.quota, tenant, "Communication", person)
        end = message.received + admission.REMEMBERED
        turn = Quota(address(_TURNS), Quota(address(_TURNS), 0, end).used() + 1, end)
        between = keys.beginning_with(_MARK)
        items = dynamodb.query_all(patterns.SEARCH, turn.address.pk, between)
        earlier = [item["sk"]["S"] for item in items]
        mark = f"{_MARK}{instants.to_text(message.received)} {message.id}"
        return cls(
            has_obeyed=any(one.endswith(f" {message.id}") for one in earlier),
            is_last=mark > max(earlier, default=""),
            quotas=(turn, Quota(address(mark), 1, end)),
        )


def _write_consent(
    work: AuditedUnitOfWork, message: InboundMessage, headers: Sequence[Resource], at: str
) -> bool:
    """Save since when a contact has opted out, and return whether that changes anything."""
    url = threads.opt_out_url()
    if not headers and at:
        correspondence.begin(work, message, **channels.with_opt_out({}, url, at))
        return True
    changed = [header for header in headers if channels.opted_out_at(header) != at]
    for header in changed:
        threads.save(work, header, channels.with_opt_out(header, url, at))
    return bool(changed)
