"""The state of sessions and threads that is stored beside their resources.

Instants are strings in UTC.
"""

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Figures:
    """The counting messages of a slot or session: the first and last *at*, and their senders.

    `dirty` is set when a message was taken back: closing must then recompute the figures from the
    messages.
    """

    first: str = ""
    last: str = ""
    senders: frozenset[str] = frozenset()
    dirty: bool = False

    def merged(self, other: "Figures") -> "Figures":
        """Return the figures of both sets of messages together."""
        return Figures(
            first=min(filter(None, (self.first, other.first)), default=""),
            last=max(self.last, other.last),
            senders=self.senders | other.senders,
            dirty=self.dirty or other.dirty,
        )


def figures_of(messages: Iterable[tuple[str, str]]) -> Figures:
    """Return the figures of counting messages, each given as its *at* and its sender."""
    pairs = set(messages)
    ats = {at for at, _ in pairs}
    senders = frozenset(sender for _, sender in pairs if sender)
    return Figures(min(ats, default=""), max(ats, default=""), senders)


class SlotKey(NamedTuple):
    """The key of a slot: a thread's (`state`), or a day's of a thread or patient.

    A day's sort key is `day#2026-11-21`.
    """

    partition: str
    sort: str = "state"

    def __str__(self) -> str:
        """Return the key as one string, which `parse_slot_key` reads."""
        return f"{self.partition}#{self.sort}"

    @property
    def day(self) -> str:
        """The local date of a day's slot, empty for a thread's."""
        return self.sort.partition("#")[2]


def parse_slot_key(text: str) -> SlotKey:
    """Read a slot's key from its string."""
    partition, _, sort = text.partition("#")
    return SlotKey(partition, sort)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """The item that names the session which messages join while it is open.

    It also counts the messages that have arrived. A thread's slot without a session counts those
    that wait for the next link. A day's slot keeps naming its session after that is closed. `low`
    and `high` are the sort keys of the lowest and highest message of a thread's slot. `arrived` is
    the latest instant at which a message arrived or the slot was attached. `rev` rises with every
    write, `epoch` whenever later messages are to join another session, or none.
    """

    key: SlotKey
    session: str = ""
    open: bool = False
    epoch: int = 0
    rev: int = 0
    figures: Figures = field(default_factory=Figures)
    low: str = ""
    high: str = ""
    arrived: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A thread's range in a session (`t#`): the sort keys of its lowest and highest message.

    `high` is empty while the thread is attached. `top` is the highest key of earlier attachments.
    """

    encounter: str
    thread: str
    low: str
    high: str = ""
    top: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Adoption:
    """The session that adopted a thread's messages of this epoch.

    It also adopted those of the epochs before it that have no adoption of their own. `late` is
    set if the session was finished by then: the messages leave its period as it is.
    """

    thread: str
    epoch: int
    session: str
    late: bool


@dataclass(frozen=True, slots=True)
class ClosingMark:
    """A closing that has begun: its own id, the target status, its instant, and the figures."""

    id: str
    status: str
    at: str
    figures: Figures


def adoption_of(epoch: int, adoptions: list[Adoption]) -> Adoption | None:
    """Return the adoption of an epoch's messages, or None if they have not been adopted.

    `adoptions` are all of the thread's, in order of their epochs.
    """
    index = bisect_left(adoptions, epoch, key=lambda adoption: adoption.epoch)
    return adoptions[index] if index < len(adoptions) else None
