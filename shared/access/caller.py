"""The caller of a request: roles, tenant, person, and what the SMART scopes grant them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from shared.access.scopes import PATIENT_CONTEXT, Scope
from shared.catalog.compartments import SEEN_BY_ALL
from shared.catalog.roles import (
    COMPARTMENT_ROLES,
    DELETERS_OF_ANYTHING,
    RELATED_PERSON,
    ROLES,
)
from shared.fhir import references
from shared.rules.compartments import is_reference_to

type Predicate = Callable[[dict[str, Any]], bool]
# Returns what the constraint of a scope asks of resources of a type; None if it cannot be applied.
type ConstraintPredicate = Callable[[str, Scope], Predicate | None]

DEFAULT_TENANT = "-"
_KNOWN_ROLES = frozenset(ROLES)


class AccessBasis(NamedTuple):
    """A stored resource that a caller's rights depend on; version 0 if it does not exist."""

    type: str
    id: str
    version: int


class Grant(NamedTuple):
    """The resources of a type that one scope grants: those in some compartments, if they match.

    `people` are the owners of the compartments, None for no limit. `matches` returns whether a
    resource meets the constraint, None if there is none.
    """

    people: frozenset[str] | None
    matches: Predicate | None


@dataclass(frozen=True, slots=True)
class Caller:
    """The caller of a request: the token's subject and client, a person, and roles.

    For a patient or related person, `own_reference` is the one that they have as `sender` of their
    messages, and `patients` are those for whom they may start care. `other_related_persons` are
    further records of the same person, each the relative of another patient. `access_basis` are
    the stored resources that this follows from, with the versions that were read. `launch_patient`
    is the patient that the token was issued for. `scopes` are the token's SMART scopes; None if it
    has none, and roles alone decide what it may do.
    """

    subject: str
    client: str = ""
    fhir_user: str = ""
    roles: frozenset[str] = field(default_factory=frozenset)
    tenant: str = DEFAULT_TENANT
    own_reference: str = ""
    patients: frozenset[str] = field(default_factory=frozenset)
    other_related_persons: frozenset[str] = field(default_factory=frozenset)
    access_basis: tuple[AccessBasis, ...] = ()
    launch_patient: str = ""
    scopes: tuple[Scope, ...] | None = None
    # Given by whoever can match resources with searches; without it such scopes grant nothing.
    constraint_predicate: ConstraintPredicate = field(
        default=lambda _type, _scope: None, compare=False, repr=False
    )

    @property
    def audit_claims(self) -> dict[str, str]:
        """The claims that the audit trail stores about the caller."""
        fields = {
            "subject": self.subject,
            "client": self.client,
            "fhirUser": self.fhir_user,
            "roles": " ".join(sorted(self.roles)),
        }
        return {name: value for name, value in fields.items() if value}

    @property
    def is_patient_or_relative(self) -> bool:
        """Whether the caller's roles reach only compartments: a patient or related person."""
        known_roles = self.roles & _KNOWN_ROLES
        return bool(known_roles) and known_roles <= COMPARTMENT_ROLES

    @property
    def is_related_person(self) -> bool:
        """Whether the caller's access is that of a patient's relative."""
        return self.is_patient_or_relative and is_reference_to(
            ROLES[RELATED_PERSON].person, self.own_reference
        )

    @property
    def own_references(self) -> frozenset[str]:
        """All references of a patient or related person: the senders of their messages."""
        return self.other_related_persons | ({self.own_reference} - {""})

    @property
    def sender_references(self) -> frozenset[str]:
        """The references that the `sender` of the caller's own messages can have."""
        return frozenset(map(references.normalize, self.own_references or {self.fhir_user})) - {""}

    @property
    def deletes_anything(self) -> bool:
        """Whether the caller may delete more than their own drafts."""
        return not DELETERS_OF_ANYTHING.isdisjoint(self.roles)

    @property
    def compartment_owners(self) -> frozenset[str]:
        """The owners of the compartments that a patient or related person sees."""
        return self.patients | self.own_references

    def grants(self, resource_type: str, letters: str) -> list[Grant] | None:
        """Return what scopes with one of the letters grant of a type; None without scopes."""
        if self.scopes is None:
            return None
        grants = (self._grant(resource_type, letters, scope) for scope in self.scopes)
        return [grant for grant in grants if grant]

    def _grant(self, resource_type: str, letters: str, scope: Scope) -> Grant | None:
        """Return what a scope grants. One whose constraint cannot be applied grants nothing."""
        people = None
        if scope.context == PATIENT_CONTEXT and resource_type in SEEN_BY_ALL:
            # A patient's scope only reads and searches resources that are about no patient.
            letters = "".join(letter for letter in letters if letter in "rs")
        elif scope.context == PATIENT_CONTEXT:
            people = frozenset({self.launch_patient} - {""})
        if not scope.grants(letters, resource_type):
            return None
        matches = self.constraint_predicate(resource_type, scope) if scope.constraint else None
        return Grant(people, matches) if matches or not scope.constraint else None


ANONYMOUS = Caller(subject="anonymous")
