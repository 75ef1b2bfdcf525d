"""The interaction history: the versions of one resource, the newest first.

https://hl7.org/fhir/R4/http.html#history
"""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import accumulate, chain

from shared.access.caller import Caller
from shared.access.visibility import Visibility
from shared.catalog import controls
from shared.errors import Invalid, NotFound
from shared.fhir import instants
from shared.fhir.fhirjson import sent_size
from shared.interactions.read import visible_record
from shared.settings import settings
from shared.store import reading
from shared.store.records import LARGEST_SENT, VersionedRecord


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """A version, and whether it created or restored the resource."""

    record: VersionedRecord
    created: bool


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """A page of entries, the total number of entries, and the offset of the next page, if any.

    `disclosed_resources` has the JSON of the current version, unless that is a deletion.
    """

    entries: list[HistoryEntry]
    total: int
    next_offset: int | None
    disclosed_resources: tuple[bytes, ...] = ()


def history(
    caller: Caller, resource_type: str, resource_id: str, query: list[tuple[str, str]]
) -> HistoryPage:
    """Return a page of the versions that the caller sees. A page ends early at 5 MB.

    Versions are numbered without gaps, so a page is a range of numbers: the reads grow with the
    page, not with the history. Raises NotFound and Invalid.
    """
    parameters = dict(query)
    offset = controls.parse_number(controls.OFFSET, parameters.get("_offset", "0"))
    count = controls.page_size(parameters.get("_count"))
    since = _instant(parameters["_since"]) if "_since" in parameters else None
    visibility, tenant = Visibility(caller, "r"), caller.tenant
    current = visible_record(visibility, resource_type, resource_id)
    if current is None:
        raise NotFound(f"{resource_type}/{resource_id} does not exist")
    first = 1 if since is None else _first_since(tenant, current, since)
    current_json = (current.json,) if current.json else ()
    if not visibility.sees_all_versions(current):
        visible = list(_visible(visibility, current, first))
        return replace(_cut(visible, offset, count), disclosed_resources=current_json)
    total = current.version - first + 1
    newest = current.version - offset
    entries = _page(tenant, current, newest, max(newest - count + 1, first)) if count else []
    end = offset + len(entries)
    return HistoryPage(entries, total, end if entries and end < total else None, current_json)


def _visible(
    visibility: Visibility, current: VersionedRecord, first: int
) -> Iterator[HistoryEntry]:
    """Read a whole history, and yield the versions that the caller sees, the newest first."""
    newest = current.version
    while entries := _page(visibility.tenant, current, newest, first):
        # The caller sees the current version, or `history` would have raised NotFound.
        yield from (
            entry
            for entry in entries
            if entry.record is current or visibility.sees_record(entry.record, is_past=True)
        )
        newest -= len(entries)


def _cut(entries: list[HistoryEntry], offset: int, count: int) -> HistoryPage:
    """Return as much of a page as a response can hold, but at least one entry."""
    sizes = accumulate(
        sent_size(entry.record.json or b"") for entry in entries[offset : offset + count]
    )
    fitting = sum(size <= LARGEST_SENT for size in sizes)
    end = offset + (max(fitting, 1) if entries[offset:] and count else 0)
    has_more = count and offset < end < len(entries)
    return HistoryPage(entries[offset:end], len(entries), end if has_more else None)


def _page(tenant: str, current: VersionedRecord, newest: int, oldest: int) -> list[HistoryEntry]:
    """Read versions from `newest` down to `oldest`, as many as a response can hold."""
    if newest < oldest:
        return []
    newest_records = [current] if newest == current.version else []
    # The version before the oldest shows whether the oldest created or restored the resource.
    past = reading.versions(tenant, current, max(oldest - 1, 1), min(newest, current.version - 1))
    entries: list[HistoryEntry] = []
    later: VersionedRecord | None = None
    size = 0
    for record in chain(newest_records, past):
        if later is not None:
            entries.append(HistoryEntry(later, created=record.deleted))
        size += sent_size(record.json or b"")
        if record.version < oldest or (entries and size > LARGEST_SENT):
            return entries
        later = record
    if later is not None:
        entries.append(HistoryEntry(later, created=True))
    return entries


def _first_since(tenant: str, current: VersionedRecord, since: int) -> int:
    """Return the first version not older than an instant, by binary search: versions ascend."""
    if _updated(current) < since:
        return current.version + 1

    def is_since(number: int) -> bool:
        record = reading.version(tenant, current, number)
        return record is not None and _updated(record) >= since

    return 1 + bisect_left(range(1, current.version), x=True, key=is_since)


def _updated(record: VersionedRecord) -> int:
    return instants.to_nanoseconds(instants.from_text(record.last_updated))


def _instant(text: str) -> int:
    try:
        return instants.parse(text, settings().zone).low
    except ValueError:
        raise Invalid("_since must be an instant", expression="_since", diagnostics=text) from None
