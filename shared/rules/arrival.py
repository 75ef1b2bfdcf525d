"""The decision about a message that counts for the first time."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from shared.errors import BusinessRule
from shared.fhir import instants
from shared.rules import times, transitions
from shared.rules.classification import FINISHED, NamedEncounter
from shared.rules.policies import Policy
from shared.rules.state import Slot


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrivingMessage:
    """A message that arrives: its *at*, its sort key, and the Encounter that it names itself."""

    at: str
    key: str
    own_encounter: NamedEncounter | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadHeader:
    """The header of a message's thread.

    `encounter_id` is the Encounter that it names. `links_plain_record` says that this is a plain
    record, named by a client. `day` is the local day of the session that it was last linked to.
    """

    encounter_id: str = ""
    links_plain_record: bool = False
    day: str = ""
    last_updated: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinSession:
    """Join the open session that the slot names.

    `may_precede_start`: the message may be before the session's start. `may_widen_span`: its place
    may be outside of the thread's span in the session. `links_header`: the header is linked to this
    session, which is that of a later day than its present one.
    """

    may_precede_start: bool
    may_widen_span: bool
    links_header: bool


@dataclass(frozen=True, slots=True)
class ReattachSession:
    """Attach the session that the header or day still names and that was reopened; decide again."""

    session_id: str


@dataclass(frozen=True, slots=True)
class JoinOwnSession:
    """Join the open session that the message itself names."""

    session_id: str


@dataclass(frozen=True, slots=True)
class AmendDaySession:
    """Join the finished session of the message's day, which stays finished."""

    session_id: str


@dataclass(frozen=True, slots=True)
class OpenSession:
    """Open a session. `links_header`: the header is linked to it."""

    links_header: bool


@dataclass(frozen=True, slots=True)
class CreateFinishedSession:
    """Create a finished session for a day that is over."""


@dataclass(frozen=True, slots=True)
class WaitForLink:
    """Stay without a session, until a link adopts the message."""


type Decision = (
    JoinSession
    | ReattachSession
    | JoinOwnSession
    | AmendDaySession
    | OpenSession
    | CreateFinishedSession
    | WaitForLink
)


def decide(
    message: ArrivingMessage,
    header: ThreadHeader,
    slot: Slot,
    policy: Policy,
    now: datetime,
    *,
    previous: NamedEncounter | None,
    had_session: Callable[[str], bool],
) -> Decision:
    """Return what happens to a message that counts for the first time.

    `previous` is what the slot of a day, or the header of a thread, names while the slot is closed.
    `had_session` returns whether the thread has, or had, a session. Raises BusinessRule if the
    message names a session that its thread never had while the thread is attached to another.
    """
    own = relevant_own_session(message.own_encounter, policy, message.at)
    if slot.open:
        check_own_session(own, slot.session, had_session)
        return _joined(message, header, slot, policy)
    if header.links_plain_record:
        return WaitForLink()
    if previous and previous.is_open_session and previous.has_room:
        return ReattachSession(previous.id)
    if slot.key.day and previous and previous.status == FINISHED:
        return AmendDaySession(previous.id)
    if own and own.is_open_session and not header.encounter_id:
        return JoinOwnSession(own.id)
    return _opened(header, slot, policy, now)


def relevant_own_session(
    own: NamedEncounter | None, policy: Policy, at: str
) -> NamedEncounter | None:
    """Return the session that a message names by itself, if that decides anything.

    A plain record is no session. Under daily the session of another day than the message's decides
    nothing: a client that remembers yesterday's id still posts into today's.
    """
    if own is None or not own.is_session:
        return None
    is_of_another_day = policy.by_day and own.day not in ("", policy.day_of(instants.from_text(at)))
    return None if is_of_another_day else own


def check_own_session(
    own: NamedEncounter | None, attached: str, had_session: Callable[[str], bool]
) -> None:
    """Raise BusinessRule if a message names a session that its thread never had."""
    if own and own.id != attached and not had_session(own.id):
        raise BusinessRule(
            f"The thread belongs to Encounter/{attached}",
            expression="Communication.encounter",
            diagnostics="Its messages cannot name a session that it never had",
        )


def _opened(header: ThreadHeader, slot: Slot, policy: Policy, now: datetime) -> Decision:
    if not policy.opens_sessions:
        return WaitForLink()
    if slot.key.day and slot.key.day < policy.day_of(now):
        return CreateFinishedSession()
    return OpenSession(links_header=not slot.key.day or header.day < slot.key.day)


def _joined(
    message: ArrivingMessage, header: ThreadHeader, slot: Slot, policy: Policy
) -> JoinSession:
    may_precede_start = not slot.figures.first or message.at < slot.figures.first
    if not slot.key.day:
        return JoinSession(
            may_precede_start=may_precede_start,
            may_widen_span=not slot.low or message.key < slot.low,
            links_header=False,
        )
    low, high = times.day_key_range(slot.key.day, policy.zone)
    is_linked = header.encounter_id == slot.session
    is_within = low <= message.key <= high and transitions.has_message_since(
        slot, header.last_updated
    )
    return JoinSession(
        may_precede_start=may_precede_start,
        may_widen_span=not (is_linked and is_within),
        links_header=not is_linked and header.day < slot.key.day,
    )
