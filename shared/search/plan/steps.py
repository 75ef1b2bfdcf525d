"""The steps that read a source: its partitions as streams, in the order of dates or of keys."""

from collections.abc import Iterator
from dataclasses import replace

from shared.catalog import access_patterns as patterns
from shared.search.plan import windows
from shared.search.plan.plans import MESSAGE_PREFIX, Source, Step, Stream
from shared.search.plan.windows import EVERYTHING, KeyRange, Window
from shared.store.index.long_encounters import LONG_PREFIX

# How many rows it counts to begin a partition of a later group, so that one request begins at most
# two groups.
_COST = 3
# Stands for the partition of rows that have been read already.
_PRELOADED = (patterns.SEARCH, "")


def reading_steps(
    source: Source, near_and_far: tuple[Window, Window], *, ordered: bool, forward: bool
) -> tuple[Step, ...]:
    """Return the steps that read a source, in the order of its dates or of its keys.

    Undated resources come last in both directions, so reading backwards they are a step of their
    own. The first of the two windows is of ordinary rows, the second of the second rows of long
    Encounters.
    """
    near, far = near_and_far
    if source.word_ranges:
        ranges = source.word_ranges.ranges
        return (
            tuple(
                Stream(table, key, ranges[key], word_ranges=source.word_ranges)
                for table, key in source.partitions
            ),
        )
    if not ordered:
        steps = [
            (*_in_order_of_keys(group, near), *_second_rows(group, far))
            for group in _groups(source)
        ]
    else:
        parts = (
            [near_and_far]
            if forward
            else [(near.dated_only, far.dated_only), (near.undated_only, far.undated_only)]
        )
        steps = [
            (*_in_order_of_dates(source, near_part), *_second_rows(source, far_part))
            for near_part, far_part in parts
        ]
    return tuple(step for step in steps if step)


def _groups(source: Source) -> Iterator[Source]:
    """Yield the parts of a source that are read one after the other."""
    yield source
    for group in source.later_groups:
        yield replace(source, partitions=group, preloaded=(), cost=_COST)


def _in_order_of_keys(source: Source, window: Window) -> Iterator[Stream]:
    for partition in _all_partitions(source):
        ranges: list[KeyRange] = []
        for run in _runs(source, partition):
            run_ranges = [
                key_range for kind in run for key_range in _ranges(partition, kind, window)
            ]
            if window == EVERYTHING:
                run_ranges = [(run_ranges[0][0], run_ranges[-1][1])]
            ranges += run_ranges
        if ranges:
            yield _stream(source, partition, ranges)


def _in_order_of_dates(source: Source, window: Window) -> Iterator[Stream]:
    for partition in _all_partitions(source):
        for kind in (kind for run in _runs(source, partition) for kind in run):
            if ranges := _ranges(partition, kind, window):
                yield _stream(source, partition, ranges, len(kind))


def _all_partitions(source: Source) -> tuple[tuple[str, str], ...]:
    return (*source.partitions, *((_PRELOADED,) if source.preloaded else ()))


def _second_rows(source: Source, window: Window) -> Iterator[Stream]:
    ranges = windows.row_ranges(LONG_PREFIX, window)
    for partition in source.partitions if ranges else ():
        yield _stream(source, partition, ranges, len(LONG_PREFIX))
    if source.preloaded and ranges:
        yield _stream(source, _PRELOADED, windows.row_ranges("", window))


def _runs(source: Source, partition: tuple[str, str]) -> tuple[tuple[str, ...], ...]:
    table, _ = partition
    if table == patterns.ENCOUNTER:
        return ((source.record_prefix,),)
    return ((MESSAGE_PREFIX,),) if table == patterns.THREAD else source.runs


def _ranges(partition: tuple[str, str], kind: str, window: Window) -> list[KeyRange]:
    is_thread = partition[0] == patterns.THREAD
    return (windows.message_ranges if is_thread else windows.row_ranges)(kind, window)


def _stream(
    source: Source, partition: tuple[str, str], ranges: list[KeyRange], prefix_length: int = 0
) -> Stream:
    table, key = partition
    return Stream(
        table,
        key,
        tuple(ranges),
        prefix_length=len(source.record_prefix) if table == patterns.ENCOUNTER else prefix_length,
        excluded=None if table == patterns.THREAD else source.excluded,
        preloaded=source.preloaded if partition == _PRELOADED else None,
        cost=source.cost,
    )
