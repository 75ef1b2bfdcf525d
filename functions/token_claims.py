"""Cognito's trigger before it signs a token: say who the user is in FHIR's terms."""

from typing import Any


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Copy the pool's attribute `custom:fhirUser` into the claim `fhirUser`."""
    fhir_user = event["request"].get("userAttributes", {}).get("custom:fhirUser")
    added = {"claimsToAddOrOverride": {"fhirUser": fhir_user} if fhir_user else {}}
    event["response"]["claimsAndScopeOverrideDetails"] = {
        "idTokenGeneration": added,
        "accessTokenGeneration": added,
    }
    return event
