"""Cognito's trigger before it signs a token: say who the user is, and what the token is for."""

from typing import Any


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Add the claims `fhirUser`, `patient` and `tenant`, and scopes, by attributes of the pool."""
    attributes = event["request"].get("userAttributes", {})
    added = {"claimsToAddOrOverride": _claims(attributes)}
    scopes = attributes.get("custom:scope", "").split()
    event["response"]["claimsAndScopeOverrideDetails"] = {
        "idTokenGeneration": added,
        "accessTokenGeneration": added | ({"scopesToAdd": scopes} if scopes else {}),
    }
    return event


def _claims(attributes: dict[str, str]) -> dict[str, str]:
    """Return who the user is, and which patient this is about: themselves unless it is said."""
    fhir_user, patient = attributes.get("custom:fhirUser", ""), attributes.get("custom:patient", "")
    kind, _, identity = fhir_user.rpartition("/")
    if not patient and kind.rpartition("/")[2] == "Patient":
        patient = identity
    tenant = attributes.get("custom:tenant", "")
    claims = {"fhirUser": fhir_user, "patient": patient, "tenant": tenant}
    return {name: value for name, value in claims.items() if value}
