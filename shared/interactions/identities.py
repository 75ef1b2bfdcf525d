"""Which resource each entry of a transaction means, before any is written.

Ids come first, so that entries may refer to each other in any order, and in circles.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from shared import references
from shared.errors import Invalid
from shared.interactions import referring
from shared.interactions.conditions import named
from shared.interactions.create import new_id
from shared.interactions.entries import Entry, Links, named_by, url
from shared.interactions.patch import found
from shared.interactions.update import check_id, found_or_own
from shared.references import Literal, Query
from shared.resources.linking import linked
from shared.store.work import Work

type Resource = dict[str, Any]

# R4's order, https://hl7.org/fhir/R4/http.html#trules: what a later one finds an earlier has made.
_TURNS = ("create", "update", "patch")


@dataclass(frozen=True, slots=True)
class Step:
    """An entry and its resource: None where a delete finds nothing.

    `is_there` says that a create has found it, so that there is nothing to write.
    """

    entry: Entry
    target: Literal | None
    is_there: bool = False


class Identities:
    """The steps of one attempt in an order in which each thread comes before its messages."""

    def __init__(self, work: Work, entries: Iterable[Entry]) -> None:
        """Identify all entries. Raises Invalid where two mean the same resource."""
        self.work, self.links = work, Links()
        self.steps: list[Step] = []
        self._taken: dict[Literal, str] = {}
        writes = list(entries)
        for entry in writes:
            if entry.code == "delete":
                self._identify(entry)
        pending = [entry for turn in _TURNS for entry in writes if entry.code == turn]
        while pending:
            there = {url(entry.full_url, "") for entry in pending if entry.full_url}
            ready = [entry for entry in pending if not self._waits(entry, there)] or pending
            for entry in ready:
                self._identify(entry)
            pending = [entry for entry in pending if entry not in ready]

    def _waits(self, entry: Entry, there: set[str]) -> bool:
        """Return whether an entry's id depends on one that is not known yet: its thread's."""
        if entry.code != "create" or entry.type != "Communication":
            return False
        texts = [each.get("reference", "") for each in entry.body.get("partOf", ())]
        others = there - {url(entry.full_url, "")}
        named = {url(text, entry.full_url) for text in texts} & others
        asked = [references.read(text) for text in texts]
        return bool(named) or any(
            isinstance(each, Query) and each.type == "Communication" for each in asked
        )

    def _identify(self, entry: Entry) -> None:
        with named_by(entry.place):
            step = self._step(entry)
            if step.target:
                self.links.add(entry.full_url, step.target)
                self._take(step.target, step)
        self.steps.append(step)

    def _step(self, entry: Entry) -> Step:
        match entry.code:
            case "delete":
                return Step(entry, self._named(entry))
            case "patch":
                own = Literal(entry.type, entry.id)
                return Step(entry, own if entry.id else found(self.work, entry.type, entry.query))
            case "update":
                return Step(entry, self._updated(entry))
            case _:
                there = self._named(entry) if entry.query else None
                return Step(entry, there or self._new(entry), is_there=there is not None)

    def _named(self, entry: Entry) -> Literal | None:
        if entry.id:
            return Literal(entry.type, entry.id)
        claimed = entry.code != "delete"
        return named(self.work, entry.type, entry.query, claimed=claimed)

    def _updated(self, entry: Entry) -> Literal:
        if entry.id:
            check_id(entry.body, entry.id)
            return Literal(entry.type, entry.id)
        target = self._named(entry)
        if target is None and "id" not in entry.body:
            return self._new(entry)
        return found_or_own(self.work, target, entry.body)

    def _new(self, entry: Entry) -> Literal:
        """Make an id; that of a message begins with its thread's."""
        known = {name: entry.body[name] for name in _SAY_THE_ID if name in entry.body}
        resource = referring.resolved(self.work, self.linked(entry, known))
        return Literal(entry.type, new_id(self.work, resource))

    def _take(self, target: Literal, step: Step) -> None:
        entry = step.entry
        if other := self._taken.get(target):
            raise Invalid(f"{other} writes {target} too", expression="url")
        if step.is_there:
            return
        self._taken[target] = entry.place
        if entry.code == "delete":
            self.work.expect(target, None)
        elif entry.code != "patch":
            self.work.expect(target, entry.body | {"id": target.id})

    def linked(self, entry: Entry, resource: Resource) -> Resource:
        """Give a resource of an entry with its references to other entries made literal."""
        return linked(resource, lambda text: self.links.literal(text, entry.full_url))


_SAY_THE_ID = ("resourceType", "partOf", "sent")
