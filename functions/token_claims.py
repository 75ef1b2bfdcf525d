"""Cognito's trigger before it signs a token: say who the user is in FHIR's terms."""

from typing import Any


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Give the claims `fhirUser` and `patient`, by the pool's attributes of these names."""
    added = {"claimsToAddOrOverride": _claims(event["request"].get("userAttributes", {}))}
    event["response"]["claimsAndScopeOverrideDetails"] = {
        "idTokenGeneration": added,
        "accessTokenGeneration": added,
    }
    return event


def _claims(attributes: dict[str, str]) -> dict[str, str]:
    """Give who the user is, and which patient this is about: themselves unless it is said."""
    fhir_user, patient = attributes.get("custom:fhirUser", ""), attributes.get("custom:patient", "")
    kind, _, identity = fhir_user.rpartition("/")
    if not patient and kind.rpartition("/")[2] == "Patient":
        patient = identity
    claims = {"fhirUser": fhir_user, "patient": patient}
    return {name: value for name, value in claims.items() if value}
