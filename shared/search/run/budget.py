"""How many rows a request may read, and how many each Query of a step reads."""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import ceil

from shared.catalog.parameters import SPREAD
from shared.search.query.controls import EXTRA_ROWS, MOST_ROWS
from shared.search.run.paging import Position

# How many rows more than its share each of several streams reads at first.
_MARGIN = 3
# How many typical rows a read unit of 4 KB holds: to read fewer from a partition costs as much.
ROWS_PER_READ_UNIT = defaultdict(lambda: 9, {"Encounter": 12, "AuditEvent": 5})
# The next Query of a stream reads at most so many times as many rows as were looked at so far.
_GROWTH = 4


class OutOfRows(Exception):
    """The request has read as many rows as it may."""


@dataclass(slots=True)
class Budget:
    """How many rows a request may still read, and how many more while it has found nothing."""

    left: int = MOST_ROWS
    extra: int = EXTRA_ROWS

    def extend(self) -> bool:
        """Allow some of the extra rows, and return whether there were any."""
        extra = min(self.extra, MOST_ROWS)
        self.left, self.extra = self.left + extra, self.extra - extra
        return extra > 0

    def spend(self, rows: int) -> None:
        """Count rows that are read. Raises OutOfRows if none were left."""
        if not self.left:
            raise OutOfRows
        self.left = max(self.left - rows, 0)

    @contextmanager
    def reserved(self, rows: int) -> Iterator[None]:
        """Keep rows for later while the context lasts, at most half of what is left."""
        kept = max(min(rows, self.left // 2), 0)
        self.left -= kept
        yield
        self.left += kept


@dataclass(slots=True)
class Progress:
    """How many rows are wanted, may still be read, have been looked at, and were matches.

    `rows_per_unit` is how many rows one read unit holds. `place` is where the reading has come to,
    and `is_exhausted` says that it ended there because no more rows may be read.
    """

    wanted: int
    rows_per_unit: int = 1
    budget: Budget = field(default_factory=Budget)
    examined: int = 0
    matched: int = 0
    place: Position | None = None
    is_exhausted: bool = False
    _open_streams: int = field(default=1, init=False)
    _reread: int = field(default=0, init=False)

    def begin_step(self, streams: int, *, resumed: bool) -> None:
        """Begin a step; a resumed one reads again the row at which it stopped."""
        self._open_streams, self._reread = max(streams, 1), int(resumed)

    def end_stream(self) -> None:
        """Note that a stream of the step is exhausted."""
        self._open_streams = max(self._open_streams - 1, 1)

    def first_limit(self) -> int:
        """Return how many rows each stream reads at first: its share of the page and some more."""
        margin = _MARGIN if self._open_streams > 1 else 0
        missing = self.wanted - self.matched - (1 if margin else -self._reread)
        # One of several listings or values may have the whole page, spread over its partitions.
        share = ceil(missing / min(self._open_streams, SPREAD)) + margin
        if margin and missing > 1:
            # A whole read unit costs no more, but all streams together read at most two pages.
            share = max(share, min(self.rows_per_unit, missing, 2 * missing // self._open_streams))
        return max(1, min(share, self.budget.left // self._open_streams))

    def next_limit(self) -> int:
        """Return how many rows to read next, by how many are missing and how rarely rows match."""
        missing = max(self.wanted - self.matched, 1)
        rarity = max(self.examined, 1) / max(self.matched, 1)
        likely = min(ceil(missing * rarity), max(_GROWTH * self.examined, missing))
        share = ceil(likely / self._open_streams) + (self._open_streams > 1)
        return max(1, min(share, self.budget.left))
