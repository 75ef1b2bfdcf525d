"""Session policies: their behaviour in one table, and the limits that a deployment sets.

A new policy is a name in `shared.catalog.policies`, a row in BEHAVIOURS, one of the values that
`template.yaml` allows for SessionPolicy, and tests.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo

from shared.catalog.policies import BY_PATIENT, DAILY, EXPLICIT, MAX_HOURS, SLOT_SCOPES, THREAD
from shared.rules import times
from shared.rules.state import SlotKey

DAY_MINUTES = 24 * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """The differences between policies.

    `opens_sessions`: a message that counts opens a session if none is open. The server then sets
    the links of headers: it keeps them against stale writes, and no client links a header to a
    session that is finished. `by_day`: a session is of one local day; the day's slot names it, and
    it closes after that day. `ends_with_threads`: completing a header takes its thread out of its
    session, which closes when no thread is left. `ends_after_max_hours`: a session closes that long
    after its opening. `idle_minutes`: the default of how long after the last message it closes; 0
    is never.
    """

    opens_sessions: bool = False
    by_day: bool = False
    ends_with_threads: bool = False
    ends_after_max_hours: bool = False
    idle_minutes: int = 0


BEHAVIOURS = {
    EXPLICIT: Behaviour(),
    THREAD: Behaviour(
        opens_sessions=True,
        ends_with_threads=True,
        ends_after_max_hours=True,
        idle_minutes=DAY_MINUTES,
    ),
    DAILY: Behaviour(opens_sessions=True, by_day=True),
}


def behaviour(name: str) -> Behaviour:
    """Return the behaviour of a policy by its name; without a known one, that of explicit."""
    return BEHAVIOURS.get(name, BEHAVIOURS[EXPLICIT])


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy as a deployment or header sets it; `idle_minutes` is None if neither says any."""

    name: str = EXPLICIT
    scope: str = SLOT_SCOPES[0]
    zone: tzinfo = UTC
    idle_minutes: int | None = None
    max_hours: int = MAX_HOURS

    @property
    def opens_sessions(self) -> bool:
        """Whether a message opens a session if none is open."""
        return behaviour(self.name).opens_sessions

    @property
    def by_day(self) -> bool:
        """Whether a session is of one local day."""
        return behaviour(self.name).by_day

    @property
    def ends_with_threads(self) -> bool:
        """Whether completing a header takes its thread out of its session."""
        return behaviour(self.name).ends_with_threads

    @property
    def idle_limit(self) -> int:
        """The minutes without a message after which a session closes; 0 is never."""
        return behaviour(self.name).idle_minutes if self.idle_minutes is None else self.idle_minutes

    def day_of(self, at: datetime) -> str:
        """Return the local date of an instant; empty if sessions are not of days."""
        return times.day_of(at, self.zone) if self.by_day else ""

    def slot_key(self, thread: str, patient: str, at: datetime) -> SlotKey:
        """Return the slot of an instant: the thread's, or that of its or its patient's day."""
        if not self.by_day:
            return SlotKey(thread)
        partition = patient if self.scope == BY_PATIENT and patient else thread
        return SlotKey(partition, f"day#{self.day_of(at)}")

    def for_plain_record(self) -> "Policy":
        """Return the policy of an Encounter that is no session, and never closes by itself."""
        return replace(self, name=EXPLICIT, idle_minutes=0)
