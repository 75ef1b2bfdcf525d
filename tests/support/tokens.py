"""Access tokens verified by the gateway's authorizer, and their claims as it passes them on."""

import json
from base64 import urlsafe_b64encode
from typing import Any

from tests.support.api_client import ApiClient


def token(payload: dict[str, Any], **head: Any) -> str:
    """Return an encoded token. Its signature has been verified before a function is called."""
    parts = (json.dumps(part).encode() for part in ({"alg": "RS256", **head}, payload))
    return ".".join([*(urlsafe_b64encode(part).decode().rstrip("=") for part in parts), "x"])


def flattened_claims(payload: dict[str, Any]) -> dict[str, str]:
    """Return claims as an HTTP API passes them on: a list becomes `[a b]`."""
    return {
        name: f"[{' '.join(map(str, value))}]" if isinstance(value, list) else str(value)
        for name, value in payload.items()
    }


def caller(groups: object = "practitioner", **claims: Any) -> tuple[ApiClient, str]:
    """Return a caller whose token has these groups and claims, and the header that carries it."""
    payload = {
        "iss": "https://issuer.example",
        "sub": "somebody",
        "jti": "1",
        "client_id": "tests",
        "token_use": "access",
        "cognito:groups": groups,
        "fhirUser": "Practitioner/doctor-alice-smith",
        **claims,
    }
    payload = {name: value for name, value in payload.items() if value is not None}
    door = ApiClient(role="", claims=flattened_claims(payload))
    return door, f"Bearer {token(payload)}"
