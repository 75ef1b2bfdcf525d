"""The OpenAPI 3.1 document of the API, generated from the catalogue.

https://spec.openapis.org/oas/v3.1.1.html
"""

from collections.abc import Iterable
from functools import cache
from typing import Protocol

from shared.fhir import fhirjson
from shared.http.openapi.operations import TAGS, fhir_operations
from shared.http.openapi.requests import JSON
from shared.http.openapi.schemas import Json, all_schemas, reference_to
from shared.http.statuses import MEANINGS
from shared.interactions.conformance.capabilities import VERSION
from shared.settings import settings


class AdditionalApi(Protocol):
    """The parts that another API beside FHIR's adds."""

    TAG: str

    def operations(self, root: str) -> Iterable[tuple[str, str, Json]]:
        """Return each operation with its path and method."""

    def schemas(self) -> Json:
        """Return the schemas that its operations refer to."""

    def responses(self) -> Json:
        """Return the responses that its operations refer to."""


@cache
def openapi_json(base: str, addition: AdditionalApi) -> bytes:
    """Return the OpenAPI document of the API at `base`, as JSON."""
    return fhirjson.dumps(openapi_document(base, addition))


def openapi_document(base: str, addition: AdditionalApi) -> Json:
    """Return the OpenAPI document of the API at `base` and the one beside it."""
    paths: Json = {}
    root = base.removesuffix(settings().base_path)
    for path, method, operation in (*fhir_operations(), *addition.operations(root)):
        paths.setdefault(path, {})[method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Async Encounters",
            "version": VERSION,
            "summary": "Asynchronous care as billable FHIR R4 Encounters",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": base}],
        "security": [{"token": []}],
        "tags": [{"name": name} for name in (*TAGS, addition.TAG)],
        "paths": paths,
        "components": {
            "schemas": all_schemas() | addition.schemas(),
            "responses": {str(status): _refusal(status) for status in sorted(MEANINGS)}
            | addition.responses(),
            "securitySchemes": {"token": _security()},
        },
    }


def _security() -> Json:
    token_url = settings().token_url
    if not token_url:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    flow = {"tokenUrl": token_url, "scopes": {}}
    return {"type": "oauth2", "flows": {"clientCredentials": flow}}


def _refusal(status: int) -> Json:
    return {
        "description": MEANINGS[status],
        "content": {JSON: {"schema": reference_to("OperationOutcome")}},
    }
