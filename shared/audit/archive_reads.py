"""Read events from the archive, several parts of its objects at once."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

from shared.audit import segments
from shared.audit.entries import Entry
from shared.audit.segments import ArchivePlace
from shared.store import archive

# The most places whose events are read by one call, which holds them in memory.
MOST_PLACES = 200
_AT_ONCE = 8
# Most members have a few KB; the rest take further reads, each of a larger part.
_FIRST_PART, _GROWTH = 32 * 1024, 8


def member(place: ArchivePlace) -> list[Entry]:
    """Return the events of the member at a place."""
    size = _FIRST_PART
    while (
        entries := segments.first_member(archive.get_range(place.key, place.offset, size))
    ) is None:
        size *= _GROWTH
    return entries


def members(places: Iterable[ArchivePlace]) -> Iterator[Entry]:
    """Yield the events of the members at several places, each member once."""
    for entries in _read(list(dict.fromkeys(place._replace(line=0) for place in places))):
        yield from entries


def _read(places: list[ArchivePlace]) -> list[list[Entry]]:
    if len(places) <= 1:
        return [member(place) for place in places]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(member, places))


def events(places: Iterable[ArchivePlace]) -> list[Entry]:
    """Return the events at several places; each member is read once."""
    lines: dict[ArchivePlace, set[int]] = defaultdict(set)
    for place in places:
        lines[place._replace(line=0)].add(place.line)
    return [
        entry
        for place, entries in zip(lines, _read(list(lines)), strict=True)
        for line, entry in enumerate(entries)
        if line in lines[place]
    ]
