"""Authorization: the caller of a request by their access token, and the roles that permit it."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from shared.access import scopes, tokens
from shared.access.caller import DEFAULT_TENANT, Caller, ConstraintPredicate
from shared.access.tokens import Token
from shared.catalog.access_patterns import RESERVED
from shared.catalog.interactions import Interaction
from shared.catalog.roles import COMPARTMENT_ROLES, PATIENT, RELATED_PERSON, ROLES
from shared.catalog.types import KEPT_TYPES
from shared.errors import Forbidden
from shared.fhir import references
from shared.rules.compartments import is_reference_to
from shared.settings import Settings

# No character of a tenant's name ends a segment of a key, and no name equals the default.
_TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)


def caller_from_claims(
    claims: Mapping[str, Any],
    settings: Settings,
    authorization: str,
    *,
    constraint_predicate: ConstraintPredicate,
) -> Caller:
    """Return the caller of a request by its verified claims and its Authorization header.

    `constraint_predicate` applies the constraints of scopes, which are searches. Raises
    Unauthenticated if the token is not an access token. Raises Forbidden if it lacks the scope that
    the deployment requires, or a tenant in a deployment with several.
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
    fhir_user, patient = token.text("fhirUser"), _patient_reference(token.text("patient"))
    own_reference = _own_reference(roles, fhir_user, patient)
    is_patient = is_reference_to("Patient", own_reference)
    # A claim makes no patient another patient's relative, whatever other role they have.
    own_patient = own_reference if is_patient else patient if RELATED_PERSON in roles else ""
    return Caller(
        subject=subject,
        client=client,
        fhir_user=fhir_user,
        roles=roles,
        tenant=_tenant(token, settings.tenant_claim),
        own_reference=own_reference,
        patients=frozenset({own_patient} - {""}),
        launch_patient=patient or (own_reference if is_patient else ""),
        scopes=scopes.parse(token.scopes),
        constraint_predicate=constraint_predicate,
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


def _patient_reference(claim: str) -> str:
    """Return a `patient` claim as a reference. In SMART's launch context it is a bare id."""
    return references.normalize(claim if "/" in claim or not claim else f"Patient/{claim}")


def _own_reference(roles: frozenset[str], fhir_user: str, patient: str) -> str:
    """Return the reference of a patient or related person, empty if the token names none.

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
    if not caller.roles <= interaction.roles:
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
        if not any(scope.covers_whole_type or resource_type in KEPT_TYPES for scope in granting):
            raise Forbidden(
                f"{interaction.code} of {resource_type} needs a scope that the token does not have",
                diagnostics="Request a scope such as "
                f"user/{resource_type}.{interaction.scope_letters}",
            )
    return caller
