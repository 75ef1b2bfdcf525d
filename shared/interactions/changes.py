"""The way of every change: one transaction, and again where somebody was first."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import count

from shared import instants
from shared.access import Actor
from shared.errors import BusinessRule
from shared.interactions import closing
from shared.store.records import Versioned
from shared.store.transactions import LARGEST, Stale, TooManyItems, settle
from shared.store.work import ClosingUnderWay, Work


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a change led to: the record as it is now, and whether it was not there before.

    `readable` says whether the caller's scopes let them read it: who may only write it is answered
    without it.
    """

    record: Versioned | None
    created: bool = False
    readable: bool = True


type Change = Callable[[Work], Outcome]


def make(actor: Actor, interaction: str, change: Change) -> Outcome:
    """Make a change in one transaction, or begin with one where it closes a large session.

    Raises Transient, BusinessRule where it does not fit, and what the change raises.
    """
    works = _works(actor)
    return settle(lambda: _attempt(works, interaction, change))


def make_whole[T](actor: Actor, interaction: str, change: Callable[[Work], T]) -> T:
    """Make a change in one transaction or not at all.

    Raises Transient, BusinessRule where it does not fit, and what the change raises.
    """
    works = _works(actor)

    def attempt() -> T:
        work = next(works)
        result = change(work)
        work.commit(interaction)
        return result

    return settle(lambda: _undisturbed(actor, attempt))


def rehearse(actor: Actor, interaction: str, change: Callable[[Work], Outcome]) -> None:
    """Make a change up to its transaction, and write nothing. Raises what the change raises.

    A session that is being closed is not waited for.
    """
    work = Work(actor, instants.now())
    with suppress(ClosingUnderWay):
        change(work)
        work.rehearse(interaction)


def _works(actor: Actor) -> Iterator[Work]:
    """Make a work for each attempt; after the first each reads what it refers to, to name it.

    What the caller's rights come from is read again, too: it may have changed since the request
    was read.
    """
    for number in count():
        if number and actor.grounds:
            from shared.interactions import families  # noqa: PLC0415 - seldom, and for relatives

            actor = families.linked(actor)
        work = Work(actor, instants.now())
        work.rely_on(actor.grounds)
        work.trusting = number == 0
        yield work


def _attempt(works: Iterator[Work], interaction: str, change: Change) -> Outcome:
    work = next(works)

    def once() -> Outcome:
        try:
            return _once(work, interaction, change)
        except TooManyItems:
            again = next(works)
            again.in_steps = True
            return _once(again, interaction, change)

    return _undisturbed(work.actor, once)


def _undisturbed[T](actor: Actor, attempt: Callable[[], T]) -> T:
    """Make an attempt; complete a closing that it meets, so that the next one does not."""
    try:
        return attempt()
    except ClosingUnderWay as met:
        closing.complete(actor, met.encounter_id)
        raise Stale from None
    except TooManyItems:
        text = f"The change does not fit a transaction of {LARGEST} items and 4 MB"
        raise BusinessRule(text, diagnostics="Make it in several smaller ones") from None


def for_reader(work: Work, outcome: Outcome) -> Outcome:
    """Return an outcome that says whether the caller may read the record."""
    record = outcome.record
    if record is None or record.deleted or work.actor.scopes is None:
        return outcome
    return replace(outcome, readable=work.sight.may("r", record.resource))


def _once(work: Work, interaction: str, change: Change) -> Outcome:
    outcome = for_reader(work, change(work))
    work.commit(interaction)
    for session_id in work.begun:
        closing.complete(work.actor, session_id)
    record = outcome.record
    if record and record.id in work.begun:
        now = Work(work.actor, instants.now()).resource(record.type, record.id)
        return replace(outcome, record=now)
    return outcome
