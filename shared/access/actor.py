"""Who is calling: a token's claims as an actor with roles, and the person it stands for."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from shared import references
from shared.access import scopes, tokens
from shared.access.compartments import is_a
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
from shared.settings import Settings

DEFAULT_TENANT = "-"
# Nothing in it ends a segment of a key, and none is the default's.
_TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)


class Ground(NamedTuple):
    """A stored resource that a caller's rights come from; version 0 where it was never there."""

    type: str
    id: str
    version: int


@dataclass(frozen=True, slots=True)
class Actor:
    """The caller of a request: token subject, client, the person it stands for, and roles.

    Of a patient or related person `myself` is the reference that their messages' `sender` has, and
    `patients` are those for whom they start care; `patient` is whom the token was issued about.
    `also` are the RelatedPersons that are the same person, each the relative of another patient.
    `grounds` are the stored resources that say so, with the versions that were read.
    `scopes` are SMART's, None where it has none: then roles alone say what it may.
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

    @property
    def who(self) -> dict[str, str]:
        """What the audit trail keeps of the caller."""
        known = {
            "subject": self.subject,
            "client": self.client,
            "fhirUser": self.fhir_user,
            "roles": " ".join(sorted(self.roles)),
        }
        return {name: value for name, value in known.items() if value}

    @property
    def is_cared_for(self) -> bool:
        """Tell whether no role of the caller reaches beyond their compartments."""
        known = self.roles & ROLES.keys()
        return bool(known) and known <= OF_COMPARTMENT

    @property
    def sees_drafts(self) -> bool:
        """Tell whether the caller sees drafts that others send."""
        return not OF_DRAFTS.isdisjoint(self.roles)

    @property
    def is_related_person(self) -> bool:
        """Tell whether the caller sees what they do as somebody's relative."""
        return self.is_cared_for and is_a(ROLES[RELATED_PERSON].person, self.myself)

    @property
    def selves(self) -> frozenset[str]:
        """Who a patient or related person is: the senders of their messages."""
        return self.also | ({self.myself} - {""})

    @property
    def senders(self) -> frozenset[str]:
        """The references by which the `sender` of the caller's own messages names them."""
        return frozenset(map(references.canonical, self.selves or {self.fhir_user})) - {""}

    @property
    def deletes_anything(self) -> bool:
        """Return whether the caller deletes more than their own drafts."""
        return not DELETERS_OF_ANYTHING.isdisjoint(self.roles)

    @property
    def people(self) -> frozenset[str]:
        """Whose compartments a patient or related person sees."""
        return self.patients | self.selves


ANONYMOUS = Actor(subject="anonymous")


def caller(claims: Mapping[str, Any], settings: Settings, authorization: str = "") -> Actor:
    """Read the claims of an access token, beside the header that it came in.

    Raises Login for a token that is something else than an access token, and Forbidden for one
    without a tenant where there are several, or without the scope that each needs.
    """
    token = tokens.read(claims, authorization)
    tokens.check_scope(token, settings.required_scope)
    groups = token.groups(settings.groups_claim, ROLES)
    client = token.text("client_id") or token.text("cid")
    subject = token.text("sub") if "sub" in token.claims else client
    # Only a client that stands for itself: a user without groups has no role, whatever the client.
    itself = not groups and subject in (client, f"{client}@clients")
    of_client = settings.client_roles.get(client) if itself else None
    roles = frozenset(groups) | ({of_client} if of_client else set())
    fhir_user, patient = token.text("fhirUser"), _patient(token.text("patient"))
    myself = _myself(roles, fhir_user, patient)
    # Who is a patient is nobody's relative by a claim, whatever other role they have.
    mine = myself if is_a("Patient", myself) else patient if RELATED_PERSON in roles else ""
    return Actor(
        subject=subject,
        client=client,
        fhir_user=fhir_user,
        roles=roles,
        tenant=_tenant(token, settings.tenant_claim),
        myself=myself,
        patients=frozenset({mine} - {""}),
        patient=patient or (myself if is_a("Patient", myself) else ""),
        scopes=scopes.read(token.scopes),
    )


def _tenant(token: Token, claim: str) -> str:
    if not claim:
        return DEFAULT_TENANT
    tenant = token.text(claim)
    if not _TENANT.fullmatch(tenant) or tenant in RESERVED:
        raise Forbidden(
            "The token names no tenant", diagnostics=f"It is expected in its claim {claim}"
        )
    return tenant


def _patient(claim: str) -> str:
    """Give whom a token is about as a reference: SMART's launch context is a bare id."""
    return references.canonical(claim if "/" in claim or not claim else f"Patient/{claim}")


def _myself(roles: frozenset[str], fhir_user: str, patient: str) -> str:
    """Give who a patient or related person is; a patient also by `patient` alone."""
    person = references.canonical(fhir_user)
    for role in sorted(roles & OF_COMPARTMENT):
        if is_a(ROLES[role].person, person):
            return person
    return patient if PATIENT in roles and not fhir_user and is_a("Patient", patient) else ""


def authorise(actor: Actor, interaction: Interaction, resource_type: str) -> Actor:
    """Give the caller in those of their roles that may do this: another widens none of it.

    An auditor who is a patient too sees everything, and writes what the patient may. Raises
    Forbidden where no role may, or the caller's scopes do not let them.
    """
    if interaction.public:
        return actor
    actor = replace(actor, roles=actor.roles & interaction.roles)
    if not actor.roles:
        raise Forbidden(
            f"{interaction.code} needs one of the roles {', '.join(sorted(interaction.roles))}"
        )
    if actor.is_cared_for and not actor.myself:
        raise Forbidden(
            "The token does not say who the caller is",
            diagnostics="fhirUser names a Patient or RelatedPerson, or patient a Patient",
        )
    for letter in interaction.letters if actor.scopes is not None else "":
        granting = (one for one in actor.scopes or () if one.grants(letter, resource_type))
        # To what is not searched as these types are, no constraint and no compartment can be put.
        if not any(one.is_whole or resource_type in TYPES for one in granting):
            raise Forbidden(
                f"{interaction.code} of {resource_type} needs a scope",
                diagnostics=f"It has none such as user/{resource_type}.{interaction.letters}",
            )
    return actor
