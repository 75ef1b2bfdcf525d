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
    DELETERS_OF_ANYTHING,
    OF_COMPARTMENT,
    OF_DRAFTS,
    PATIENT,
    RELATED_PERSON,
    ROLES,
)
from shared.catalog.types import TYPES
from shared.errors import Forbidden
from shared.fhir import references
from shared.rules.compartments import is_a
from shared.settings import Settings

type Predicate = Callable[[dict[str, Any]], bool]
# Return what the constraint of a scope asks of resources of a type; None if it cannot be applied.
type Constrained = Callable[[str, Scope], Predicate | None]

DEFAULT_TENANT = "-"
# No character of a tenant's name ends a segment of a key, and no name equals the default.
_TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)


def _grants_nothing(_type: str, _scope: Scope) -> None:
    """Apply no constraint: a scope that has one grants nothing."""


class Ground(NamedTuple):
    """A stored resource that a caller's rights depend on; version 0 if it does not exist."""

    type: str
    id: str
    version: int


@dataclass(frozen=True, slots=True)
class Actor:
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
    myself: str = ""
    patients: frozenset[str] = field(default_factory=frozenset)
    also: frozenset[str] = field(default_factory=frozenset)
    grounds: tuple[Ground, ...] = ()
    patient: str = ""
    scopes: tuple[Scope, ...] | None = None
    # Given by whoever can match resources with searches; without it such scopes grant nothing.
    constrained: Constrained = field(default=_grants_nothing, compare=False, repr=False)

    @property
    def who(self) -> dict[str, str]:
        """What the audit trail stores about the caller."""
        fields = {
            "subject": self.subject,
            "client": self.client,
            "fhirUser": self.fhir_user,
            "roles": " ".join(sorted(self.roles)),
        }
        return {name: value for name, value in fields.items() if value}

    @property
    def is_cared_for(self) -> bool:
        """Whether the caller's roles reach only compartments: a patient or related person."""
        known_roles = self.roles & ROLES.keys()
        return bool(known_roles) and known_roles <= OF_COMPARTMENT

    @property
    def sees_drafts(self) -> bool:
        """Whether the caller sees the drafts of others."""
        return not OF_DRAFTS.isdisjoint(self.roles)

    @property
    def is_related_person(self) -> bool:
        """Whether the caller's access is that of a patient's relative."""
        return self.is_cared_for and is_a(ROLES[RELATED_PERSON].person, self.myself)

    @property
    def selves(self) -> frozenset[str]:
        """All references of a patient or related person: the senders of their messages."""
        return self.also | ({self.myself} - {""})

    @property
    def senders(self) -> frozenset[str]:
        """The references that the `sender` of the caller's own messages can have."""
        return frozenset(map(references.canonical, self.selves or {self.fhir_user})) - {""}

    @property
    def deletes_anything(self) -> bool:
        """Whether the caller may delete more than their own drafts."""
        return not DELETERS_OF_ANYTHING.isdisjoint(self.roles)

    @property
    def people(self) -> frozenset[str]:
        """The owners of the compartments that a patient or related person sees."""
        return self.patients | self.selves


ANONYMOUS = Actor(subject="anonymous")


def caller(
    claims: Mapping[str, Any],
    settings: Settings,
    authorization: str = "",
    *,
    constrained: Constrained = _grants_nothing,
) -> Actor:
    """Return the caller of a request by its verified claims and its Authorization header.

    `constrained` applies the constraints of scopes, which are searches. Raises Login if the token
    is not an access token. Raises Forbidden if it lacks the scope that the deployment requires, or
    a tenant in a deployment with several.
    """
    token = tokens.read(claims, authorization)
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
    own_patient = myself if is_a("Patient", myself) else patient if RELATED_PERSON in roles else ""
    return Actor(
        subject=subject,
        client=client,
        fhir_user=fhir_user,
        roles=roles,
        tenant=_tenant(token, settings.tenant_claim),
        myself=myself,
        patients=frozenset({own_patient} - {""}),
        patient=patient or (myself if is_a("Patient", myself) else ""),
        scopes=scopes.read(token.scopes),
        constrained=constrained,
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
    return references.canonical(claim if "/" in claim or not claim else f"Patient/{claim}")


def _myself(roles: frozenset[str], fhir_user: str, patient: str) -> str:
    """Return the reference of a patient or related person, empty if the token does not tell it.

    A patient's may come from the `patient` claim if there is no `fhirUser`.
    """
    person = references.canonical(fhir_user)
    for role in sorted(roles & OF_COMPARTMENT):
        if is_a(ROLES[role].person, person):
            return person
    return patient if PATIENT in roles and not fhir_user and is_a("Patient", patient) else ""


def authorise(actor: Actor, interaction: Interaction, resource_type: str) -> Actor:
    """Return the caller with only those of their roles that permit an interaction.

    No other role then widens what they may do: an auditor who is also a patient sees everything,
    but writes only what a patient may. Raises Forbidden if no role or no scope permits the
    interaction.
    """
    if interaction.public:
        return actor
    actor = replace(actor, roles=actor.roles & interaction.roles)
    if not actor.roles:
        raise Forbidden(
            f"{interaction.code} requires one of the roles {', '.join(sorted(interaction.roles))}"
        )
    if actor.is_cared_for and not actor.myself:
        raise Forbidden(
            "The token does not say who the caller is",
            diagnostics="The claim fhirUser must name a Patient or RelatedPerson, or the claim "
            "patient a Patient",
        )
    for letter in interaction.letters if actor.scopes is not None else "":
        granting = (scope for scope in actor.scopes or () if scope.grants(letter, resource_type))
        # Other types are not searched like these, so a scope's constraint or compartment could
        # not be applied to them.
        if not any(scope.is_whole or resource_type in TYPES for scope in granting):
            raise Forbidden(
                f"{interaction.code} of {resource_type} needs a scope that the token does not have",
                diagnostics=f"Request a scope such as user/{resource_type}.{interaction.letters}",
            )
    return actor
