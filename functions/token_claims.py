"""Cognito's pre-token-generation trigger: adds claims about the user, and SMART scopes."""

from typing import Any


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Add the claims `fhirUser`, `patient` and `tenant`, and scopes, from the user's attributes."""
    attributes = event["request"].get("userAttributes", {})
    added = {"claimsToAddOrOverride": _claims(attributes)}
    scopes = attributes.get("custom:scope", "").split()
    event["response"]["claimsAndScopeOverrideDetails"] = {
        "idTokenGeneration": added,
        "accessTokenGeneration": added | ({"scopesToAdd": scopes} if scopes else {}),
    }
    return event


def _claims(attributes: dict[str, str]) -> dict[str, str]:
    """Return the claims about a user. `patient` defaults to the user if they are a Patient."""
    fhir_user, patient = attributes.get("custom:fhirUser", ""), attributes.get("custom:patient", "")
    type_url, _, resource_id = fhir_user.rpartition("/")
    if not patient and type_url.rpartition("/")[2] == "Patient":
        patient = resource_id
    tenant = attributes.get("custom:tenant", "")
    claims = {"fhirUser": fhir_user, "patient": patient, "tenant": tenant}
    return {name: value for name, value in claims.items() if value}
