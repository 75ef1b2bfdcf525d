"""The SMART configuration: where and how apps get their tokens.

https://hl7.org/fhir/smart-app-launch/conformance.html#using-well-known
"""

from typing import Any

from shared.fhir import fhirjson
from shared.settings import settings

_CAPABILITIES = (
    "client-public",
    "client-confidential-symmetric",
    "permission-patient",
    "permission-user",
    "permission-v1",
    "permission-v2",
)


def configuration() -> bytes:
    """Return the SMART configuration as JSON. Endpoints that are not configured are left out."""
    configured = settings()
    endpoints = {
        "authorization_endpoint": configured.authorize_url,
        "token_endpoint": configured.token_url,
    }
    grants = ["authorization_code", "client_credentials"]
    supported = configured.scopes_supported
    scopes = {"scopes_supported": supported} if supported else {}
    document: dict[str, Any] = {
        **{name: url for name, url in endpoints.items() if url},
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "grant_types_supported": grants if configured.authorize_url else grants[1:],
        **scopes,
        "response_types_supported": ["code"] if configured.authorize_url else [],
        "code_challenge_methods_supported": ["S256"],
        "capabilities": _CAPABILITIES,
    }
    return fhirjson.dumps(document)
