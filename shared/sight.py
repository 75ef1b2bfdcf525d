"""What a caller sees of what is stored."""

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from shared.access import Actor, compartments
from shared.sessions import kinds
from shared.settings import settings
from shared.store import reading
from shared.store.records import Versioned

type Resource = dict[str, Any]
type Header = Callable[[str], Versioned | None]
type Children = Callable[[str], list[Resource]]


class Sight:
    """One request's look at what is stored; each header is read once, and only where it matters.

    What it does not see must be to the caller as if it did not exist.
    """

    def __init__(
        self, actor: Actor, header: Header | None = None, children: Children | None = None
    ) -> None:
        """Look for a caller; the readers are those of a change that is under way."""
        self.tenant = actor.tenant
        self._people = actor.people if actor.is_cared_for else None
        self._known: dict[frozenset[str], frozenset[str]] = {}
        self._header = cache(header or self._stored_header)
        self._children = cache(children or self._stored_children)

    @property
    def is_limited(self) -> bool:
        """Tell whether there may be anything in the tenant that the caller does not see."""
        return self._people is not None

    @property
    def people(self) -> frozenset[str] | None:
        """Whose compartments hold all that the caller may see; None where that is everything."""
        return self._people

    def remember(self, people: frozenset[str], threads: Iterable[str]) -> None:
        """Take note of threads whose headers are in some people's compartments."""
        self._known[people] = frozenset(threads)

    def sees_thread(self, thread: str) -> bool:
        """Tell whether the caller sees a header, and with it the messages of its thread."""
        header = self._header(thread) if self.is_limited else None
        return not self.is_limited or (header is not None and self.sees(header.resource))

    def sees_encounter(self, encounter_id: str) -> bool:
        """Tell whether the caller sees an Encounter."""
        if not self.is_limited:
            return True
        record = reading.current(self.tenant, "Encounter", encounter_id)
        return record is not None and self.sees(record.resource)

    def sees(self, resource: Resource) -> bool:
        """Tell whether the caller sees a resource as it is; nobody sees what is deleted."""
        if not resource:
            return False
        return self._people is None or self._is_in_compartment(resource, self._people)

    def sees_record(self, record: Versioned | None) -> bool:
        """Tell whether the caller sees a record, by what it last was where it is deleted."""
        if record is None or not self.is_limited:
            return record is not None
        if record.deleted:
            before = reading.version(self.tenant, record, record.version - 1)
            return before is not None and self.sees(before.resource)
        return self.sees(record.resource)

    def sees_version(self, version: Versioned) -> bool:
        """Tell whether the caller sees a version of a record they see: a deletion, or by itself."""
        return version.deleted or not self.is_limited or self.sees(version.resource)

    def _is_in_compartment(self, resource: Resource, people: frozenset[str]) -> bool:
        if compartments.owners(resource) & people:
            return True
        if resource["resourceType"] == "Encounter":
            return self._has_medical_encounter(resource, people)
        if resource.get("status") == compartments.DRAFT:
            return False
        header_id = kinds.header(resource)
        if header_id in self._known.get(people, ()):
            return True
        header = self._header(header_id) if header_id else None
        return bool(header and header.json and compartments.owners(header.resource) & people)

    def _has_medical_encounter(self, session: Resource, people: frozenset[str]) -> bool:
        if not kinds.is_session(session, settings().encounter_type_system):
            return False
        return any(compartments.owners(child) & people for child in self._children(session["id"]))

    def _stored_header(self, header_id: str) -> Versioned | None:
        return reading.communication(self.tenant, header_id)

    def _stored_children(self, session_id: str) -> list[Resource]:
        return reading.children(self.tenant, session_id)
