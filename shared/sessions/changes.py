"""Making a change in one transaction, and again from the start if another writer was first."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import count

from shared.access import Actor
from shared.audit.work import Work
from shared.errors import BusinessRule
from shared.fhir import instants
from shared.sessions import closing
from shared.store.records import Versioned
from shared.store.repository import ClosingUnderWay
from shared.store.transactions import MOST_ITEMS, Stale, TooManyItems, with_retries


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a change: the record as it is now, and whether the change created it.

    `readable` is whether the caller's scopes let them read the record. A caller who may only write
    it gets a response without it.
    """

    record: Versioned | None
    created: bool = False
    readable: bool = True


type Change = Callable[[Work], Outcome]


def make(actor: Actor, interaction: str, change: Change) -> Outcome:
    """Make a change in one transaction; closing a large session goes on in further ones.

    Raises Transient, BusinessRule if it does not fit, and what the change raises.
    """
    works = _works(actor)
    return with_retries(lambda: _attempt(works, interaction, change))


def make_whole[T](actor: Actor, interaction: str, change: Callable[[Work], T]) -> T:
    """Make a change in one transaction or not at all.

    Raises Transient, BusinessRule if it does not fit, and what the change raises.
    """
    works = _works(actor)

    def attempt() -> T:
        work = next(works)
        result = change(work)
        work.commit(interaction)
        return result

    return with_retries(lambda: _completing_closings(actor, attempt))


def rehearse(actor: Actor, interaction: str, change: Callable[[Work], Outcome]) -> None:
    """Make a change up to its transaction, but write nothing. Raises what the change raises.

    A change that meets a session being closed ends there without an error.
    """
    work = Work(actor, instants.now())
    with suppress(ClosingUnderWay):
        change(work)
        work.rehearse(interaction)


def _works(actor: Actor) -> Iterator[Work]:
    """Yield a unit of work for each attempt.

    The first trusts that what it refers to exists. Later ones read it, so that a refusal names it.
    They also read again what the caller's rights come from, which may have changed since.
    """
    for number in count():
        if number and actor.grounds:
            from shared.references import families  # noqa: PLC0415 - seldom, and for relatives

            actor = families.linked(actor)
        work = Work(actor, instants.now())
        work.rely_on(actor.grounds)
        work.trusting = number == 0
        yield work


def _attempt(works: Iterator[Work], interaction: str, change: Change) -> Outcome:
    work = next(works)

    def commit_whole_or_in_steps() -> Outcome:
        try:
            return _commit(work, interaction, change)
        except TooManyItems:
            stepwise = next(works)
            stepwise.in_steps = True
            return _commit(stepwise, interaction, change)

    return _completing_closings(work.actor, commit_whole_or_in_steps)


def _completing_closings[T](actor: Actor, attempt: Callable[[], T]) -> T:
    """Make an attempt. If it meets a closing under way, complete that and raise Stale."""
    try:
        return attempt()
    except ClosingUnderWay as error:
        closing.complete(actor, error.encounter_id)
        raise Stale from None
    except TooManyItems:
        text = f"The change does not fit in a transaction of {MOST_ITEMS} items and 4 MB"
        raise BusinessRule(text, diagnostics="Split it into several smaller changes") from None


def for_reader(work: Work, outcome: Outcome) -> Outcome:
    """Return an outcome with `readable` set by the caller's scopes."""
    record = outcome.record
    if record is None or record.deleted or work.actor.scopes is None:
        return outcome
    return replace(outcome, readable=work.sight.may("r", record.resource))


def _commit(work: Work, interaction: str, change: Change) -> Outcome:
    """Make and commit a change, and complete the closings that it begins."""
    outcome = for_reader(work, change(work))
    work.commit(interaction)
    for session_id in work.begun:
        closing.complete(work.actor, session_id)
    record = outcome.record
    if record and record.id in work.begun:
        current = Work(work.actor, instants.now()).resource(record.type, record.id)
        return replace(outcome, record=current)
    return outcome
