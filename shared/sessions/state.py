"""What is kept about sessions and threads beside their resources; instants are texts in UTC."""

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A thread's `state`: the session its messages join, and what has arrived for it.

    Without a session, what has arrived since the last link. `low` and `high` are the sort keys of
    the lowest and highest message; `rev` rises with every write, `epoch` whenever another session,
    or none, is joined from then on.
    """

    thread: str
    session: str = ""
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
