"""Making a change in one transaction, and again from the start if another writer was first."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import count

from shared.access.caller import Caller
from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.errors import BusinessRule
from shared.fhir import instants
from shared.sessions import closing
from shared.store.records import CommunicationRecord, VersionedRecord
from shared.store.repository import ClosingUnderWay
from shared.store.transactions import MOST_ITEMS, Stale, TooManyItems, with_retries


@dataclass(frozen=True, slots=True)
class ChangeResult:
    """The result of a change: the record as it is now, and whether the change created it.

    `readable` is whether the caller's scopes let them read the record. A caller who may only write
    it gets a response without it.
    """

    record: VersionedRecord | None
    created: bool = False
    readable: bool = True


type Change = Callable[[AuditedUnitOfWork], ChangeResult]


def commit_change(caller: Caller, interaction: str, change: Change) -> ChangeResult:
    """Make a change in one transaction; closing a large session goes on in further ones.

    Raises Transient, BusinessRule if it does not fit, and what the change raises.
    """
    works = _works(caller)
    return with_retries(lambda: _attempt(works, interaction, change))


def commit_in_one_transaction[T](
    caller: Caller, interaction: str, change: Callable[[AuditedUnitOfWork], T]
) -> T:
    """Make a change in one transaction or not at all.

    Raises Transient, BusinessRule if it does not fit, and what the change raises.
    """
    works = _works(caller)

    def attempt() -> T:
        work = next(works)
        result = change(work)
        work.commit(interaction)
        return result

    return with_retries(lambda: _completing_closings(caller, attempt))


def dry_run(
    caller: Caller, interaction: str, change: Callable[[AuditedUnitOfWork], ChangeResult]
) -> None:
    """Make a change up to its transaction, but write nothing. Raises what the change raises.

    A change that meets a session being closed ends there without an error.
    """
    work = AuditedUnitOfWork(caller, instants.now())
    with suppress(ClosingUnderWay):
        change(work)
        work.dry_run(interaction)


def _works(caller: Caller) -> Iterator[AuditedUnitOfWork]:
    """Yield a unit of work for each attempt.

    The first trusts that what it refers to exists. Later ones read it, so that a refusal names it.
    They also read again what the caller's rights come from, which may have changed since.
    """
    for number in count():
        if number and caller.access_basis:
            from shared.references import families  # noqa: PLC0415 - seldom, and for relatives

            caller = families.with_patients(caller)
        work = AuditedUnitOfWork(caller, instants.now())
        work.require_access_basis(caller.access_basis)
        work.defers_existence_checks = number == 0
        yield work


def _attempt(works: Iterator[AuditedUnitOfWork], interaction: str, change: Change) -> ChangeResult:
    work = next(works)

    def commit_whole_or_in_steps() -> ChangeResult:
        try:
            return _commit(work, interaction, change)
        except TooManyItems:
            stepwise = next(works)
            stepwise.may_span_transactions = True
            return _commit(stepwise, interaction, change)

    return _completing_closings(work.caller, commit_whole_or_in_steps)


def _completing_closings[T](caller: Caller, attempt: Callable[[], T]) -> T:
    """Make an attempt. If it meets a closing under way, complete that and raise Stale."""
    try:
        return attempt()
    except ClosingUnderWay as error:
        closing.complete(caller, error.encounter_id)
        raise Stale from None
    except TooManyItems:
        text = f"The change does not fit in a transaction of {MOST_ITEMS} items and 4 MB"
        raise BusinessRule(text, diagnostics="Split it into several smaller changes") from None


def make_in_advance(
    work: AuditedUnitOfWork,
    header: CommunicationRecord,
    change: Callable[[AuditedUnitOfWork], object],
) -> None:
    """Make a change that a message leads to in an earlier transaction, if the work goes in steps.

    Raises Stale if that has changed anything. The message then starts over and finds it made: a
    session that is open, a patient who is there.
    """
    if not work.may_span_transactions:
        return
    before = work.preceding_work()
    if before.communication(header.id) != header:
        # The same change writes the header: one of them is nothing without the other.
        raise TooManyItems
    change(before)
    if before.commit("open"):
        raise Stale


def with_readability(work: AuditedUnitOfWork, outcome: ChangeResult) -> ChangeResult:
    """Return an outcome with `readable` set by the caller's scopes."""
    record = outcome.record
    if record is None or record.deleted or work.caller.scopes is None:
        return outcome
    return replace(outcome, readable=work.visibility.scopes_allow("r", record.resource))


def _commit(work: AuditedUnitOfWork, interaction: str, change: Change) -> ChangeResult:
    """Make and commit a change, and complete the closings that it begins."""
    outcome = with_readability(work, change(work))
    work.commit(interaction)
    for session_id in work.begun_closings:
        closing.complete(work.caller, session_id)
    record = outcome.record
    if record and record.id in work.begun_closings:
        current = AuditedUnitOfWork(work.caller, instants.now()).resource(record.type, record.id)
        return replace(outcome, record=current)
    return outcome
