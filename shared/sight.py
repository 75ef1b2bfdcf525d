"""What a caller sees of what is stored."""

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from shared.access import Actor, compartments
from shared.access.scopes import ANY, PATIENT, Scope
from shared.catalog.compartments import SEEN_BY_ALL
from shared.catalog.types import CARE
from shared.errors import FhirError
from shared.sessions import kinds
from shared.settings import settings
from shared.store import reading
from shared.store.records import CommunicationRecord, Versioned

if TYPE_CHECKING:
    from shared.search.criteria import Criterion

type Resource = dict[str, Any]
type Header = Callable[[str], Versioned | None]
type Children = Callable[[str], list[Resource]]

EVERY_LETTER = "cruds"
# What the JSON of a draft has somewhere; few others do.
_DRAFT = b'"status":"preparation"'
# After every instant.
_AFTER_ALL = "~"


class Grant(NamedTuple):
    """What one scope lets a caller do with a type, in which compartment, and of what."""

    letters: str
    people: frozenset[str] | None
    constraint: "tuple[Criterion, ...]"


class Sight:
    """One request's look at what is stored; each header is read once, and only where it matters.

    What it does not see must be to the caller as if it did not exist. Of one resource `sees` is the
    question, and `sees_record` where it may be deleted; `surely_sees`, `sees_all_of` and `limits`
    spare reading what need not be read to know; `people` says where a search begins; `may` is about
    what the caller writes.
    """

    def __init__(
        self,
        actor: Actor,
        letters: str = EVERY_LETTER,
        *,
        header: Header | None = None,
        children: Children | None = None,
        rely_on: Callable[[Resource], None] = lambda _: None,
    ) -> None:
        """Look for a caller, by scopes with one of some letters.

        The readers are those of a change that is under way. `rely_on` is told of each other
        resource by which the caller sees one: a message's header, a session's medical encounter.
        """
        self.tenant, self._letters = actor.tenant, letters
        self._people = actor.people if actor.is_cared_for else None
        self._senders = None if actor.sees_drafts else actor.senders
        self._actor, self._rely_on = actor, rely_on
        self._grants = cache(self._grants_of)
        self._known: dict[frozenset[str], frozenset[str]] = {}
        self._shown: dict[tuple[str, frozenset[str]], str] = {}
        self._header = cache(header or self._stored_header)
        self._children = cache(children or self._stored_children)

    def limits(self, resource_types: Iterable[str] = CARE) -> bool:
        """Tell whether there may be anything of some types, beside drafts, that is not seen."""
        return not all(map(self._is_whole, resource_types))

    def _is_whole(self, resource_type: str) -> bool:
        """Tell whether the caller sees all of a type, by their role and by scopes if any."""
        if self._within(resource_type) is not None:
            return False
        granted = self._granted(resource_type, self._letters)
        return granted is None or any(one.people is None and not one.constraint for one in granted)

    def _granted(self, resource_type: str, letters: str) -> list[Grant] | None:
        if self._actor.scopes is None:
            return None
        of_type = self._grants(resource_type)
        return [one for one in of_type if not set(letters).isdisjoint(one.letters)]

    def _grants_of(self, resource_type: str) -> list[Grant]:
        return list(_grants(resource_type, self._actor))

    def _within(self, resource_type: str) -> frozenset[str] | None:
        """Give in whose compartments the caller's role sees a type; None is anywhere."""
        return None if resource_type in SEEN_BY_ALL else self._people

    def people(self, resource_type: str) -> frozenset[str] | None:
        """Give in whose compartments all is that the caller sees of a type; None is anywhere."""
        granted, people = self._granted(resource_type, self._letters), self._within(resource_type)
        if people is not None or granted is None:
            return people
        within = [one.people for one in granted]
        return None if None in within else frozenset().union(*(one or () for one in within))

    def remember(self, people: frozenset[str], threads: Iterable[str]) -> None:
        """Take note of threads whose headers are in some people's compartments."""
        self._known[people] = frozenset(threads)

    def sees_thread(self, thread: str) -> bool:
        """Tell whether the caller sees a header, and with it the messages of its thread."""
        if not self.limits(("Communication",)):
            return True
        header = self._header(thread)
        return header is not None and self.sees(header.resource)

    def sees_encounter(self, encounter_id: str) -> bool:
        """Tell whether the caller sees an Encounter."""
        if not self.limits(("Encounter",)):
            return True
        record = reading.current(self.tenant, "Encounter", encounter_id)
        return record is not None and self.sees(record.resource)

    def sees(self, resource: Resource, *, is_past: bool = False) -> bool:
        """Return whether the caller sees a resource, as it is now or in a past version.

        Nobody sees what is deleted.
        """
        if not resource or self._is_anothers_draft(resource):
            return False
        if not self.limits((resource["resourceType"],)):
            return True
        people = self._within(resource["resourceType"])
        if people is not None and not self._is_in_compartment(resource, people, is_past=is_past):
            return False
        return self.may(self._letters, resource, is_past=is_past)

    def surely_sees(self, resource_type: str, json: bytes) -> bool:
        """Tell whether the caller sees a resource, which need not be read to know that."""
        is_sent = self._senders is None or _DRAFT not in json
        return is_sent and not self.limits((resource_type,))

    def _is_anothers_draft(self, resource: Resource) -> bool:
        if self._senders is None or not compartments.is_draft(resource):
            return False
        return compartments.sender(resource) not in self._senders

    def may(self, letters: str, resource: Resource, *, is_past: bool = False) -> bool:
        """Return whether scopes with one of some letters are for a resource or past version."""
        granted = self._granted(resource["resourceType"], letters)
        return granted is None or any(
            self._is_for(resource, grant, is_past=is_past) for grant in granted
        )

    def may_search(self, resource_type: str) -> bool:
        """Tell whether scopes let the caller search a type."""
        return self._granted(resource_type, "s") != []

    def _is_for(self, resource: Resource, grant: Grant, *, is_past: bool) -> bool:
        people = grant.people
        if people is not None and not self._is_in_compartment(resource, people, is_past=is_past):
            return False
        if not grant.constraint:
            return True
        from shared.search.matching import matches  # noqa: PLC0415 - few scopes have constraints

        return all(matches(resource, one) for one in grant.constraint)

    def sees_record(self, record: Versioned | None) -> bool:
        """Return whether the caller sees a current record, by what it last was if deleted."""
        return record is not None and self._sees_version(record, is_past=False)

    def sees_past(self, record: Versioned) -> bool:
        """Return whether the caller sees a version that is not the current one."""
        return self._sees_version(record, is_past=True)

    def _sees_version(self, record: Versioned, *, is_past: bool) -> bool:
        if record.json is None:
            if self.sees_all_of(record):
                return True
            before = reading.version(self.tenant, record, record.version - 1)
            return before is not None and self.sees(before.resource, is_past=is_past)
        if self.surely_sees(record.type, record.json):
            return True
        return self.sees(record.resource, is_past=is_past)

    def sees_all_of(self, record: Versioned) -> bool:
        """Tell whether the caller sees all versions of a record, whatever they are."""
        drafted = isinstance(record, CommunicationRecord) and record.drafted
        return not self.limits((record.type,)) and (self._senders is None or not drafted)

    def _is_in_compartment(
        self, resource: Resource, people: frozenset[str], *, is_past: bool
    ) -> bool:
        if compartments.owners(resource) & people:
            return True
        if resource["resourceType"] == "Encounter":
            return self._has_medical_encounter(resource, people, is_past=is_past)
        if resource["resourceType"] != "Communication" or compartments.is_draft(resource):
            return False
        header_id = kinds.header(resource)
        if header_id in self._known.get(people, ()):
            return True
        header = self._header(header_id) if header_id else None
        if header is None or not header.json or not compartments.owners(header.resource) & people:
            return False
        self._rely_on(header.resource)
        return True

    def _has_medical_encounter(
        self, session: Resource, people: frozenset[str], *, is_past: bool
    ) -> bool:
        """Return whether one of some people has a medical encounter that shows them a session.

        It shows no version that names a patient itself, and none from before it was there.
        """
        if not kinds.is_session(session, settings().encounter_type_system):
            return False
        # Read in any case: an answer about what is hidden takes as long as about what is shown.
        children = self._children(session["id"])
        if kinds.names_patient(session):
            return False
        made = session["meta"]["lastUpdated"] if is_past else ""
        for child in children:
            if _shows(child, people) and not (is_past and made < self._shown_since(child, people)):
                self._rely_on(child)
                return True
        return False

    def _since(self, child: Resource, people: frozenset[str]) -> str:
        """Return since when, without a break, a medical encounter has shown its session."""
        record = reading.current(self.tenant, "Encounter", child["id"])
        since, parent = _AFTER_ALL, kinds.parent(child)
        while record and _shows(record.resource, people):
            if kinds.parent(record.resource) != parent:
                break
            since = record.last_updated
            record = reading.version(self.tenant, record, record.version - 1)
        return since

    def _shown_since(self, child: Resource, people: frozenset[str]) -> str:
        key = child["id"], people
        if key not in self._shown:
            self._shown[key] = self._since(child, people)
        return self._shown[key]

    def _stored_header(self, header_id: str) -> Versioned | None:
        return reading.communication(self.tenant, header_id)

    def _stored_children(self, session_id: str) -> list[Resource]:
        return reading.children(self.tenant, session_id)


def _shows(child: Resource, people: frozenset[str]) -> bool:
    """Return whether a medical encounter shows its session to one of some people."""
    if not child or child["status"] == kinds.ENTERED_IN_ERROR:
        return False
    return bool(compartments.owners(child) & people)


def _grants(resource_type: str, actor: Actor) -> Iterator[Grant]:
    """Give what scopes grant of a type; one whose constraint cannot be applied grants nothing."""
    for scope in actor.scopes or ():
        if scope.type in (ANY, resource_type):
            letters, people = scope.letters, None
            if scope.context == PATIENT and resource_type in SEEN_BY_ALL:
                # What is about no patient is theirs to look at only.
                letters = "".join(each for each in letters if each in "rs")
            elif scope.context == PATIENT:
                people = frozenset({actor.patient} - {""})
            constraint = _constraint(resource_type, scope)
            if constraint is not None:
                yield Grant(letters, people, constraint)


def _constraint(resource_type: str, scope: Scope) -> "tuple[Criterion, ...] | None":
    """Read the query of a scope, whole or not at all."""
    if not scope.constraint:
        return ()
    from shared.search import criteria  # noqa: PLC0415 - few scopes have constraints

    try:
        query = criteria.parse(resource_type, scope.constraint, settings().zone)
    except FhirError:
        return None
    is_whole = len(query.criteria) == len(scope.constraint)
    is_of_elements = all(one.param.expression for one in query.criteria)
    return query.criteria if is_whole and is_of_elements else None
