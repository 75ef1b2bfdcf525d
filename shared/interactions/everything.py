"""$everything: a session with its medical encounters, threads and records, page by page.

https://hl7.org/fhir/R4/encounter-operation-everything.html
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import batched

from shared import instants
from shared.access import Actor
from shared.catalog import controls
from shared.catalog.controls import LARGEST_COUNT
from shared.catalog.types import CARE, TYPES
from shared.errors import Invalid
from shared.fhirjson import sent_size
from shared.index import rows
from shared.interactions.parameters import Values
from shared.interactions.read import read
from shared.interactions.recorded import records
from shared.interactions.search import search
from shared.resources.schema import resource_types
from shared.search.lookups import rounded
from shared.search.reading import LARGEST_PAGE
from shared.settings import settings
from shared.sight import Sight
from shared.store import reading
from shared.store.dynamodb import LARGEST_BATCH

type Pair = tuple[str, str]
type Part = tuple[list[bytes], str]
type Reader = Callable[[str, int], Part]

# Together with the 5 MB that a search may give, below the 6 MB of a Lambda answer.
_LARGEST_BEFORE = 500_000
_START = ""
# Where a row of a record is, as its sort key has it.
_PLACE = re.compile(r"[A-Za-z0-9#:.-]{0,200}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Everything:
    """A page: the JSON of its resources, the query as applied and that of the next page.

    `session` is the JSON of the session, whether the page has it or not.
    """

    session: bytes
    resources: list[bytes]
    applied: list[Pair]
    next: list[Pair] | None


def everything(actor: Actor, encounter_id: str, values: Values) -> Everything:
    """Give a page. Raises NotFound, Deleted, and Invalid naming a parameter."""
    asked = _Asked(actor, encounter_id, values)
    resources, end = asked.page()
    applied = [(name, str(each)) for name, given in values.items() for each in given]
    same = [pair for pair in applied if pair[0] != "_cursor"]
    session = asked.known.json or b""
    return Everything(session, resources, applied, [*same, ("_cursor", end)] if end else None)


class _Asked:
    """One request: its parts are read one after the other, as far as the page goes."""

    def __init__(self, actor: Actor, encounter_id: str, values: Values) -> None:
        self.actor, self.id = actor, encounter_id
        self.count = _count(values["_count"])
        self.since = _since(values["_since"])
        types = _types(values["_type"])
        self.parts: dict[str, Reader] = {}
        if "Encounter" in types:
            self.parts |= {"session": self.session, "children": self.children}
        if "Communication" in types:
            self.parts |= {"headers": self.headers, "messages": self.messages}
        others = types - {*CARE}
        self.recorded = None if types == {*TYPES} else frozenset(others)
        if others:
            self.parts |= {"records": self.records}
        self.begin, _, self.after = "".join(values["_cursor"]).partition(".")
        if self.begin and self.begin not in self.parts:
            raise _unknown()

    def page(self) -> tuple[list[bytes], str]:
        """Give the resources of a page and the cursor of the next, empty after the last."""
        self.known = read(self.actor, "Encounter", self.id)
        names, found = list(self.parts), list[bytes]()
        begin = names.index(self.begin) if self.begin else 0
        for name in names[begin:]:
            room = self.count - len(found)
            if sum(map(sent_size, found)) > _LARGEST_BEFORE:
                room = 0
            after = self.after if name == self.begin else _START
            more, end = self.parts[name](after, room or 1)
            if not room and (more or end):
                return found, f"{name}."
            found += more if room else []
            if end:
                return found, f"{name}.{end}"
        return found, ""

    def session(self, _after: str, _room: int) -> Part:
        """Give the Encounter itself."""
        unchanged = self.since and self.known.last_updated < self.since
        return [] if unchanged else [self.known.json or b""], ""

    def children(self, after: str, room: int) -> Part:
        """Give the Encounters that are part of it."""
        found, end = self._search("Encounter", ("part-of", f"Encounter/{self.id}"), after, room)
        return [json for json in found if _id(json) != self.id], end

    def headers(self, after: str, room: int) -> Part:
        """Give the headers of the threads that it has or had, by their ids.

        Those that the caller does not see are told neither by the page nor by what follows it.
        """
        ids = [one for one in reading.threads(self.actor.tenant, self.id) if one > after]
        found: list[bytes] = []
        for chosen in batched(ids, min(room + 1, LARGEST_BATCH), strict=False):
            named = ("_id", ",".join(chosen))
            more, end = self._search("Communication", named, _START, len(chosen))
            found += more
            if end or len(found) > room:
                return found[:room], _id(found[:room][-1])
        return found, ""

    def messages(self, after: str, room: int) -> Part:
        """Give the messages in the order in which they were sent."""
        return self._search(
            "Communication", ("session", f"Encounter/{self.id}"), after, room, ("_sort", "sent")
        )

    def records(self, after: str, room: int) -> Part:
        """Give what was recorded during it and the Encounters that are part of it, each once."""
        sight, (own, _, place) = Sight(self.actor, "r"), after.partition("|")
        if not _PLACE.fullmatch(place):
            raise _unknown()
        found: list[bytes] = []
        last, size = after, 0
        encounters = self._encounters(sight)
        for one in (name for name in encounters if name >= own):
            begin = place if one == own else _START
            for at, json in records(sight, one, self.recorded, begin, page=room + 1):
                if not self._is_wanted(json, one, encounters):
                    continue
                size += sent_size(json)
                if len(found) == room or (found and size > LARGEST_PAGE):
                    return found, last
                found, last = [*found, json], f"{one}|{at}"
        return found, ""

    def _encounters(self, sight: Sight) -> list[str]:
        parts = reading.children(self.actor.tenant, self.id)
        return sorted({self.id, *(one["id"] for one in parts if sight.sees(one))})

    def _is_wanted(self, json: bytes, encounter_id: str, encounters: list[str]) -> bool:
        """Tell whether a record is new enough, and this the first of its Encounters here."""
        record = rounded(json)
        named = rows.encounters(record).keys() & encounters
        is_first = min(named, default=encounter_id) == encounter_id
        return is_first and str(record["meta"]["lastUpdated"]) >= self.since

    def _search(self, of: str, pair: Pair, after: str, room: int, *more: Pair) -> Part:
        since = [("_lastUpdated", f"ge{self.since}")] if self.since else []
        cursor = [("_cursor", after)] if after else []
        query = [pair, *more, *since, ("_count", str(room)), *cursor]
        result = search(self.actor, of, query, lenient=False, letters="r")
        return result.resources, dict(result.next or ()).get("_cursor", "")


def _unknown() -> Invalid:
    return Invalid("The cursor is none that $everything has given", expression="_cursor")


def _id(json: bytes) -> str:
    return str(rounded(json)["id"])


def _count(given: list[object]) -> int:
    count = controls.page_size(str(given[0]) if given else None)
    if not count:
        raise Invalid(f"_count is not a number from 1 to {LARGEST_COUNT}", expression="_count")
    return count


def _since(given: list[str]) -> str:
    """Return the first instant that `lastUpdated` can have from the one given on, as it has it."""
    if not given:
        return ""
    try:
        low = instants.parse(given[0], settings().zone).low
        return instants.written(instants.from_nanoseconds(low + instants.MILLISECOND - 1))
    except (ValueError, OverflowError):
        raise Invalid("_since is not an instant", expression="_since") from None


def _types(given: list[str]) -> set[str]:
    for name in given:
        if name not in resource_types():
            raise Invalid(f"{name} is no resource type", expression="_type")
    return set(given or TYPES)
