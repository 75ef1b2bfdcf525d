"""What is kept about sessions and threads beside their resources; instants are texts in UTC."""

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Figures:
    """The counting messages of a slot or session: the first and last *at*, and who sent them.

    `dirty` says that one was taken back: first and last must be read anew from the messages.
    """

    first: str = ""
    last: str = ""
    senders: frozenset[str] = frozenset()
    dirty: bool = False

    def merged(self, other: "Figures") -> "Figures":
        """Give the figures of both together."""
        return Figures(
            first=min(filter(None, (self.first, other.first)), default=""),
            last=max(self.last, other.last),
            senders=self.senders | other.senders,
            dirty=self.dirty or other.dirty,
        )


def figures_of(messages: Iterable[tuple[str, str]]) -> Figures:
    """Give the figures of counting messages, each as its *at* and sender."""
    ats, senders = [], set()
    for at, sender in messages:
        ats.append(at)
        senders.add(sender)
    return Figures(min(ats, default=""), max(ats, default=""), frozenset(filter(None, senders)))


class SlotKey(NamedTuple):
    """Which slot: a thread's `state`, or a day of a thread or patient (`day#2026-11-21`)."""

    partition: str
    sort: str = "state"

    def __str__(self) -> str:
        """Write it as one text."""
        return f"{self.partition}#{self.sort}"

    @property
    def day(self) -> str:
        """The local date of a day's slot, nothing for a thread's."""
        return self.sort.partition("#")[2]


def slot_key(text: str) -> SlotKey:
    """Read what was written as one text."""
    partition, _, sort = text.partition("#")
    return SlotKey(partition, sort)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """Names the session that messages join while it is open, and what has arrived for it.

    A thread's slot without a session keeps what has arrived since the last link. A day's goes on
    naming its session after it is closed. `low` and `high` are the sort keys of the lowest and
    highest message of a thread's; `rev` rises with every write, `epoch` whenever another session,
    or none, is joined from then on.
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
    """A thread's range in a session (`t#`): sort keys of the lowest and highest message.

    `high` is empty while the thread is attached; `top` keeps the highest of earlier attachments.
    """

    encounter: str
    thread: str
    low: str
    high: str = ""
    top: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Adoption:
    """The session that adopted the messages of this epoch and of those before it without one.

    `late` where that session was finished already: they do not count for its period.
    """

    thread: str
    epoch: int
    session: str
    late: bool


@dataclass(frozen=True, slots=True)
class Closing:
    """A closing that has begun: its own id, the status it leads to, when, and the figures."""

    id: str
    status: str
    at: str
    figures: Figures


def adopted(epoch: int, adoptions: list[Adoption]) -> Adoption | None:
    """Give the adoption, of those of a thread in order, that took in the messages of an epoch."""
    place = bisect_left(adoptions, epoch, key=lambda adoption: adoption.epoch)
    return adoptions[place] if place < len(adoptions) else None
