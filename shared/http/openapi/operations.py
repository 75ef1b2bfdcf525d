"""The OpenAPI operations of every request below the base, generated from the catalogue's rows.

https://spec.openapis.org/oas/v3.1.1.html#operation-object
"""

from collections.abc import Iterator

from shared.catalog.controls import FORMATS
from shared.catalog.interactions import (
    BELOW_BASE,
    NON_RESOURCE_CODES,
    SERVER_DOCUMENTS,
    Interaction,
)
from shared.catalog.operations import INSTANCE, OPERATIONS, TYPE, Operation
from shared.catalog.types import AUDIT_EVENT, BINARY, STORED_TYPES
from shared.http.openapi.requests import (
    JSON,
    control_parameter,
    header_parameters,
    operation_body,
    operation_parameter,
    path_parameters,
    query_parameters,
    request_body,
)
from shared.http.openapi.schemas import Json, reference_to
from shared.http.statuses import MEANINGS

_BUNDLES, _DEFINITIONS = "Bundles", "Definitions"
TAGS = (*STORED_TYPES, BINARY, AUDIT_EVENT, _BUNDLES, _DEFINITIONS)
_DONE = {
    "create": {"201": "Created", "200": "The resource that If-None-Exist matches"},
    "update": {"200": "Updated, or already as requested", "201": "Created"},
    "patch": {"200": "Changed, or already as requested"},
    "delete": {"204": "Deleted, or did not exist"},
    "read": {"200": "The resource", "304": "The client has the current version"},
    "vread": {"200": "The version", "304": "The client has this version"},
}
# Responses to reads of files, in addition.
_FILE_DONE = {
    "206": "The part of the file that Range asks for",
    "307": "The URL of a file that does not fit into a response, for a minute",
}
# The header in which a write names the version that it is about.
_VERSION_HEADERS = {"200": "Content-Location", "201": "Location"}
_WRITES = ("create", "update", "patch")
_ALWAYS = (400, 403, 406, 503)
_WRITE = (409, 412, 413, 415, 422)
_REFUSED = {
    # 429: a patient or related person has started too many threads in one day.
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
    # A transaction is refused with the status of the entry that is refused.
    "transaction": (404, 405, 410, *_WRITE, 429),
    "batch": (404, 405, 410, *_WRITE, 429),
}


def fhir_operations() -> Iterator[tuple[str, str, Json]]:
    """Yield path, method and OpenAPI operation of every request below the base."""
    for row in BELOW_BASE:
        if row.code == "operation":
            yield from _named_operations(row)
        elif "{type}" in row.path:
            for kind in STORED_TYPES:
                yield row.path.replace("{type}", kind), row.method, _interaction(row, kind)
        elif row.type in (AUDIT_EVENT, BINARY):
            yield row.path, row.method, _interaction(row, row.type)
        elif row.is_whole_system:
            yield "/", row.method, _base(row)
        elif row.code != "preflight" and "{file}" not in row.path:
            yield row.path, row.method, _public(row)


def _interaction(row: Interaction, kind: str) -> Json:
    described = _described(row, f"{row.code} {kind}", kind)
    described["parameters"] = [
        *path_parameters(row.path),
        *query_parameters(row, kind),
        *header_parameters(row),
    ]
    if content := request_body(row, kind):
        described["requestBody"] = {"required": True, "content": content}
    if row.code in ("create", "update"):
        for status in {"200", "201"} & described["responses"].keys():
            described["responses"][status]["links"] = _links(kind)
    return described


def _described(row: Interaction, summary: str, tag: str) -> Json:
    """Return the parts that every operation has: its names, its roles and its responses."""
    level = "" if "{id}" in row.path or row.code == "create" else "OfType"
    name = "".join(part.capitalize() for part in summary.replace("-", " ").split())
    roles = row.roles_text or "everybody, without a token"
    described: Json = {
        "operationId": f"{row.method.lower()}{name}{level}",
        "summary": summary,
        "description": f"For {roles}.",
        "tags": [tag],
        "responses": _responses(row, tag),
    }
    return described | ({"security": []} if row.public else {})


def _responses(row: Interaction, kind: str) -> Json:
    successes = _DONE.get(
        row.code, {"200": "The definition" if kind == _DEFINITIONS else "A Bundle"}
    )
    is_read_of_file = row.is_of_files and row.code in ("read", "vread")
    if is_read_of_file:
        successes = successes | _FILE_DONE
    elif row.code == "create" and not row.conditional and not row.is_plain:
        successes = {"201": successes["201"]}
    schema = kind if row.code in _DONE else "Bundle"
    responses: Json = {}
    for status, text in successes.items():
        responses[status] = {"description": text}
        if status not in ("204", "304", "307") and row.method != "HEAD":
            responses[status]["content"] = _success_content(row, schema)
        if row.code in _WRITES:
            responses[status]["headers"] = _headers(_VERSION_HEADERS[status])
    of_files = (413, 416) if is_read_of_file else ()
    for refusal in sorted({*_ALWAYS, *_REFUSED.get(row.code, ()), *of_files}):
        reference = {"$ref": f"#/components/responses/{refusal}"}
        is_head = row.method == "HEAD"
        responses[str(refusal)] = {"description": MEANINGS[refusal]} if is_head else reference
    if not row.public:
        gateway = {"application/json": {"schema": reference_to("GatewayError")}}
        responses["401"] = {"description": "The token is missing or invalid", "content": gateway}
    return responses


def _headers(version_header: str) -> Json:
    """Return the descriptions of the headers that name the version a write made or found."""
    version = {"schema": {"type": "string", "examples": ['W/"1"']}}
    url = {
        "description": "The version: [base]/Type/id/_history/n",
        "schema": {"type": "string", "format": "uri"},
    }
    return {version_header: url, "ETag": version}


def _success_content(row: Interaction, schema: str) -> Json:
    """Return the content of a success. A write may also return an OperationOutcome."""
    body_schema: Json = reference_to(schema)
    if row.code in _WRITES:
        body_schema = {"anyOf": [body_schema, reference_to("OperationOutcome")]}
    of_files: Json = {"*/*": {"schema": {}}} if row.is_of_files and row.code not in _WRITES else {}
    return {JSON: {"schema": body_schema}} | of_files


def _links(kind: str) -> Json:
    """Return OpenAPI links from a written resource to the requests that concern it."""
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
            operation_parameter(parameter)
            for parameter in operation.parameters
            if not parameter.is_resource
        ]
    else:
        described["requestBody"] = {"content": {JSON: operation_body(operation, kind)}}
    return described


def _level(row: Interaction) -> str:
    """Return the level of an operation's route: type or instance."""
    return INSTANCE if "{id}" in row.path else TYPE


def _base(row: Interaction) -> Json:
    """Return the operation of the base URL: a path in OpenAPI always begins with a slash."""
    described = _described(row, "batch or transaction", _BUNDLES)
    request = {"method": "GET", "url": "Encounter?status=in-progress"}
    example = {"resourceType": "Bundle", "type": "batch", "entry": [{"request": request}]}
    content = {JSON: {"schema": reference_to("Bundle"), "example": example}}
    return described | {"requestBody": {"required": True, "content": content}}


def _public(row: Interaction) -> Json:
    name = row.path.removeprefix("/").partition("/")[0]
    described = _described(row, f"{row.code} {name.partition('.')[0]}", _DEFINITIONS)
    described["parameters"] = [
        *path_parameters(row.path),
        *map(control_parameter, FORMATS),
        *header_parameters(row),
    ]
    if row.code in SERVER_DOCUMENTS:
        described["responses"]["304"] = {"description": "The client has the current version"}
    schema = {"metadata": "CapabilityStatement"}.get(name, name)
    content: Json = {JSON: {"schema": reference_to(schema)}}
    if row.code in NON_RESOURCE_CODES:
        is_page = row.code == "docs"
        media = "text/html" if is_page else "application/json"
        content = {media: {"schema": {"type": "string" if is_page else "object"}}}
    if row.method != "HEAD":
        described["responses"]["200"] = {"description": row.code, "content": content}
    return described
