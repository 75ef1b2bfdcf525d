"""Visibility: which stored resources and versions a caller may see.

The caller's role limits them to the compartments of some people, SMART scopes to some types,
compartments and queries, and drafts are seen by their sender and by the roles that see all drafts.
A Binary is seen by those who see its security context.
https://hl7.org/fhir/R4/binary.html#security-context
"""

from collections.abc import Callable, Iterable
from functools import cache, cached_property, partial
from typing import Any

from shared.access.caller import Caller
from shared.catalog.compartments import SEEN_BY_ALL
from shared.catalog.roles import DRAFT_READERS
from shared.catalog.types import BINARY, DIRECTORY_TYPES, SESSION_TYPES, SUBSCRIPTION
from shared.fhir import references
from shared.rules import classification, compartments
from shared.settings import settings
from shared.store import keys, reading
from shared.store.records import CommunicationRecord, VersionedRecord

type Resource = dict[str, Any]
type Header = Callable[[str], VersionedRecord | None]
type Children = Callable[[str], list[Resource]]
type Reader = Callable[[str, str], Resource | None]

EVERY_LETTER = "cruds"
# The JSON of every draft contains this, and that of few other resources.
_DRAFT = f'"status":"{classification.DRAFT}"'.encode()


class Visibility:
    """The view that the caller of one request has. Headers are read once, and only if needed.

    To the caller, a resource that they do not see must look as if it did not exist. Ask `sees`
    about a resource, and `sees_record` about a record that may be deleted. `sees_without_reading`,
    `sees_all_versions` and `is_partial` answer without reading anything. `compartment_owners` says
    which compartments a search starts from. `scopes_allow` is about what the caller writes.
    """

    def __init__(
        self,
        caller: Caller,
        letters: str = EVERY_LETTER,
        *,
        header: Header | None = None,
        children: Children | None = None,
        read: Reader | None = None,
        rely_on: Callable[[Resource], None] = lambda _: None,
    ) -> None:
        """Decide for a caller, by those of their scopes that have one of the letters.

        `header`, `children` and `read` replace the reading of stored resources, so that a unit of
        work can show what it has changed. `read` returns a resource, empty if it is deleted, None
        if it does not exist. `rely_on` is called with every other resource that makes
        one visible: a message's header, or a medical encounter of a session.
        """
        self.tenant, self.caller_id, self._letters = caller.tenant, caller.subject, letters
        self._people = caller.compartment_owners if caller.is_patient_or_relative else None
        self._own_references = caller.own_references
        self._senders = caller.sender_references if DRAFT_READERS.isdisjoint(caller.roles) else None
        self._grants, self._rely_on = cache(caller.grants), rely_on
        self._read_header = header or partial(reading.communication, caller.tenant)
        self._read_children = children or partial(reading.children, caller.tenant)
        self._own_threads: dict[frozenset[str], frozenset[str]] = {}
        self._sees_whole_type = cache(self._shows_whole_type)
        self._own_binaries: set[str] = set()
        self._read_resource = read or partial(_stored, caller.tenant)

    @cached_property
    def _header(self) -> Header:
        return cache(self._read_header)

    @cached_property
    def _children(self) -> Children:
        return cache(self._read_children)

    @cached_property
    def _read(self) -> Reader:
        return cache(self._read_resource)

    @cached_property
    def _shown_since(self) -> Callable[[str, str, frozenset[str]], str]:
        return cache(self._read_shown_since)

    def is_partial(self, resource_types: Iterable[str] = SESSION_TYPES) -> bool:
        """Return whether the caller sees only a part of one of the types, drafts aside."""
        return not all(map(self._sees_whole_type, resource_types))

    def _shows_whole_type(self, resource_type: str) -> bool:
        """Return whether the caller's role, and scopes if any, show them all of a type."""
        if self._role_compartments(resource_type) is not None:
            return False
        if resource_type == BINARY and self._senders is not None:
            return False
        granted = self._grants(resource_type, self._letters)
        return granted is None or any(
            grant.people is None and grant.matches is None for grant in granted
        )

    def _role_compartments(self, resource_type: str) -> frozenset[str] | None:
        """Return the people to whose compartments the caller's role limits a type; None for all.

        Endpoint, criteria and error of a Subscription are its maker's own, not the relatives'.
        """
        if resource_type == SUBSCRIPTION and self._people is not None:
            return self._own_references
        return None if resource_type in SEEN_BY_ALL else self._people

    def compartment_owners(self, resource_type: str) -> frozenset[str] | None:
        """Return the people whose compartments hold all that the caller sees of a type.

        None means that the caller's view is not limited to compartments.
        """
        granted = self._grants(resource_type, self._letters)
        people = self._role_compartments(resource_type)
        if people is not None or granted is None:
            return people
        owners = [grant.people for grant in granted]
        return None if None in owners else frozenset().union(*(people or () for people in owners))

    def remember_threads(self, people: frozenset[str], threads: Iterable[str]) -> None:
        """Remember the threads whose headers are in some people's compartments.

        Their headers then need not be read to know that their messages are visible.
        """
        self._own_threads[people] = frozenset(threads)

    def remember_own_binary(self, binary_id: str) -> None:
        """Remember a Binary that the caller made: without a security context it is theirs alone."""
        self._own_binaries.add(binary_id)

    def sees_thread(self, thread: str) -> bool:
        """Return whether the caller sees a header, and with it the messages of its thread."""
        if not self.is_partial(("Communication",)):
            return True
        header = self._header(thread)
        return header is not None and self.sees(header.resource)

    def sees_encounter(self, encounter_id: str) -> bool:
        """Return whether the caller sees an Encounter."""
        if not self.is_partial(("Encounter",)):
            return True
        record = reading.current(self.tenant, "Encounter", encounter_id)
        return record is not None and self.sees(record.resource)

    def sees(self, resource: Resource, *, is_past: bool = False) -> bool:
        """Return whether the caller sees a resource in its current or a past version.

        An empty resource, which stands for a deleted one, is seen by nobody.
        """
        if not resource or self._is_anothers_draft(resource):
            return False
        if not self.is_partial((resource["resourceType"],)):
            return True
        if resource["resourceType"] == BINARY and not self.sees_context(resource):
            return False
        people = self._role_compartments(resource["resourceType"])
        return self._is_in_compartment(resource, people, is_past=is_past) and self.scopes_allow(
            self._letters, resource, is_past=is_past
        )

    def sees_context(self, binary: Resource) -> bool:
        """Return whether the caller sees what a Binary belongs to.

        Without a security context, a Binary is its maker's, and of the roles that see all drafts.
        """
        context = self._context(binary)
        if context is None:
            return self._senders is None or binary["id"] in self._own_binaries
        return self.sees(context)

    def _context(self, binary: Resource) -> Resource | None:
        """Return a Binary's security context, empty if it does not exist, or None without one.

        A person or place that is kept elsewhere is known by its id only.
        """
        target = references.target(binary.get("securityContext"))
        if target is None:
            return None
        context = self._read(*target)
        is_elsewhere = target.type not in settings().locally_checked_types
        if context is None and is_elsewhere and target.type in DIRECTORY_TYPES:
            return {"resourceType": target.type, "id": target.id}
        return context or {}

    def sees_without_reading(self, resource_type: str, json: bytes) -> bool:
        """Return whether the JSON of a resource is enough to know that the caller sees it.

        If not, `sees` has to be asked.
        """
        is_sent = self._senders is None or _DRAFT not in json
        return is_sent and not self.is_partial((resource_type,))

    def _is_anothers_draft(self, resource: Resource) -> bool:
        if self._senders is None or not compartments.is_draft(resource):
            return False
        return compartments.canonical_sender(resource) not in self._senders

    def scopes_allow(self, letters: str, resource: Resource, *, is_past: bool = False) -> bool:
        """Return whether a scope with one of the letters covers a resource or past version."""
        granted = self._grants(resource["resourceType"], letters)
        return granted is None or any(
            self._is_in_compartment(resource, grant.people, is_past=is_past)
            and (grant.matches is None or grant.matches(resource))
            for grant in granted
        )

    def may_search(self, resource_type: str) -> bool:
        """Return whether the caller's scopes allow searching a type."""
        return self._grants(resource_type, "s") != []

    def sees_record(self, record: VersionedRecord | None, *, is_past: bool = False) -> bool:
        """Return whether the caller sees a record in its current or a past version.

        A deleted one is judged by the version before its deletion.
        """
        if record is None:
            return False
        if record.file and record.file.is_made_by(self.caller_id):
            self.remember_own_binary(record.id)
        if record.json is not None:
            return self.sees_without_reading(record.type, record.json) or self.sees(
                record.resource, is_past=is_past
            )
        if self.sees_all_versions(record):
            return True
        previous = reading.version(self.tenant, record, record.version - 1)
        return previous is not None and self.sees(previous.resource, is_past=is_past)

    def sees_all_versions(self, record: VersionedRecord) -> bool:
        """Return whether the caller sees every version of a record, whatever it contains."""
        was_draft = isinstance(record, CommunicationRecord) and record.drafted
        return not self.is_partial((record.type,)) and (self._senders is None or not was_draft)

    def _is_in_compartment(
        self, resource: Resource, people: frozenset[str] | None, *, is_past: bool
    ) -> bool:
        """Return whether a resource is in a compartment of one of the people; None for no limit."""
        if people is None or compartments.owners(resource) & people:
            return True
        match resource["resourceType"]:
            case "Encounter":
                return self._has_medical_encounter(resource, people, is_past=is_past)
            case "Communication":
                return self._is_in_thread_of(resource, people)
            case "Binary":
                return self._is_binary_in_compartment(resource, people)
        return False

    def _is_in_thread_of(self, message: Resource, people: frozenset[str]) -> bool:
        """Return whether a message is in a thread whose header is in one of the compartments."""
        if compartments.is_draft(message):
            return False
        header_id = classification.header_id(message)
        if header_id in self._own_threads.get(people, ()):
            return True
        header = self._header(header_id) if header_id else None
        if header is None or not header.json or not compartments.owners(header.resource) & people:
            return False
        self._rely_on(header.resource)
        return True

    def _is_binary_in_compartment(self, binary: Resource, people: frozenset[str]) -> bool:
        """Return whether what a Binary belongs to is in a compartment of one of the people."""
        context = self._context(binary)
        if context is None:
            return binary["id"] in self._own_binaries
        if not context or context["resourceType"] in SEEN_BY_ALL:
            return bool(context)
        is_in = self._is_in_compartment(context, people, is_past=False)
        if is_in:
            self._rely_on(context)
        return is_in

    def _has_medical_encounter(
        self, session: Resource, people: frozenset[str], *, is_past: bool
    ) -> bool:
        """Return whether a session has a medical encounter of one of the people.

        A medical encounter does not make a version of the session visible that names a patient
        itself, nor one from before the medical encounter was part of the session.
        """
        if not classification.is_session(session, settings().encounter_type_system):
            return False
        # Always read, so that the time of the answer does not show whether a session is hidden.
        children = self._children(session["id"])
        if classification.names_patient(session):
            return False
        for child in children:
            is_shown = _shows(child, people)
            if is_shown and is_past:
                since = self._shown_since(child["id"], classification.parent_id(child), people)
                is_shown = session["meta"]["lastUpdated"] >= since
            if is_shown:
                self._rely_on(child)
                return True
        return False

    def _read_shown_since(self, child_id: str, session_id: str, people: frozenset[str]) -> str:
        """Return the instant since which a medical encounter has shown a session without a break.

        Its versions are read from the newest back.
        """
        record, since = reading.current(self.tenant, "Encounter", child_id), keys.AFTER_ALL
        while record and _shows(record.resource, people):
            if classification.parent_id(record.resource) != session_id:
                break
            since = record.last_updated
            record = reading.version(self.tenant, record, record.version - 1)
        return since


def _stored(tenant: str, resource_type: str, resource_id: str) -> Resource | None:
    record = reading.current(tenant, resource_type, resource_id)
    return record.resource if record else None


def _shows(child: Resource, people: frozenset[str]) -> bool:
    """Return whether a medical encounter makes its session visible to one of the people."""
    if not child or child["status"] == classification.ENTERED_IN_ERROR:
        return False
    return bool(compartments.owners(child) & people)
