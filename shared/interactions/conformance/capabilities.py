"""The CapabilityStatement, made from the catalogue.

https://hl7.org/fhir/R4/http.html#capabilities
"""

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from shared.catalog.interactions import AUDIT_READERS, BELOW_BASE
from shared.catalog.operations import OPERATIONS, Operation
from shared.catalog.parameters import SEARCH_PARAMS, Index, SearchParam
from shared.catalog.policies import EXTENSION_PATH
from shared.catalog.roles import ROLES, roles_text
from shared.catalog.subscriptions import SECRET_PATH
from shared.catalog.types import AUDIT_EVENT, BINARY, STORED_TYPES, SUBSCRIPTION
from shared.fhir import fhirjson
from shared.fhir.references import CORE_DEFINITIONS
from shared.fhir.validation import profiles
from shared.interactions.conformance.definitions import DATE, operation_url, search_parameter_url
from shared.settings import ARCHIVE, settings

VERSION = "1.0.0"
_OAUTH_URIS = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
_SECURITY_SERVICE = "http://terminology.hl7.org/CodeSystem/restful-security-service"
# Codes of the catalogue that are not interactions of R4.
_NOT_RESTFUL = frozenset(
    {
        "capabilities",
        "definition",
        "docs",
        "event-schema",
        "openapi",
        "operation",
        "preflight",
        "smart-configuration",
    }
)


@cache
def capabilities(base: str) -> bytes:
    """Return the CapabilityStatement of the server at `base` as JSON."""
    return fhirjson.dumps(
        {
            "resourceType": "CapabilityStatement",
            "url": f"{base}/metadata",
            "version": VERSION,
            "name": "AsyncEncounters",
            "title": "Async Encounters",
            "description": (
                "Asynchronous care as Encounters, with threads and messages as Communications. "
                f"Documentation: {base}/docs; OpenAPI: {base}/openapi.json"
            ),
            "status": "active",
            "date": DATE,
            "kind": "instance",
            "software": {"name": "Async Encounters", "version": VERSION},
            "implementation": {"description": "Async Encounters", "url": base},
            "fhirVersion": "4.0.1",
            "format": ["application/fhir+json", "application/json"],
            "patchFormat": ["application/json-patch+json", "application/merge-patch+json"],
            "rest": [
                {
                    "mode": "server",
                    "security": _security(),
                    "resource": [_resource(resource_type, base) for resource_type in STORED_TYPES]
                    + [_binary(), _audit_event(base)],
                    "interaction": [
                        {"code": row.code} for row in BELOW_BASE if row.is_whole_system
                    ],
                }
            ],
        }
    )


def _security() -> dict[str, Any]:
    configured = settings()
    urls = (("authorize", configured.authorize_url), ("token", configured.token_url))
    endpoints = [{"url": name, "valueUri": url} for name, url in urls if url]
    service = {"coding": [{"system": _SECURITY_SERVICE, "code": "SMART-on-FHIR"}]}
    roles = "\n".join(
        f"- {role.name}: {role.documentation}; deletes {role.deletes}" for role in ROLES.values()
    )
    security: dict[str, Any] = {
        "cors": bool(configured.allowed_origins),
        "service": [service],
        "description": f"Roles, and what they are for:\n\n{roles}",
    }
    if endpoints:
        security["extension"] = [{"url": _OAUTH_URIS, "extension": endpoints}]
    return security


# By type: what may be said in an extension that this server defines, and the end of its URL.
_EXTENSIONS = {
    "Communication": (
        "A thread's header may say how its sessions begin and end",
        EXTENSION_PATH,
    ),
    SUBSCRIPTION: (
        "By rest-hook, signed with a secret; headers and secret are never shown. The secret is",
        SECRET_PATH,
    ),
}


def _resource(resource_type: str, base: str) -> dict[str, Any]:
    supported = [url for url in profiles.supported_urls() if profiles.applies(url, resource_type)]
    rows = [row for row in BELOW_BASE if not row.is_whole_system and row.type != BINARY]
    codes = dict.fromkeys(row.code for row in rows if row.code not in _NOT_RESTFUL)
    conditional = {row.code for row in BELOW_BASE if row.conditional}
    operations = [_operation(row, base) for row in OPERATIONS if resource_type in row.types]
    # `supportedProfile` cannot name the extension, because it is for profiles of whole resources.
    text, path = _EXTENSIONS.get(resource_type, ("", ""))
    documentation = f"{text}, in an extension: {base}{path}" if text else ""
    return {
        "type": resource_type,
        "profile": f"{CORE_DEFINITIONS}{resource_type}",
        **({"documentation": documentation} if documentation else {}),
        **({"supportedProfile": supported} if supported else {}),
        "interaction": [{"code": code, "documentation": _who(code)} for code in codes],
        "versioning": "versioned-update",
        "readHistory": True,
        "updateCreate": True,
        "conditionalCreate": "create" in conditional,
        "conditionalRead": "full-support",
        "conditionalUpdate": "update" in conditional,
        "conditionalDelete": "single" if "delete" in conditional else "not-supported",
        "referencePolicy": ["literal", "logical"],
        "searchInclude": ["*", *_includable(SEARCH_PARAMS.of(resource_type).values())],
        "searchRevInclude": ["*", *_includable(_referring_to(resource_type))],
        "searchParam": [_parameter(row, base) for row in SEARCH_PARAMS.of(resource_type).values()],
        **({"operation": operations} if operations else {}),
    }


def _binary() -> dict[str, Any]:
    rows = {row.code: row for row in BELOW_BASE if row.type == BINARY}
    return {
        "type": BINARY,
        "profile": f"{CORE_DEFINITIONS}{BINARY}",
        "documentation": "Files, of any content type. Without securityContext, a file is seen by "
        "its maker and administrators only",
        "interaction": [
            {"code": code, "documentation": _listed(row.roles, code)} for code, row in rows.items()
        ],
        "versioning": "versioned-update",
        "readHistory": True,
        "updateCreate": False,
        "conditionalCreate": False,
        "conditionalRead": "full-support",
        "conditionalUpdate": False,
        "conditionalDelete": "not-supported",
        "referencePolicy": ["literal"],
    }


def _audit_event(base: str) -> dict[str, Any]:
    rows = [row for row in BELOW_BASE if row.type == AUDIT_EVENT]
    return {
        "type": AUDIT_EVENT,
        "documentation": _retention(),
        "interaction": [
            {"code": code, "documentation": _listed(AUDIT_READERS)}
            for code in dict.fromkeys(row.code for row in rows)
        ],
        "versioning": "no-version",
        "searchParam": [_parameter(row, base) for row in SEARCH_PARAMS.of(AUDIT_EVENT).values()],
    }


def _retention() -> str:
    """Return documentation of how long searches find AuditEvents and the archive keeps them."""
    configured = settings()
    retention, limits = configured.audit_retention_days, configured.audit_index_days
    days = [limit for limit in (limits, retention) if limit]
    found = f"Searches find events for {min(days)} days" if days else "Searches find all events"
    kept = f"for {retention} days" if retention else "forever"
    is_partial = configured.audit_reads == ARCHIVE
    exception = ", but not those of requests that wrote nothing" if is_partial else ""
    return f"{found}{exception}; the archive keeps every event {kept}"


def _includable(rows: Iterable[SearchParam]) -> list[str]:
    """Return those of some parameters whose targets may be stored here, as _include names them."""
    return [
        f"{row.resource}:{row.code}"
        for row in rows
        if row.type == "reference"
        and row.expression
        and (not row.targets or set(row.targets) & set(STORED_TYPES))
    ]


def _referring_to(resource_type: str) -> Iterator[SearchParam]:
    """Yield the indexed parameters, of any type, that may refer to a type."""
    for row in (row for name in STORED_TYPES for row in SEARCH_PARAMS.of(name).values()):
        if row.index is not Index.FILTER and (not row.targets or resource_type in row.targets):
            yield row


def _who(code: str) -> str:
    """Return documentation of the roles that may use an interaction, by any of its routes."""
    rows = (row for row in BELOW_BASE if row.code == code and row.type not in (AUDIT_EVENT, BINARY))
    return _listed({role for row in rows for role in row.roles}, code)


def _listed(roles: Iterable[str], code: str = "") -> str:
    return f"For the roles {roles_text(roles, code)}"


def _operation(row: Operation, base: str) -> dict[str, str]:
    return {
        "name": row.code,
        "definition": operation_url(row, base),
        "documentation": f"{row.description} {_listed(row.roles)}",
    }


def _parameter(row: SearchParam, base: str) -> dict[str, str]:
    return {"name": row.code, "definition": search_parameter_url(row, base), "type": row.type}
