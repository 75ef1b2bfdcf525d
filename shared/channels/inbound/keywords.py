"""STOP, START and HELP: what a contact wants of the account itself, and no message of care."""

from datetime import timedelta
from functools import partial
from typing import NamedTuple

from shared.access.caller import Caller
from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.catalog import access_patterns as patterns
from shared.catalog.code_systems import ANSWER_SYSTEM
from shared.channels.accounts import MailAccount, SmsAccount
from shared.channels.inbound import correspondence, rates, threads
from shared.channels.inbound.message import InboundMessage
from shared.fhir import instants, references
from shared.fhir.fhirjson import Resource
from shared.interactions.create import create_new, validated_new_resource
from shared.rules import channels, classification, correspondents, texts
from shared.rules.texts import Keyword
from shared.sessions.changes import ChangeResult, commit_change, commit_in_one_transaction
from shared.store import dynamodb, keys, transactions
from shared.store.quotas import Quota
from shared.store.transactions import Stale

# How long a keyword is known to have been obeyed: a signed request is valid as long as its token.
_REMEMBERED = timedelta(days=3650)
# The items of a contact's keywords: how many there were, and one for each by when it was received.
_TURNS, _MARK = "keywords", "keyword "


def obey(caller: Caller, message: InboundMessage) -> bool:
    """Do what a keyword says, and return whether the message is one.

    Each is obeyed once, and of several the one that was received last decides.
    """
    account = message.account
    if isinstance(account, MailAccount) or message.files:
        return False
    keyword = _keyword(account, message, is_opted_out=True)
    if keyword is None:
        return False
    if keyword is Keyword.HELP:
        _answer(caller, account, message)
        return True
    change = partial(_set_consent, account, message, keyword)
    return commit_in_one_transaction(caller, "update", change)


def _keyword(account: SmsAccount, message: InboundMessage, *, is_opted_out: bool) -> Keyword | None:
    own = {
        Keyword.STOP: account.stop_words,
        Keyword.START: account.start_words,
        Keyword.HELP: account.help_words,
    }
    return texts.keyword(message.text, own, is_opted_out=is_opted_out)


def _set_consent(
    account: SmsAccount, message: InboundMessage, keyword: Keyword, work: AuditedUnitOfWork
) -> bool:
    memory = _Memory.read(work.tenant, account, message)
    if memory.has_obeyed:
        return True
    header = threads.current(work, account, message.contact)
    opted_out = channels.opted_out_at(header or {})
    if _keyword(account, message, is_opted_out=bool(opted_out)) is None:
        return False
    wanted = opted_out
    if memory.is_last:
        wanted = "" if keyword is Keyword.START else opted_out or instants.to_text(message.received)
    if wanted == opted_out:
        transactions.send([quota.operation(1) for quota in memory.quotas])
        return True
    if not all(map(work.use_quota, memory.quotas)):
        raise Stale
    _write_consent(work, message, header, wanted)
    return True


class _Memory(NamedTuple):
    """What is known of a contact's keywords, before one of them is obeyed.

    `is_last` says that none was received later. Of `quotas`, one can be used by the next keyword of
    the contact only, so that they take turns, and one by this keyword only.
    """

    has_obeyed: bool
    is_last: bool
    quotas: tuple[Quota, ...]

    @classmethod
    def read(cls, tenant: str, account: SmsAccount, message: InboundMessage) -> "_Memory":
        """Read what is known, the turn first."""
        person = f"{account.name}/{message.contact}"
        address = partial(keys.quota, tenant, "Communication", person)
        end = message.received + _REMEMBERED
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
    work: AuditedUnitOfWork, message: InboundMessage, header: Resource | None, at: str
) -> None:
    elements = channels.with_opt_out(header or {}, threads.opt_out_url(), at)
    if header is None:
        correspondence.begin(work, message, **elements)
    else:
        threads.save(work, header, elements)


def _answer(caller: Caller, account: SmsAccount, message: InboundMessage) -> None:
    """Answer HELP by a message of the account, unless the contact wants none.

    The thread is made first: an account's message is its own by its thread.
    """
    header = commit_change(caller, "create", partial(_thread, message)).record
    if header and not channels.opted_out_at(header.resource):
        commit_change(caller, "create", partial(_write_answer, account, message, header.resource))


def _thread(message: InboundMessage, work: AuditedUnitOfWork) -> ChangeResult:
    header = threads.current(work, message.account, message.contact)
    header = header or correspondence.begin(work, message)
    return ChangeResult(work.communication(header["id"]))


def _write_answer(
    account: SmsAccount, message: InboundMessage, header: Resource, work: AuditedUnitOfWork
) -> ChangeResult:
    identifier = {"system": ANSWER_SYSTEM, "value": f"{account.name}/{message.id}"}
    if stored := threads.matching(work, identifier):
        return ChangeResult(work.resource(*stored))
    rates.spend(work, message)
    people = [{"reference": name} for name in correspondents.people_of(header)]
    content = {
        "resourceType": "Communication",
        "identifier": [identifier],
        "partOf": [references.to("Communication", header["id"])],
        "status": "in-progress",
        "category": [classification.AUTOMATIC],
        "medium": threads.medium(account),
        "sender": channels.contact_reference(account.number),
        "recipient": people or [channels.contact_reference(message.contact)],
        "sent": work.instant,
        "payload": [{"contentString": account.help_text}],
    }
    return create_new(work, validated_new_resource(content, "Communication"))
