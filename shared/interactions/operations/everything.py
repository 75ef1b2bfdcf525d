"""The operation $everything: a session with its threads, records and files, in pages.

https://hl7.org/fhir/R4/encounter-operation-everything.html
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import batched

from shared.access.caller import Caller
from shared.access.visibility import Visibility
from shared.catalog import controls
from shared.catalog.controls import LARGEST_COUNT
from shared.catalog.types import BINARY, KEPT_TYPES, SESSION_TYPES, STORED_TYPES
from shared.errors import Invalid
from shared.fhir import instants
from shared.fhir.fhirjson import sent_size
from shared.fhir.validation.schema import resource_types
from shared.interactions.operations.parameters import Values
from shared.interactions.read import read
from shared.interactions.resources_of_encounter import visible_resources
from shared.interactions.search import search
from shared.search.run.lookups import loads_rounded
from shared.settings import settings
from shared.store import reading
from shared.store.dynamodb import LARGEST_BATCH_GET
from shared.store.index import rows
from shared.store.records import LARGEST_SENT

type Pair = tuple[str, str]
type Part = tuple[list[bytes], str]
type Reader = Callable[[str, int], Part]

# A page with more than this gets no further part. With the 5 MB that one search may return, it
# stays below the 6 MB of a Lambda response.
_LARGEST_BEFORE = 500_000
_START = ""
# The sort key of a record's row.
_PLACE = re.compile(r"[A-Za-z0-9#:.-]{0,200}", re.ASCII)


@dataclass(frozen=True, slots=True)
class EverythingPage:
    """A page: its resources as JSON, the query as applied, and the query of the next page.

    `session` is the session as JSON, whether or not the page contains it.
    """

    session: bytes
    resources: list[bytes]
    applied: list[Pair]
    next: list[Pair] | None


def everything(caller: Caller, encounter_id: str, values: Values) -> EverythingPage:
    """Return a page. Raises NotFound, Deleted, and Invalid naming a parameter."""
    request = _Request(caller, encounter_id, values)
    resources, end = request.page()
    resources = request.shown(resources)
    applied = [(name, str(value)) for name, texts in values.items() for value in texts]
    without_cursor = [pair for pair in applied if pair[0] != "_cursor"]
    next_query = [*without_cursor, ("_cursor", end)] if end else None
    session = request.encounter.json or b""
    return EverythingPage(session, resources, applied, next_query)


class _Request:
    """One request. Its parts are read one after the other until the page is full."""

    def __init__(self, caller: Caller, encounter_id: str, values: Values) -> None:
        self.caller, self.id = caller, encounter_id
        self.count = _count(values["_count"])
        self.since = _since(values["_since"])
        self.types = _types(values["_type"])
        # The files are those of the messages and records, so these are read for them, too.
        types = self.types | ({*STORED_TYPES} if BINARY in self.types else set())
        self.parts: dict[str, Reader] = {}
        if "Encounter" in types:
            self.parts |= {"session": self.session, "children": self.children}
        if "Communication" in types:
            self.parts |= {"headers": self.headers, "messages": self.messages}
        others = types - {*SESSION_TYPES, BINARY}
        self.recorded = None if types >= {*STORED_TYPES} else frozenset(others)
        if others:
            self.parts |= {"records": self.records}
        self.begin, _, self.after = "".join(values["_cursor"]).partition(".")
        if self.begin and self.begin not in self.parts:
            raise _unknown()

    def page(self) -> tuple[list[bytes], str]:
        """Return the resources of a page and the cursor of the next one, "" after the last."""
        self.encounter = read(self.caller, "Encounter", self.id)
        names, resources = list(self.parts), list[bytes]()
        begin = names.index(self.begin) if self.begin else 0
        for name in names[begin:]:
            room = self.count - len(resources)
            if sum(map(sent_size, resources)) > _LARGEST_BEFORE:
                room = 0
            after = self.after if name == self.begin else _START
            # A full page still reads one resource of the next part, to know whether there is one.
            more, end = self.parts[name](after, room or 1)
            if not room and (more or end):
                return resources, f"{name}."
            resources += more if room else []
            if end:
                return resources, f"{name}.{end}"
        return resources, ""

    def shown(self, resources: list[bytes]) -> list[bytes]:
        """Return those of a page's resources that are wanted, and the files that they name."""
        if BINARY not in self.types:
            return resources
        from shared.interactions.attached_files import attached_files  # noqa: PLC0415 - seldom used

        has_all = self.types >= {*STORED_TYPES}
        wanted = [json for json in resources if has_all or _type(json) in self.types]
        return wanted + attached_files(self.caller, resources, self.since)

    def session(self, _after: str, _room: int) -> Part:
        """Return the Encounter itself."""
        unchanged = self.since and self.encounter.last_updated < self.since
        return [] if unchanged else [self.encounter.json or b""], ""

    def children(self, after: str, room: int) -> Part:
        """Return the Encounters that are part of it."""
        found, end = self._search("Encounter", ("part-of", f"Encounter/{self.id}"), after, room)
        return [json for json in found if _id(json) != self.id], end

    def headers(self, after: str, room: int) -> Part:
        """Return the headers of the threads that it has or had, in the order of their ids.

        Neither the page nor its cursor reveals headers that the caller does not see.
        """
        threads = [span.thread for span in reading.spans(self.caller.tenant, self.id)]
        ids = [thread for thread in threads if thread > after]
        found: list[bytes] = []
        for batch in batched(ids, min(room + 1, LARGEST_BATCH_GET), strict=False):
            by_id = ("_id", ",".join(batch))
            more, end = self._search("Communication", by_id, _START, len(batch))
            found += more
            if end or len(found) > room:
                return found[:room], _id(found[:room][-1])
        return found, ""

    def messages(self, after: str, room: int) -> Part:
        """Return the messages in the order in which they were sent."""
        return self._search(
            "Communication", ("session", f"Encounter/{self.id}"), after, room, ("_sort", "sent")
        )

    def records(self, after: str, room: int) -> Part:
        """Return what was recorded during it or the Encounters that are part of it, each once."""
        visibility, (first, _, place) = Visibility(self.caller, "r"), after.partition("|")
        if not _PLACE.fullmatch(place):
            raise _unknown()
        found: list[bytes] = []
        last, size = after, 0
        encounters = self._encounters(visibility)
        for encounter_id in (own_id for own_id in encounters if own_id >= first):
            begin = place if encounter_id == first else _START
            rows_found = visible_resources(
                visibility, encounter_id, self.recorded, begin, page=room + 1
            )
            for sort, json in rows_found:
                if not self._is_wanted(json, encounter_id, encounters):
                    continue
                size += sent_size(json)
                if len(found) == room or (found and size > LARGEST_SENT):
                    return found, last
                found, last = [*found, json], f"{encounter_id}|{sort}"
        return found, ""

    def _encounters(self, visibility: Visibility) -> list[str]:
        """Return the ids of the session and of the children that the caller sees, in order."""
        children = reading.children(self.caller.tenant, self.id)
        return sorted({self.id, *(child["id"] for child in children if visibility.sees(child))})

    def _is_wanted(self, json: bytes, encounter_id: str, encounters: list[str]) -> bool:
        """Return whether a record is new enough, and this the first of its Encounters here."""
        record = loads_rounded(json)
        named = rows.encounter_elements(record).keys() & encounters
        is_first = min(named, default=encounter_id) == encounter_id
        return is_first and str(record["meta"]["lastUpdated"]) >= self.since

    def _search(self, of: str, pair: Pair, after: str, room: int, *more: Pair) -> Part:
        since = [("_lastUpdated", f"ge{self.since}")] if self.since else []
        cursor = [("_cursor", after)] if after else []
        query = [pair, *more, *since, ("_count", str(room)), *cursor]
        result = search(self.caller, of, query, lenient=False, letters="r")
        return result.resources, dict(result.next or ()).get("_cursor", "")


def _unknown() -> Invalid:
    return Invalid(
        "The cursor is not one that $everything returned",
        expression="_cursor",
        diagnostics="Follow the link `next` of a page, or leave _cursor out",
    )


def _type(json: bytes) -> str:
    return str(loads_rounded(json)["resourceType"])


def _id(json: bytes) -> str:
    return str(loads_rounded(json)["id"])


def _count(given: list[object]) -> int:
    count = controls.page_size(str(given[0]) if given else None)
    if not count:
        raise Invalid(f"_count must be a number from 1 to {LARGEST_COUNT}", expression="_count")
    return count


def _since(given: list[str]) -> str:
    """Return `_since` rounded up to the milliseconds of `lastUpdated`, "" if it is not given."""
    if not given:
        return ""
    try:
        low = instants.parse(given[0], settings().zone).low
        return instants.to_text(instants.from_nanoseconds(low + instants.MILLISECOND - 1))
    except (ValueError, OverflowError):
        raise Invalid("_since must be an instant", expression="_since") from None


def _types(given: list[str]) -> set[str]:
    for name in given:
        if name not in resource_types():
            raise Invalid(f"{name} is not a resource type of R4", expression="_type")
    return set(given or KEPT_TYPES)
