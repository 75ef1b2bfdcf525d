"""Finding the resource that each entry of a transaction is about, before any is written.

All ids are known before the first write, so entries may refer to each other in any order, and in
circles.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.errors import Invalid
from shared.fhir import references
from shared.fhir.bundle_links import replace_links
from shared.fhir.references import Conditional, Literal
from shared.interactions.bundles.entries import Entry, FullUrlTargets, comparable_url, locate_errors
from shared.interactions.create import new_id
from shared.interactions.patch import patch_target
from shared.interactions.update import update_target
from shared.interactions.write import Resource, named_or_matching
from shared.references import checks

# R4's order, https://hl7.org/fhir/R4/http.html#trules: conditions find what earlier entries write.
_TURNS = ("create", "update", "patch")


@dataclass(frozen=True, slots=True)
class TargetedEntry:
    """An entry and its resource, None if a conditional delete matches nothing.

    `is_existing` says that a conditional create matches an existing resource: nothing is written.
    """

    entry: Entry
    target: Literal | None
    is_existing: bool = False


class EntryTargets:
    """The entries of one attempt with their targets. A thread comes before its messages."""

    def __init__(self, work: AuditedUnitOfWork, entries: Iterable[Entry]) -> None:
        """Identify the resources of all entries. Raises Invalid if two write the same one."""
        self.work, self.links = work, FullUrlTargets()
        self.entries: list[TargetedEntry] = []
        self._taken: dict[Literal, str] = {}
        writes = list(entries)
        for entry in writes:
            if entry.code == "delete":
                self._identify(entry)
        pending = [entry for turn in _TURNS for entry in writes if entry.code == turn]
        while pending:
            full_urls = {comparable_url(entry.full_url, "") for entry in pending if entry.full_url}
            # If all are waiting, for stored headers or for each other, identify them all now.
            ready = [entry for entry in pending if not self._waits(entry, full_urls)] or pending
            for entry in ready:
                self._identify(entry)
            pending = [entry for entry in pending if entry not in ready]

    def _waits(self, entry: Entry, full_urls: set[str]) -> bool:
        """Return whether a message's id must wait for that of its thread, which is not known yet.

        `full_urls` are those of the entries without an id so far.
        """
        if entry.code != "create" or entry.type != "Communication":
            return False
        texts = [element.get("reference", "") for element in entry.body.get("partOf", ())]
        others = full_urls - {comparable_url(entry.full_url, "")}
        waits_for = {comparable_url(text, entry.full_url) for text in texts} & others
        parents = [references.parse(text) for text in texts]
        return bool(waits_for) or any(
            isinstance(parent, Conditional) and parent.type == "Communication" for parent in parents
        )

    def _identify(self, entry: Entry) -> None:
        with locate_errors(entry.expression):
            targeted = self._with_target(entry)
            if targeted.target:
                self.links.add(entry.full_url, targeted.target)
                self._take(targeted.target, targeted)
        self.entries.append(targeted)

    def _with_target(self, entry: Entry) -> TargetedEntry:
        selection = entry.type, entry.id, entry.query
        match entry.code:
            case "delete":
                return TargetedEntry(entry, named_or_matching(self.work, *selection))
            case "patch":
                return TargetedEntry(entry, patch_target(self.work, *selection))
            case "update":
                target = update_target(self.work, entry.body, entry.id, entry.query)
                return TargetedEntry(entry, target or self._new(entry))
        existing = None
        if entry.query:
            existing = named_or_matching(self.work, *selection, claimed=True)
        return TargetedEntry(entry, existing or self._new(entry), is_existing=existing is not None)

    def _new(self, entry: Entry) -> Literal:
        """Return a resource with a new id. A message's id begins with its thread's."""
        parts = {name: entry.body[name] for name in _ID_ELEMENTS if name in entry.body}
        resource = checks.resolve_conditionals(
            self.work, self.with_literal_references(entry, parts)
        )
        return Literal(entry.type, new_id(self.work, resource))

    def _take(self, target: Literal, targeted: TargetedEntry) -> None:
        """Record that an entry writes a resource. Raises Invalid if another one does, too."""
        entry = targeted.entry
        if other := self._taken.get(target):
            raise Invalid(
                f"{other} already writes {target}",
                expression="url",
                diagnostics="A transaction may write a resource only once",
            )
        if targeted.is_existing:
            return
        self._taken[target] = entry.expression
        if entry.code == "delete":
            self.work.plan_write(target, None)
        elif entry.code != "patch":
            self.work.plan_write(target, entry.body | {"id": target.id})

    def with_literal_references(self, entry: Entry, resource: Resource) -> Resource:
        """Return a resource with its references to other entries made literal."""
        return replace_links(
            resource, lambda text: self.links.literal_reference(text, entry.full_url)
        )


# The elements that a new resource's id depends on.
_ID_ELEMENTS = ("resourceType", "partOf", "sent")
