"""The API as OpenAPI 3.1, made of the catalogue.

https://spec.openapis.org/oas/v3.1.1.html
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

from shared import fhirjson
from shared.catalog.controls import FORMATS
from shared.catalog.interactions import (
    AUDIT_EVENT,
    BELOW_BASE,
    NO_RESOURCE,
    PUBLISHED,
    Interaction,
)
from shared.catalog.operations import INSTANCE, OPERATIONS, TYPE, Operation
from shared.catalog.types import TYPES
from shared.http import openapi_plain
from shared.http.openapi_requests import (
    JSON,
    body,
    control,
    headers,
    operand,
    operands,
    path_parameters,
    queries,
)
from shared.http.responses import STATUS
from shared.http.schemas import all_schemas, reference_to
from shared.interactions.capabilities import VERSION
from shared.settings import settings

type Json = dict[str, Any]

_BUNDLES = "Bundles"
_DONE = {
    "create": {"201": "Created", "200": "Found by If-None-Exist"},
    "update": {"200": "Updated, or nothing was to be changed", "201": "Created"},
    "patch": {"200": "Changed, or nothing was to be changed"},
    "delete": {"204": "Deleted, or not there"},
    "read": {"200": "The resource", "304": "The caller has it"},
    "vread": {"200": "The version", "304": "The caller has it"},
}
# In which header a write says which version it is about.
_NAMING = {"200": "Content-Location", "201": "Location"}
_WRITES = ("create", "update", "patch")
_ALWAYS = (400, 403, 406, 503)
_WRITE = (409, 412, 413, 415, 422)
_REFUSED = {
    # Of patients and related persons: too many threads in one day.
    "create": (*_WRITE, 429),
    "update": (404, *_WRITE),
    "patch": (404, 410, *_WRITE),
    "delete": (404, *_WRITE),
    "read": (404, 410),
    "vread": (404, 410),
    "history-instance": (404,),
    "search-type": (404, 415),
    "operation": (404, 409, 410, 412, 413, 415, 422),
    "definition": (404,),
    # What a transaction is refused for is what refuses one of its entries.
    "transaction": (404, 405, 410, *_WRITE, 429),
    "batch": (404, 405, 410, *_WRITE, 429),
}
_MEANS = {status: kind.__doc__ or "" for kind, status in reversed(STATUS.items())}


@cache
def openapi(base: str) -> bytes:
    """Give the API of the server at `base`, as JSON."""
    return fhirjson.dumps(described(base))


def described(base: str) -> Json:
    """Give the API of the server at `base`."""
    paths: Json = {}
    root = base.removesuffix(settings().base_path)
    for path, method, operation in (*_operations(), *openapi_plain.operations(root)):
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
        "tags": [{"name": name} for name in _tags()],
        "paths": paths,
        "components": {
            "schemas": all_schemas() | openapi_plain.schemas(),
            "responses": {str(status): _refusal(status) for status in sorted(_MEANS)}
            | openapi_plain.responses(),
            "securitySchemes": {"token": _security()},
        },
    }


def _tags() -> tuple[str, ...]:
    return (*TYPES, AUDIT_EVENT, _BUNDLES, "Definitions", openapi_plain.TAG)


def _security() -> Json:
    known = settings()
    if not known.token_url:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    flow = {"tokenUrl": known.token_url, "scopes": {}}
    return {"type": "oauth2", "flows": {"clientCredentials": flow}}


def _refusal(status: int) -> Json:
    return {
        "description": _MEANS[status],
        "content": {JSON: {"schema": reference_to("OperationOutcome")}},
    }


def _operations() -> Iterator[tuple[str, str, Json]]:
    """Give path, method and description of everything that can be asked."""
    for row in BELOW_BASE:
        if row.code == "operation":
            yield from _named_operations(row)
        elif "{type}" in row.path:
            for kind in TYPES:
                yield row.path.replace("{type}", kind), row.method, _interaction(row, kind)
        elif row.type == AUDIT_EVENT:
            yield row.path, row.method, _interaction(row, AUDIT_EVENT)
        elif row.is_systems:
            yield "/", row.method, _base(row)
        elif row.code != "preflight":
            yield row.path, row.method, _public(row)


def _interaction(row: Interaction, kind: str) -> Json:
    described = _described(row, f"{row.code} {kind}", kind)
    described["parameters"] = [*path_parameters(row.path), *queries(row, kind), *headers(row)]
    if content := body(row, kind):
        described["requestBody"] = {"required": True, "content": content}
    if row.code in ("create", "update"):
        for status in {"200", "201"} & described["responses"].keys():
            described["responses"][status]["links"] = _links(kind)
    return described


def _described(row: Interaction, summary: str, tag: str) -> Json:
    """Describe what all requests have: names, who may, and the answers."""
    level = "" if "{id}" in row.path or row.code == "create" else "OfType"
    name = "".join(part.capitalize() for part in summary.replace("-", " ").split())
    roles = row.who or "everybody, without a token"
    described: Json = {
        "operationId": f"{row.method.lower()}{name}{level}",
        "summary": summary,
        "description": f"For {roles}.",
        "tags": [tag],
        "responses": _responses(row, tag),
    }
    return described | ({"security": []} if row.public else {})


def _responses(row: Interaction, kind: str) -> Json:
    done = _DONE.get(row.code, {"200": "The definition" if kind == "Definitions" else "A Bundle"})
    schema = kind if row.code in _DONE else "Bundle"
    answers: Json = {}
    for status, text in done.items():
        answers[status] = {"description": text}
        if status not in ("204", "304") and row.method != "HEAD":
            answers[status]["content"] = _answer(row, schema)
        if row.code in _WRITES:
            answers[status]["headers"] = _headers(_NAMING[status])
    refused = (*_ALWAYS, *_REFUSED.get(row.code, ()))
    for refusal in sorted(set(refused)):
        answer: Json = {"$ref": f"#/components/responses/{refusal}"}
        answers[str(refusal)] = answer if row.method != "HEAD" else {"description": _MEANS[refusal]}
    if not row.public:
        gateway = {"application/json": {"schema": reference_to("GatewayError")}}
        answers["401"] = {"description": "No token, or none that is valid", "content": gateway}
    return answers


def _headers(naming: str) -> Json:
    """Describe the headers that say which version a write made or found."""
    version = {"schema": {"type": "string", "examples": ['W/"1"']}}
    url = {
        "description": "The version: [base]/Type/id/_history/n",
        "schema": {"type": "string", "format": "uri"},
    }
    return {naming: url, "ETag": version}


def _answer(row: Interaction, schema: str) -> Json:
    """Give the content of a success; a write may answer with an outcome, or nothing at all."""
    wanted: Json = reference_to(schema)
    if row.code in _WRITES:
        wanted = {"anyOf": [wanted, reference_to("OperationOutcome")]}
    return {JSON: {"schema": wanted}}


def _links(kind: str) -> Json:
    """Lead from what was written to what can be done with it."""
    own = {"id": "$response.body#/id"}
    names = {"read": "getRead", "history": "getHistoryInstance", "delete": "deleteDelete"}
    return {
        name: {"operationId": f"{prefix}{kind}", "parameters": own}
        for name, prefix in names.items()
    }


def _named_operations(row: Interaction) -> Iterator[tuple[str, str, Json]]:
    level = _level(row)
    for operation in OPERATIONS:
        if level in operation.levels and row.method in operation.methods:
            for kind in operation.types:
                path = row.path.replace("{type}", kind).replace("{operation}", operation.name)
                yield path, row.method, _named(row, operation, kind)


def _named(row: Interaction, operation: Operation, kind: str) -> Json:
    described = _described(row, f"{operation.code} {kind}", kind)
    described["summary"] = f"{operation.name} of {kind}"
    described["description"] = f"{operation.description} For {', '.join(sorted(operation.roles))}."
    answers = described["responses"]
    answers["200"]["description"] = f"The {operation.returns}"
    answers["200"]["content"] = {JSON: {"schema": reference_to(operation.returns)}}
    if operation.returns == kind and _level(row) == TYPE:
        answers["201"] = answers["200"]
    described["parameters"] = [*path_parameters(row.path)]
    if row.method == "GET":
        described["parameters"] += [
            operand(each) for each in operation.parameters if not each.is_resource
        ]
    else:
        described["requestBody"] = {"content": {JSON: operands(operation, kind)}}
    return described


def _level(row: Interaction) -> str:
    """Tell whether an operation's route is on a type or on an instance."""
    return INSTANCE if "{id}" in row.path else TYPE


def _base(row: Interaction) -> Json:
    """Describe the base URL: with a slash at its end or without, a path of OpenAPI has one."""
    described = _described(row, "batch or transaction", _BUNDLES)
    asked = {"method": "GET", "url": "Encounter?status=in-progress"}
    example = {"resourceType": "Bundle", "type": "batch", "entry": [{"request": asked}]}
    content = {JSON: {"schema": reference_to("Bundle"), "example": example}}
    return described | {"requestBody": {"required": True, "content": content}}


def _public(row: Interaction) -> Json:
    name = row.path.removeprefix("/").partition("/")[0]
    described = _described(row, f"{row.code} {name.partition('.')[0]}", "Definitions")
    described["parameters"] = [
        *path_parameters(row.path),
        *map(control, FORMATS),
        *headers(row),
    ]
    if row.code in PUBLISHED:
        described["responses"]["304"] = {"description": "The caller has it"}
    schema = {"metadata": "CapabilityStatement"}.get(name, name)
    content: Json = {JSON: {"schema": reference_to(schema)}}
    if row.code in NO_RESOURCE:
        is_page = row.code == "docs"
        media = "text/html" if is_page else "application/json"
        content = {media: {"schema": {"type": "string" if is_page else "object"}}}
    if row.method != "HEAD":
        described["responses"]["200"] = {"description": row.code, "content": content}
    return described
