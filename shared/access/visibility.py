"""Visibility: which stored resources and versions a caller may see.

The caller's role limits them to the compartments of some people, SMART scopes to some types,
compartments and queries, and drafts are seen by their sender and by the roles that see all drafts.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any, NamedTuple

from shared.access import Caller
from shared.access.caller import Predicate
from shared.access.scopes import ANY, PATIENT_CONTEXT
from shared.catalog.compartments import SEEN_BY_ALL
from shared.catalog.types import SESSION_TYPES
from shared.rules import classification, compartments
from shared.settings import settings
from shared.store import reading
from shared.store.records import CommunicationRecord, VersionedRecord

type Resource = dict[str, Any]
type Header = Callable[[str], VersionedRecord | None]
type Children = Callable[[str], list[Resource]]

EVERY_LETTER = "cruds"
# The JSON of every draft contains this, and that of few other resources.
_DRAFT = f'"status":"{classification.DRAFT}"'.encode()
# Sorts after the text of every instant.
_AFTER_ALL = "~"


class Grant(NamedTuple):
    """What one scope allows for a type: the interactions, the compartments and the constraint.

    `letters` are some of `cruds`. `people` are the owners of the compartments, None for no limit.
    `matches` returns whether a resource meets the constraint, None if there is none.
    """

    letters: str
    people: frozenset[str] | None
    matches: Predicate | None = None


class Visibility:
    """What the caller of one request sees. Headers are read once, and only if they matter.

    To the caller, a resource that they do not see must look as if it did not exist. Ask `sees`
    about a resource, and `sees_record` about a record that may be deleted. `surely_sees`,
    `sees_all_of` and `limits` answer without reading anything. `people` says which compartments a
    search starts from. `may` is about what the caller writes.
    """

    def __init__(
        self,
        caller: Caller,
        letters: str = EVERY_LETTER,
        *,
        header: Header | None = None,
        children: Children | None = None,
        rely_on: Callable[[Resource], None] = lambda _: None,
    ) -> None:
        """Decide for a caller, by those of their scopes that have one of the letters.

        `header` and `children` replace the reading of stored resources, so that a unit of work can
        show what it has changed. `rely_on` is called with every other resource that makes one
        visible: a message's header, or a medical encounter of a session.
        """
        self.tenant, self._letters = caller.tenant, letters
        self._people = caller.compartment_owners if caller.is_patient_or_relative else None
        self._senders = None if caller.sees_drafts else caller.sender_references
        self._caller, self._rely_on = caller, rely_on
        self._grants = cache(self._grants_of_type)
        self._own_threads: dict[frozenset[str], frozenset[str]] = {}
        self._shown_instants: dict[tuple[str, frozenset[str]], str] = {}
        self._header = cache(header or self._stored_header)
        self._children = cache(children or self._stored_children)

    def is_partial(self, resource_types: Iterable[str] = SESSION_TYPES) -> bool:
        """Return whether the caller sees only a part of one of the types, drafts aside."""
        return not all(map(self._sees_whole_type, resource_types))

    def _sees_whole_type(self, resource_type: str) -> bool:
        """Return whether the caller's role, and scopes if any, show them all of a type."""
        if self._role_compartments(resource_type) is not None:
            return False
        granted = self._grants_with(resource_type, self._letters)
        return granted is None or any(
            grant.people is None and grant.matches is None for grant in granted
        )

    def _grants_with(self, resource_type: str, letters: str) -> list[Grant] | None:
        """Return what scopes with one of the letters grant for a type; None without scopes."""
        if self._caller.scopes is None:
            return None
        grants = self._grants(resource_type)
        return [grant for grant in grants if not set(letters).isdisjoint(grant.letters)]

    def _grants_of_type(self, resource_type: str) -> list[Grant]:
        return list(_grants(resource_type, self._caller))

    def _role_compartments(self, resource_type: str) -> frozenset[str] | None:
        """Return the people to whose compartments the caller's role limits a type; None for all."""
        return None if resource_type in SEEN_BY_ALL else self._people

    def compartment_owners(self, resource_type: str) -> frozenset[str] | None:
        """Return the people whose compartments hold all that the caller sees of a type.

        None means that the caller's view is not limited to compartments.
        """
        granted = self._grants_with(resource_type, self._letters)
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
        people = self._role_compartments(resource["resourceType"])
        if people is not None and not self._is_in_compartment(resource, people, is_past=is_past):
            return False
        return self.scopes_allow(self._letters, resource, is_past=is_past)

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
        granted = self._grants_with(resource["resourceType"], letters)
        return granted is None or any(
            self._covers(resource, grant, is_past=is_past) for grant in granted
        )

    def may_search(self, resource_type: str) -> bool:
        """Return whether the caller's scopes allow searching a type."""
        return self._grants_with(resource_type, "s") != []

    def _covers(self, resource: Resource, grant: Grant, *, is_past: bool) -> bool:
        people = grant.people
        if people is not None and not self._is_in_compartment(resource, people, is_past=is_past):
            return False
        return grant.matches is None or grant.matches(resource)

    def sees_record(self, record: VersionedRecord | None) -> bool:
        """Return whether the caller sees a current record.

        A deleted one is judged by the version before its deletion.
        """
        return record is not None and self._sees_version(record, is_past=False)

    def sees_past_version(self, record: VersionedRecord) -> bool:
        """Return whether the caller sees a version that is not the current one."""
        return self._sees_version(record, is_past=True)

    def _sees_version(self, record: VersionedRecord, *, is_past: bool) -> bool:
        if record.json is None:
            if self.sees_all_versions(record):
                return True
            previous = reading.version(self.tenant, record, record.version - 1)
            return previous is not None and self.sees(previous.resource, is_past=is_past)
        if self.sees_without_reading(record.type, record.json):
            return True
        return self.sees(record.resource, is_past=is_past)

    def sees_all_versions(self, record: VersionedRecord) -> bool:
        """Return whether the caller sees every version of a record, whatever it contains."""
        was_draft = isinstance(record, CommunicationRecord) and record.drafted
        return not self.is_partial((record.type,)) and (self._senders is None or not was_draft)

    def _is_in_compartment(
        self, resource: Resource, people: frozenset[str], *, is_past: bool
    ) -> bool:
        if compartments.owners(resource) & people:
            return True
        if resource["resourceType"] == "Encounter":
            return self._has_medical_encounter(resource, people, is_past=is_past)
        if resource["resourceType"] != "Communication" or compartments.is_draft(resource):
            return False
        header_id = classification.header_id(resource)
        if header_id in self._own_threads.get(people, ()):
            return True
        header = self._header(header_id) if header_id else None
        if header is None or not header.json or not compartments.owners(header.resource) & people:
            return False
        self._rely_on(header.resource)
        return True

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
        updated = session["meta"]["lastUpdated"] if is_past else ""
        for child in children:
            if _shows(child, people) and not (
                is_past and updated < self._shown_since(child, people)
            ):
                self._rely_on(child)
                return True
        return False

    def _read_shown_since(self, child: Resource, people: frozenset[str]) -> str:
        """Return the instant since which a medical encounter has shown its session without a break.

        Its versions are read from the newest back.
        """
        record = reading.current(self.tenant, "Encounter", child["id"])
        since, parent = _AFTER_ALL, classification.parent_id(child)
        while record and _shows(record.resource, people):
            if classification.parent_id(record.resource) != parent:
                break
            since = record.last_updated
            record = reading.version(self.tenant, record, record.version - 1)
        return since

    def _shown_since(self, child: Resource, people: frozenset[str]) -> str:
        key = child["id"], people
        if key not in self._shown_instants:
            self._shown_instants[key] = self._read_shown_since(child, people)
        return self._shown_instants[key]

    def _stored_header(self, header_id: str) -> VersionedRecord | None:
        return reading.communication(self.tenant, header_id)

    def _stored_children(self, session_id: str) -> list[Resource]:
        return reading.children(self.tenant, session_id)


def _shows(child: Resource, people: frozenset[str]) -> bool:
    """Return whether a medical encounter makes its session visible to one of the people."""
    if not child or child["status"] == classification.ENTERED_IN_ERROR:
        return False
    return bool(compartments.owners(child) & people)


def _grants(resource_type: str, caller: Caller) -> Iterator[Grant]:
    """Yield what the caller's scopes grant for a type.

    A scope whose constraint cannot be applied grants nothing.
    """
    for scope in caller.scopes or ():
        if scope.type in (ANY, resource_type):
            letters, people = scope.letters, None
            if scope.context == PATIENT_CONTEXT and resource_type in SEEN_BY_ALL:
                # A patient's scope only reads and searches resources that are about no patient.
                letters = "".join(letter for letter in letters if letter in "rs")
            elif scope.context == PATIENT_CONTEXT:
                people = frozenset({caller.launch_patient} - {""})
            matches = (
                caller.constraint_predicate(resource_type, scope) if scope.constraint else None
            )
            if matches or not scope.constraint:
                yield Grant(letters, people, matches)
