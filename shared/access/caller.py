"""The caller of a request: roles, tenant, scopes and person, read from an access token."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from shared.access import scopes, tokens
from shared.access.scopes import Scope
from shared.access.tokens import Token
from shared.catalog.access_patterns import RESERVED
from shared.catalog.interactions import Interaction
from shared.catalog.roles import (
    COMPARTMENT_ROLES,
    DELETERS_OF_ANYTHING,
    DRAFT_READERS,
    PATIENT,
    RELATED_PERSON,
    ROLES,
)
from shared.catalog.types import STORED_TYPES
from shared.errors import Forbidden
from shared.fhir import references
from shared.rules.compartments import is_reference_to
from shared.settings import Settings

type Predicate = Callable[[dict[str, Any]], bool]
# Return what the constraint of a scope asks of resources of a type; None if it cannot be applied.
type ConstraintPredicate = Callable[[str, Scope], Predicate | None]

DEFAULT_TENANT = "-"
# No character of a tenant's name ends a segment of a key, and no name equals the default.
_TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)


def _grants_nothing(_type: str, _scope: Scope) -> None:
    """Apply no constraint: a scope that has one grants nothing."""


class AccessBasis(NamedTuple):
    """A stored resource that a caller's rights depend on; version 0 if it does not exist."""

    type: str
    id: str
    version: int


@dataclass(frozen=True, slots=True)
class Caller:
    """The caller of a request: the token's subject and client, a person, and roles.

    For a patient or related person, `myself` is the reference that they have as `sender` of their
    messages, and `patients` are those for whom they may start care. `also` are other
    RelatedPersons for the same person, each the relative of another patient. `grounds` are the
    stored resources that this follows from, with the versions that were read. `patient` is whom
    the token was issued about. `scopes` are the token's SMART scopes; None if it has none, and
    roles alone decide what it may do.
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
        default=_grants_nothing, compare=False, repr=False
    )

    @property
    def audit_claims(self) -> dict[str, str]:
        """What the audit trail stores about the caller."""
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
        known_roles = self.roles & ROLES.keys()
        return bool(known_roles) and known_roles <= COMPARTMENT_ROLES

    @property
    def sees_drafts(self) -> bool:
        """Whether the caller sees the drafts of others."""
        return not DRAFT_READERS.isdisjoint(self.roles)

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


ANONYMOUS = Caller(subject="anonymous")


def caller_from_claims(
    claims: Mapping[str, Any],
    settings: Settings,
    authorization: str = "",
    *,
    constrained: ConstraintPredicate = _grants_nothing,
) -> Caller:
    """Return the caller of a request by its verified claims and its Authorization header.

    `constrained` applies the constraints of scopes, which are searches. Raises Login if the token
    is not an access token. Raises Forbidden if it lacks the scope that the deployment requires, or
    a tenant in a deployment with several.
    """
    token = tokens.parse(claims, authorization)
    tokens.check_scope(token, settings.required_scope)
    groups = token.groups(settings.groups_claim, ROLES)
    client = token.text("client_id") or token.text("cid")
    subject = token.text("sub") if "sub" in token.claims else client
    # A client's role is only for the client itself: a user without groups has no role through it.
    is_client_itself = not groups and subject in (client, f"{client}@clients")
    client_role = settings.client_roles.get(client) if is_client_itself else None
    roles = frozenset(groups) | ({client_role} if client_role else set())
    fhir_user, patient = token.text("fhirUser"), _patient(token.text("patient"))
    myself = _myself(roles, fhir_user, patient)
    # A claim makes no patient another patient's relative, whatever other role they have.
    own_patient = (
        myself if is_reference_to("Patient", myself) else patient if RELATED_PERSON in roles else ""
    )
    return Caller(
        subject=subject,
        client=client,
        fhir_user=fhir_user,
        roles=roles,
        tenant=_tenant(token, settings.tenant_claim),
        own_reference=myself,
        patients=frozenset({own_patient} - {""}),
        launch_patient=patient or (myself if is_reference_to("Patient", myself) else ""),
        scopes=scopes.parse(token.scopes),
        constraint_predicate=constrained,
    )


def _tenant(token: Token, claim: str) -> str:
    if not claim:
        return DEFAULT_TENANT
    tenant = token.text(claim)
    if not _TENANT.fullmatch(tenant) or tenant in RESERVED:
        raise Forbidden(
            "The token does not name a valid tenant",
            diagnostics=f"The tenant is read from the token's claim {claim}",
        )
    return tenant


def _patient(claim: str) -> str:
    """Return a `patient` claim as a reference. In SMART's launch context it is a bare id."""
    return references.normalize(claim if "/" in claim or not claim else f"Patient/{claim}")


def _myself(roles: frozenset[str], fhir_user: str, patient: str) -> str:
    """Return the reference of a patient or related person, empty if the token does not tell it.

    A patient's may come from the `patient` claim if there is no `fhirUser`.
    """
    person = references.normalize(fhir_user)
    for role in sorted(roles & COMPARTMENT_ROLES):
        if is_reference_to(ROLES[role].person, person):
            return person
    return (
        patient
        if PATIENT in roles and not fhir_user and is_reference_to("Patient", patient)
        else ""
    )


def authorize(caller: Caller, interaction: Interaction, resource_type: str) -> Caller:
    """Return the caller with only those of their roles that permit an interaction.

    No other role then widens what they may do: an auditor who is also a patient sees everything,
    but writes only what a patient may. Raises Forbidden if no role or no scope permits the
    interaction.
    """
    if interaction.public:
        return caller
    caller = replace(caller, roles=caller.roles & interaction.roles)
    if not caller.roles:
        raise Forbidden(
            f"{interaction.code} requires one of the roles {', '.join(sorted(interaction.roles))}"
        )
    if caller.is_patient_or_relative and not caller.own_reference:
        raise Forbidden(
            "The token does not say who the caller is",
            diagnostics="The claim fhirUser must name a Patient or RelatedPerson, or the claim "
            "patient a Patient",
        )
    for letter in interaction.scope_letters if caller.scopes is not None else "":
        granting = (scope for scope in caller.scopes or () if scope.grants(letter, resource_type))
        # Other types are not searched like these, so a scope's constraint or compartment could
        # not be applied to them.
        if not any(scope.covers_whole_type or resource_type in STORED_TYPES for scope in granting):
            raise Forbidden(
                f"{interaction.code} of {resource_type} needs a scope that the token does not have",
                diagnostics="Request a scope such as "
                f"user/{resource_type}.{interaction.scope_letters}",
            )
    return caller
