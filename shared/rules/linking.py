"""The effects of links on threads and messages, and which sessions end without threads."""

from collections.abc import Callable
from enum import Enum

from shared.errors import BusinessRule
from shared.fhir import references
from shared.fhir.fhirjson import Resource
from shared.rules.classification import (
    OPEN_HEADER_STATUSES,
    OPEN_STATUSES,
    PLANNED,
    VOID_STATUSES,
    NamedEncounter,
)
from shared.rules.policies import Policy, behaviour
from shared.rules.state import Slot

# A session with more than 47 could not be closed: a transaction of at most 100 items detaches all
# its threads, at two items each (slot and span), and writes up to five others.
MAX_ATTACHED_SLOTS = 20
# More threads, with several patients, would not fit in the transaction of $open-session.
MAX_OPENED_THREADS = 6
_ELEMENT = "Communication.encounter"


class LinkEffect(Enum):
    """The effect of a link on a thread.

    ATTACH and ATTACH_DAY let the messages of the thread, or of its day, join an open session. ADOPT
    gives a finished session the messages that wait. ADD_THREAD_TO_DAY adds the thread to the
    session that its day has already. UNLINK leaves the thread without a session, STAY leaves it as
    it is.
    """

    ATTACH = "attach"
    ATTACH_DAY = "attach day"
    ADOPT = "adopt"
    ADD_THREAD_TO_DAY = "add thread to day"
    UNLINK = "unlink"
    STAY = "stay"


def decide(
    target: NamedEncounter | None, state: Slot, policy: Policy, day: Slot, *, is_taken: bool
) -> LinkEffect:
    """Return what a link to an Encounter, or to none, does to a thread.

    `state` is the thread's slot. `day` is the slot that a message would meet now: under daily that
    of today, else `state`. `is_taken` says whether `day` has another session that is not void.
    Raises BusinessRule if the thread cannot be linked to `target`.
    """
    if target is None:
        return LinkEffect.UNLINK
    _check_linkable(target)
    if target.id == state.session:
        return LinkEffect.STAY
    if policy.by_day:
        _check_day(target, day, is_taken=is_taken)
    if not target.is_session:
        return LinkEffect.UNLINK
    if policy.by_day and day.session == target.id:
        return LinkEffect.ADD_THREAD_TO_DAY
    if target.status not in OPEN_STATUSES:
        if policy.opens_sessions:
            raise _ended(target)
        return LinkEffect.ADOPT
    if not target.has_room:
        raise BusinessRule(
            f"Encounter/{target.id} has {MAX_ATTACHED_SLOTS} threads already", expression=_ELEMENT
        )
    return LinkEffect.ATTACH_DAY if policy.by_day else LinkEffect.ATTACH


def has_room(attached: frozenset[str], home: str, slot: str) -> bool:
    """Return whether one more slot may be attached to a session; its own day always may."""
    return slot == home or len(attached | {slot}) <= MAX_ATTACHED_SLOTS


def keeps_link(
    policy: Policy,
    stored: str,
    written: str,
    *,
    is_omitted: bool,
    had_session: Callable[[str], bool],
) -> bool:
    """Return whether a header keeps the Encounter that it is linked to against a write.

    If messages open sessions, the server sets the link. It is kept if the write leaves it out, or
    names a session that the thread had before: an old read that is written back after a rollover
    changes nothing. `had_session` returns whether the thread had a session. It is called only in
    that case.
    """
    if not policy.opens_sessions or not stored or stored == written:
        return False
    return is_omitted or (bool(written) and had_session(written))


def with_session_link(message: Resource, session_id: str) -> Resource:
    """Return a message that first counts with a link to its session, unless it names one itself."""
    if not session_id or "encounter" in message:
        return message
    return message | {"encounter": references.to("Encounter", session_id)}


def with_restored_link(previous: Resource, after: Resource) -> Resource:
    """Return a message with its stored link, if the write leaves it out."""
    if "encounter" in after or "encounter" not in previous:
        return after
    return after | {"encounter": previous["encounter"]}


def is_thread_ended(policy: Policy, before: str, after: str) -> bool:
    """Return whether a header that changes from one status to another leaves its session."""
    is_completed = before in OPEN_HEADER_STATUSES and after not in OPEN_HEADER_STATUSES
    return policy.ends_with_threads and is_completed


def ends_without_threads(
    policy: str, status: str, *, by_server: bool, is_completed: bool = False
) -> bool:
    """Return whether a session closes that its last thread has left.

    One that the server opened always does. One that a client opened does only if its policy ends it
    with its threads, this one's header was completed, and it has begun: what is planned is to come.
    """
    ends = is_completed and behaviour(policy).ends_with_threads and status != PLANNED
    return by_server or ends


def check_thread_count(number: int) -> None:
    """Raise BusinessRule if $open-session would link too many threads."""
    if number > MAX_OPENED_THREADS:
        raise BusinessRule(
            f"$open-session links at most {MAX_OPENED_THREADS} threads",
            expression="thread",
            diagnostics="Link the others one by one: PATCH Communication/{id} to add /encounter",
        )


def check_is_free(thread: str, encounter: NamedEncounter) -> None:
    """Raise BusinessRule if $open-session would link a thread that has an open session already."""
    if encounter.is_open_session:
        raise BusinessRule(
            f"Communication/{thread} already has an open session: Encounter/{encounter.id}",
            expression="thread",
        )


def _check_linkable(target: NamedEncounter) -> None:
    if target.parent_session:
        raise BusinessRule(
            "A thread is linked to a session, not to a medical encounter",
            expression=_ELEMENT,
            diagnostics=f"The session is Encounter/{target.parent_session}",
        )
    if target.is_session and target.status in VOID_STATUSES:
        raise _ended(target)


def _check_day(target: NamedEncounter, day: Slot, *, is_taken: bool) -> None:
    if is_taken:
        raise BusinessRule(
            f"{day.key.day} has Encounter/{day.session} already",
            expression=_ELEMENT,
            diagnostics="A day has one session",
        )
    if target.day and target.day != day.key.day:
        raise BusinessRule(
            f"Encounter/{target.id} is that of {target.day}",
            expression=_ELEMENT,
            diagnostics=f"It cannot be that of {day.key.day} too",
        )


def _ended(target: NamedEncounter) -> BusinessRule:
    return BusinessRule(
        f"Encounter/{target.id} is {target.status}",
        expression=_ELEMENT,
        diagnostics="A thread cannot be linked to it",
    )
