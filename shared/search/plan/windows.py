"""Which stretches of an order of keys a search must read, as instants and as sort keys."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import tzinfo
from itertools import pairwise

from shared.fhir import instants, ulids
from shared.fhir.instants import FOREVER, MILLISECOND
from shared.search.query.criterion import Criterion
from shared.search.query.operands import DateOperand
from shared.store.index import long_encounters, order
from shared.store.index.order import AFTER_ALL, UNDATED, UPDATED, Order

type Span = tuple[int, int]
type KeyRange = tuple[str, str]

MOST_SPANS = 20
_ALL: tuple[Span, ...] = ((-FOREVER, FOREVER),)


@dataclass(frozen=True, slots=True)
class Window:
    """Nanoseconds between which keys begin, both included, and whether what has no date counts."""

    spans: tuple[Span, ...] = _ALL
    undated: bool = True

    @property
    def dated(self) -> "Window":
        """The part that has dates."""
        return Window(self.spans, undated=False)

    @property
    def rest(self) -> "Window":
        """The part that has none."""
        return Window((), self.undated)


EVERYTHING, NOTHING = Window(), Window((), undated=False)


def of(criteria: Iterable[Criterion], by: Order) -> tuple[Window, Window]:
    """Narrow an order of keys by the criteria on its parameter; never so far as to lose a match.

    The second is what of it only the second rows of what lasts long are read for.
    """
    asked = [one for one in criteria if one.param.code == by.param and one.modifier == ""]
    whole = _of(asked, by)
    if not by.has_long or not asked:
        return whole, NOTHING
    near = Window(_of(asked, replace(by, longest=long_encounters.reach())).spans, undated=False)
    return near, Window(_without(whole.spans, near.spans), whole.undated)


def _without(some: tuple[Span, ...], others: tuple[Span, ...]) -> tuple[Span, ...]:
    left = some
    for low, high in others:
        beside: tuple[Span, ...] = ((-FOREVER, low - 1), (high + 1, FOREVER))
        left = _both(left, tuple(one for one in beside if one[0] <= one[1]))
    return left


def _of(criteria: Iterable[Criterion], by: Order) -> Window:
    window = Window(undated=by != UPDATED)
    for criterion in criteria:
        asked = [one for one in criterion.operands if isinstance(one, DateOperand)]
        spans = [span for one in asked for span in _spans(one, by, criterion.zone)]
        undated = any(_finds_undated(one, by) for one in asked)
        window = Window(_both(window.spans, _union(spans)), window.undated and undated)
    return window


def _finds_undated(operand: DateOperand, by: Order) -> bool:
    """Return whether a Period with only an end can match; what has no date at all never does.

    Rows from before it had a place among the dates are still among those without one.
    """
    return by.longest == FOREVER and operand.prefix not in ("eq", "sa")


def _spans(operand: DateOperand, by: Order, zone: tzinfo) -> list[Span]:
    """Return where the beginning of a match may lie."""
    prefix, (low, high) = operand
    if prefix == "ne":
        return [*_ALL]
    if prefix in ("eq", "sa"):
        return [(low, high) if prefix == "eq" else (high, FOREVER)]
    if prefix in ("lt", "eb", "le"):
        return [(-FOREVER, high if prefix == "le" else low)]
    # What ends later may have begun before, by as long as a value may last.
    bound = high if prefix == "gt" else low
    if by.has_long:
        # What is open has no end yet: it is found by any time to come.
        bound = min(bound, instants.nanoseconds(instants.now()))
    begun, last = bound - by.longest, high if prefix == "ap" else FOREVER
    return [*_vague(bound, by, zone), (begun, last)]


def _vague(instant: int, by: Order, zone: tzinfo) -> list[Span]:
    """Give where a value of only a year or month begins that an instant lies in."""
    if not by.vague or abs(instant) == FOREVER:
        return []
    moment = instants.from_nanoseconds(order.clamped(instant))
    local = instants.wall_clock(moment, zone)
    starts = [instants.parse(local.strftime(form), zone).low for form in ("%4Y", "%4Y-%m")]
    return [(start, start) for start in starts]


def _union(spans: list[Span]) -> tuple[Span, ...]:
    joined: list[Span] = []
    for low, high in sorted(spans):
        if joined and low <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(high, joined[-1][1]))
        else:
            joined.append((low, high))
    return _fewer(joined)


def _fewer(spans: list[Span]) -> tuple[Span, ...]:
    """Join those nearest to each other where there are too many: each is a Query of its own."""
    gaps = sorted(pairwise(spans), key=lambda one: one[0][1] - one[1][0])
    kept = {after for _, after in gaps[: MOST_SPANS - 1]}
    joined = spans[:1]
    for span in spans[1:]:
        if span in kept:
            joined.append(span)
        else:
            joined[-1] = (joined[-1][0], span[1])
    return tuple(joined)


def _both(some: tuple[Span, ...], others: tuple[Span, ...]) -> tuple[Span, ...]:
    common = ((max(a[0], b[0]), min(a[1], b[1])) for a in some for b in others)
    return tuple(span for span in common if span[0] <= span[1])


def row_ranges(prefix: str, window: Window) -> list[KeyRange]:
    """Give the ranges of sort keys in a kind of rows, in their order."""
    return _ranges(prefix, window, order.text, UNDATED, UNDATED + AFTER_ALL)


def message_ranges(prefix: str, window: Window) -> list[KeyRange]:
    """Give the ranges of sort keys in a thread, in their order."""
    return _ranges(prefix, window, _ulid, ulids.prefix(ulids.UNDATED), AFTER_ALL)


def _ulid(nanoseconds: int) -> str:
    return ulids.prefix(min(max(nanoseconds // MILLISECOND, 0), ulids.UNDATED - 1))


def _ranges(
    prefix: str, window: Window, text: Callable[[int], str], undated: str, end: str
) -> list[KeyRange]:
    ranges = [(prefix + text(low), prefix + text(high) + AFTER_ALL) for low, high in window.spans]
    if not window.undated:
        return ranges
    if window.spans and window.spans[-1][1] >= FOREVER:
        return [*ranges[:-1], (ranges[-1][0], prefix + end)]
    return [*ranges, (prefix + undated, prefix + end)]
