"""Requests generated from OpenAPI: none breaks the service, and every answer is as described.

Only a few types are called at each route, since all types behave alike. `REQUESTS=5000 uv run
pytest -s tests/properties` makes that many requests of more types, and prints the statuses.
"""

import copy
import json
import os
from collections import Counter
from functools import cache
from importlib import import_module
from typing import Any
from urllib.parse import quote

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import checks
from schemathesis.core.transport import Response
from schemathesis.specs.openapi import checks as openapi_checks

from shared.catalog.examples import EXAMPLES
from shared.catalog.interactions import PLAIN_PATH
from shared.catalog.types import SESSION_TYPES, STORED_TYPES
from shared.store import s3
from tests.support import care
from tests.support.api_client import BASE, ORIGIN, Answer, ApiClient
from tests.support.memory_objects import MemoryS3
from tests.support.sampling import sampled_api

REQUESTS = int(os.environ.get("REQUESTS", "400"))
# The number of types at each route, beside the two that have rules of their own.
OTHERS = 2 if REQUESTS < 2000 else len(STORED_TYPES)
# Refusals that depend on stored data or on the rules of sessions.
BUSINESS = frozenset({304, 404, 409, 410, 412, 422})
CHECKS = [
    checks.not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_schema_conformance,
]
type Json = dict[str, Any]

# Bodies of a client that has read the documentation: values that fit each other. Patterns end in
# `\\Z`, since Hypothesis reads them as Python does, whose `$` matches before a line feed.
WORDS: Json = {"type": "string", "pattern": "^[A-Za-z]{1,20}( [A-Za-z]{1,20})?\\Z"}
DAY = {"type": "string", "pattern": "^2026-0[1-5]-[01][1-9]\\Z"}
LATER = {"type": "string", "pattern": "^2026-0[6-9]-[01][1-9]\\Z"}
SENT: Json = {
    "Annotation": {"properties": {"text": WORDS}, "required": ["text"]},
    "Attachment": {"enum": [{"contentType": "text/plain", "data": "YQ=="}]},
    "Communication.payload": {"properties": {"contentString": WORDS}},
    "Duration": {"enum": [{"value": 5, "unit": "min"}]},
    "Period": {"properties": {"start": DAY, "end": LATER}},
    "JsonPatch": {
        "enum": [
            [{"op": "replace", "path": "/status", "value": value}]
            for value in ("in-progress", "unknown", "finished", "completed", "bogus")
        ]
        + [[{"op": "add", "path": "/language", "value": "de"}], [{"op": "remove", "path": "/x"}]]
    },
}
OPERANDS: Json = {
    "$open-session": [
        {"name": "patient", "valueReference": care.reference(care.HOMER)},
        {"name": "thread", "valueReference": care.reference("Communication/example")},
        {"name": "practitioner", "valueReference": care.reference(care.ALICE)},
    ],
    "$add-patient": [{"name": "patient", "valueReference": care.reference("Patient/bart")}],
    "$everything": [{"name": "_count", "valueInteger": 2}],
}
QUERIES: Json = {
    "_cursor": False,
    "_elements": {"enum": ["status", "status,subject", "nothing"]},
    "_offset": {"minimum": 0, "maximum": 9},
    "_since": {"enum": ["2026-01-01T00:00:00Z", "2999-01-01T00:00:00Z"]},
    "_type": {"enum": ["Encounter", "Communication"]},
    "id": {"enum": ["example", "other", "third"]},
    "vid": {"enum": ["1", "2", "3"]},
    "profile": {"enum": ["http://hl7.org/fhir/us/core/StructureDefinition/us-core-encounter"]},
}
# A definition of each kind.
DEFINED = {
    "OperationDefinition": "Encounter-open-session",
    "SearchParameter": "Communication-session",
    "StructureDefinition": "session-policy",
}


def informed(api: Json) -> Json:
    """Return the API as an informed client uses it: known ids and documented elements only."""
    copied = copy.deepcopy(api)
    schemas = _for_requests(copied["components"]["schemas"])
    for name, schema in schemas.items():
        for element, element_schema in schema.get("properties", {}).items():
            schema["properties"][element] = _informed(element, element_schema)
        if "properties" in schema:
            schema |= {"additionalProperties": False, "minProperties": 1}
        if name in SENT:
            closed = {} if "enum" in SENT[name] else _CLOSED
            schemas[name] = {"type": schema["type"], **SENT[name], **closed}
    for path, methods in copied["paths"].items():
        example_id = DEFINED.get(path.split("/")[1])
        schemas_by_name = QUERIES | ({"id": {"enum": [example_id, "none"]}} if example_id else {})
        for operation in methods.values():
            operation["parameters"] = [
                row | {"schema": schemas_by_name.get(row["name"], row["schema"])}
                for row in operation.get("parameters", ())
                if schemas_by_name.get(row["name"]) is not False
            ]
            _inform_body(operation, path.rpartition("/")[2])
    copied["components"]["schemas"] |= {
        f"Sent{name}": element_schema for name, element_schema in schemas.items()
    }
    return copied


def _for_requests(value: Json) -> Json:
    """Return a copy whose references to schemas lead to those of requests."""
    copied: Json = json.loads(
        json.dumps(value).replace("#/components/schemas/", "#/components/schemas/Sent")
    )
    return copied


_CLOSED: Json = {"additionalProperties": False, "minProperties": 1}
_HIDDEN = ("text", "meta", "statusHistory")


def _informed(name: str, schema: Json) -> Json | bool:
    items = schema.get("items", schema)
    if name in _HIDDEN:
        return False
    if items.get("description", "").startswith("To "):
        kinds = items["description"].removeprefix("To ").split(", ")
        items = {"enum": [care.reference(f"{kind}/example") for kind in kinds]}
    elif items.get("pattern") and "enum" not in items:
        items = DAY if "T([01]" in items["pattern"] else _plain(items)
    return {"type": "array", "items": items, "minItems": 1} if "items" in schema else items


def _plain(schema: Json) -> Json:
    url = {"type": "string", "pattern": "^https://example[.]org/[a-z]{1,8}\\Z"}
    return url if schema["pattern"].startswith(r"^[^\s") else WORDS | {"pattern": "^[a-z]{1,9}\\Z"}


def _inform_body(operation: Json, name: str) -> None:
    if "requestBody" in operation:
        operation["requestBody"] = _for_requests(operation["requestBody"])
    contents = operation.get("requestBody", {}).get("content", {})
    for media, content in contents.items():
        if name == "$validate":
            content["schema"] = {"enum": [*EXAMPLES.values(), content["example"]]}
        elif name in OPERANDS:
            parts = {"type": "array", "items": {"enum": OPERANDS[name]}, "uniqueItems": True}
            parts["minItems"] = 1
            content["schema"] = {
                "type": "object",
                "properties": {"resourceType": {"const": "Parameters"}, "parameter": parts},
                "required": ["resourceType", "parameter"],
                "additionalProperties": False,
            }
        elif name == "$close-session":
            content["schema"] = {"enum": [content["example"]]}
        elif media == "application/merge-patch+json":
            content["schema"] = {
                "type": "object",
                "properties": {"language": {"enum": ["de", None]}, "priority": {}},
                "additionalProperties": False,
            }


def is_plain(case: Any) -> bool:
    return bool(case.operation.path.startswith(f"{PLAIN_PATH}/"))


def called(case: Any, role: str) -> tuple[requests.PreparedRequest, Answer]:
    """Make a request through the front door."""
    base = ORIGIN if is_plain(case) else BASE
    sent = requests.Request(**case.as_transport_kwargs(base_url=base)).prepare()
    assert sent.url
    assert sent.method
    headers = {name.lower().replace("-", "_"): str(text) for name, text in sent.headers.items()}
    media = headers.pop("content_type", "application/fhir+json")
    headers.pop("content_length", "")
    body = sent.body
    if isinstance(body, bytes) and media != "application/octet-stream":
        body = body.decode()
    url = quote(sent.url, safe="/:?&=%$@!'()*+,;~#[]")
    return sent, ApiClient(role=role).call(sent.method, url, body, content_type=media, **headers)


def check(case: Any, sent: requests.PreparedRequest, answer: Answer) -> None:
    """Raise unless the answer is as OpenAPI describes it. A refusal must have its API's format."""
    response = Response(
        status_code=answer.status,
        headers={name.lower(): [text] for name, text in answer.headers.items()},
        content=answer.text.encode() or answer.content,
        request=sent,
        elapsed=0.1,
        verify=False,
    )
    case.validate_response(response, checks=CHECKS)
    if answer.status >= 400 and sent.method != "HEAD":
        named = answer.body.get("resourceType", answer.headers["Content-Type"])
        assert named == ("application/problem+json" if is_plain(case) else "OperationOutcome")


def run(api: Json, examples: int, counted: Counter[tuple[str, int]]) -> None:
    """Make `each` requests of each operation."""
    for result in schemathesis.openapi.from_dict(api).get_all_operations():
        operation: Any = result.ok()  # type: ignore[union-attr]  # an Err has none, and fails

        _restore(operation.path.split("/")[1])

        @seed(counted.total())
        @settings(
            max_examples=examples,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def make(case: Any) -> None:
            path_id = case.path_parameters.get("id") if case.path_parameters else None
            if path_id and case.method.upper() == "PUT" and isinstance(case.body, dict):
                case.body["id"] = path_id
            sent, answer = called(case, "practitioner")
            check(case, sent, answer)
            counted[f"{case.method.upper()} {case.operation.path}", answer.status] += 1

        make()


def _restore(route_type: str) -> None:
    """Restore the examples of care and of a route's own type, which may have been deleted."""
    for kind in {*SESSION_TYPES, route_type} & EXAMPLES.keys():
        admin = ApiClient(role="admin")  # may see a draft, whoever owns it now
        assert admin.put(f"/{kind}/example", EXAMPLES[kind]).status in (200, 201, 422)


@pytest.mark.usefixtures("many_calls")
def test_every_answer_is_as_openapi_describes_it(
    clinic: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    logger = import_module("shared.http.endpoint").logger
    monkeypatch.setattr(logger, "info", lambda *_, **__: None)
    objects = MemoryS3()
    monkeypatch.setattr(s3, "client", cache(lambda: objects))
    for kind, body in EXAMPLES.items():
        assert clinic.administrator.put(f"/{kind}/example", body).status == 201
    api = sampled_api(clinic.get("/openapi.json").body, OTHERS)
    operations = sum(len(methods) for methods in api["paths"].values())
    counted: Counter[tuple[str, int]] = Counter()
    each = -(-REQUESTS // operations)
    run(api, -(-each // 4), counted)
    run(informed(api), each - each // 4, counted)
    while counted.total() < REQUESTS:  # operations with few values get fewer requests
        run(informed(api), 2, counted)
    for (operation, status), number in sorted(counted.items()):
        print(f"{number:6} {status} {operation}")  # noqa: T201 - shown by -s
    good = sum(n for (_, status), n in counted.items() if status < 300 or status in BUSINESS)
    print(f"{counted.total()} requests, {good} answered with success or a business refusal")  # noqa: T201 - shown by -s
    assert good >= counted.total() / 2


def test_the_openapi_document_is_json(clinic: ApiClient) -> None:
    assert json.loads(clinic.get("/openapi.json").text)["openapi"] == "3.1.0"
