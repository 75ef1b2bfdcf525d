"""The ranges of sort keys that can hold matches of date criteria."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import tzinfo
from itertools import pairwise

from shared.fhir import instants, ulids
from shared.fhir.instants import FOREVER, MILLISECOND
from shared.search.query.criterion import Criterion
from shared.search.query.operands import DateOperand
from shared.store.index import long_encounters, order
from shared.store.index.order import UNDATED, UPDATED, Order
from shared.store.keys import AFTER_ALL

type Span = tuple[int, int]
type KeyRange = tuple[str, str]

# Each span is a DynamoDB Query of its own in every partition that is read.
MOST_SPANS = 20
_ALL: tuple[Span, ...] = ((-FOREVER, FOREVER),)


@dataclass(frozen=True, slots=True)
class Window:
    """The instants at which matches may begin, and whether undated resources may match.

    Spans are in nanoseconds since 1970, both ends included.
    """

    spans: tuple[Span, ...] = _ALL
    includes_undated: bool = True

    @property
    def dated_only(self) -> "Window":
        """The window without undated resources."""
        return Window(self.spans, includes_undated=False)

    @property
    def undated_only(self) -> "Window":
        """The window of undated resources alone."""
        return Window((), self.includes_undated)


EVERYTHING, NOTHING = Window(), Window((), includes_undated=False)


def near_and_far(criteria: Iterable[Criterion], by: Order) -> tuple[Window, Window]:
    """Return the windows of an order of keys in which all matches of some criteria are.

    The first is of ordinary rows. The second is the further part in which only Encounters that last
    long can match, of which only the second rows are read.
    """
    on_date = [
        criterion
        for criterion in criteria
        if criterion.param.code == by.param and criterion.modifier == ""
    ]
    whole = _window_of(on_date, by)
    if not by.has_long or not on_date:
        return whole, NOTHING
    near = Window(
        _window_of(on_date, replace(by, longest=long_encounters.longest_without_long_row())).spans,
        includes_undated=False,
    )
    return near, Window(_difference(whole.spans, near.spans), whole.includes_undated)


def _difference(some: tuple[Span, ...], others: tuple[Span, ...]) -> tuple[Span, ...]:
    remaining = some
    for low, high in others:
        beside: tuple[Span, ...] = ((-FOREVER, low - 1), (high + 1, FOREVER))
        remaining = _intersection(remaining, tuple(span for span in beside if span[0] <= span[1]))
    return remaining


def _window_of(criteria: Iterable[Criterion], by: Order) -> Window:
    window = Window(includes_undated=by != UPDATED)
    for criterion in criteria:
        dates = [date for date in criterion.operands if isinstance(date, DateOperand)]
        spans = [span for date in dates for span in _spans(date, by, criterion.zone)]
        undated = any(_finds_undated(date, by) for date in dates)
        window = Window(
            _intersection(window.spans, _merged_nearest(merged(spans))),
            window.includes_undated and undated,
        )
    return window


def _finds_undated(operand: DateOperand, by: Order) -> bool:
    """Return whether rows without a date may match: those of Periods that have only an end.

    Such rows were written before these Periods were placed among the dates. A resource that has no
    date at all never matches.
    """
    return by.longest == FOREVER and operand.prefix not in ("eq", "sa")


def _spans(operand: DateOperand, by: Order, zone: tzinfo) -> list[Span]:
    """Return the spans in which a match may begin."""
    prefix, (low, high) = operand
    if prefix == "ne":
        return [*_ALL]
    if prefix in ("eq", "sa"):
        return [(low, high) if prefix == "eq" else (high, FOREVER)]
    if prefix in ("lt", "eb", "le"):
        return [(-FOREVER, high if prefix == "le" else low)]
    # A value that reaches beyond the bound may have begun earlier, by the longest that one lasts.
    bound = high if prefix == "gt" else low
    if by.has_long:
        # An open Encounter has no end yet, so it also reaches beyond every bound in the future.
        bound = min(bound, instants.to_nanoseconds(instants.now()))
    earliest, latest = bound - by.longest, high if prefix == "ap" else FOREVER
    return [*_starts_of_vague(bound, by, zone), (earliest, latest)]


def _starts_of_vague(instant: int, by: Order, zone: tzinfo) -> list[Span]:
    """Return where a value of only a year or a month begins if it includes an instant."""
    if not by.vague or abs(instant) == FOREVER:
        return []
    moment = instants.from_nanoseconds(order.clamped(instant))
    local = instants.local_time(moment, zone)
    starts = [instants.parse(local.strftime(form), zone).low for form in ("%4Y", "%4Y-%m")]
    return [(start, start) for start in starts]


def merged[Bound: (int, str)](ranges: Iterable[tuple[Bound, Bound]]) -> list[tuple[Bound, Bound]]:
    """Return ranges in order, with those that overlap as one."""
    disjoint: list[tuple[Bound, Bound]] = []
    for low, high in sorted(ranges):
        if disjoint and low <= disjoint[-1][1]:
            disjoint[-1] = (disjoint[-1][0], max(high, disjoint[-1][1]))
        else:
            disjoint.append((low, high))
    return disjoint


def _merged_nearest(spans: list[Span]) -> tuple[Span, ...]:
    """Merge the spans that are nearest to each other until they are at most `MOST_SPANS`."""
    gaps = sorted(pairwise(spans), key=lambda pair: pair[0][1] - pair[1][0])
    widest = sorted(gaps[: MOST_SPANS - 1])
    lows = [*(low for low, _ in spans[:1]), *(following[0] for _, following in widest)]
    highs = [*(preceding[1] for preceding, _ in widest), *(high for _, high in spans[-1:])]
    return tuple(zip(lows, highs, strict=True))


def _intersection(some: tuple[Span, ...], others: tuple[Span, ...]) -> tuple[Span, ...]:
    common = ((max(a[0], b[0]), min(a[1], b[1])) for a in some for b in others)
    return tuple(span for span in common if span[0] <= span[1])


def row_ranges(prefix: str, window: Window) -> list[KeyRange]:
    """Return the ranges of sort keys of one kind of rows, in order."""
    return _key_ranges(prefix, window, order.instant_text, UNDATED, UNDATED + AFTER_ALL)


def message_ranges(prefix: str, window: Window) -> list[KeyRange]:
    """Return the ranges of sort keys of the messages of a thread, in order."""
    return _key_ranges(prefix, window, _ulid_prefix, ulids.prefix(ulids.UNDATED), AFTER_ALL)


def _ulid_prefix(nanoseconds: int) -> str:
    return ulids.prefix(min(max(nanoseconds // MILLISECOND, 0), ulids.UNDATED - 1))


def _key_ranges(
    prefix: str, window: Window, text: Callable[[int], str], undated: str, end: str
) -> list[KeyRange]:
    ranges = [(prefix + text(low), prefix + text(high) + AFTER_ALL) for low, high in window.spans]
    if not window.includes_undated:
        return ranges
    if window.spans and window.spans[-1][1] >= FOREVER:
        return [*ranges[:-1], (ranges[-1][0], prefix + end)]
    return [*ranges, (prefix + undated, prefix + end)]
