"""Uploads of files: `POST /v1/attachments`, a PUT to S3, and a POST that completes it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from shared.catalog.types import BINARY
from shared.errors import BusinessRule, Invalid, Issue
from shared.fhir import fhirjson, instants
from shared.http.negotiation import PLAIN_JSON
from shared.http.requests import Request
from shared.http.responses import Response
from shared.interactions import uploads
from shared.plain.new_attachment import REQUIRED, NewAttachment
from shared.plain.validation import issues
from shared.store.binary_objects import UPLOAD_SECONDS, Upload
from shared.store.records import VersionedRecord

type Json = dict[str, Any]

_CONTEXTS = {"threadId": "Communication", "encounterId": "Encounter"}


def answered(request: Request) -> Response:
    """Begin an upload, or complete that of the path. Raises Invalid, and what that does."""
    if request.query:
        raise Invalid("This request takes no query parameters", expression=request.query[0][0])
    if "id" in request.path_variables:
        return _completed(request)
    return _begun(request)


def _begun(request: Request) -> Response:
    upload = _upload(request)
    binary, url, headers = uploads.begin(request.caller, upload)
    until = instants.now() + timedelta(seconds=UPLOAD_SECONDS)
    target = {"method": "PUT", "url": url, "headers": headers, "expires": instants.to_text(until)}
    data = _attachment(binary["id"], upload.content_type, upload.size, upload.name)
    # The audit trail says which file was begun, and whose its context is.
    return replace(_response(200, data | {"upload": target}, {}), disclosed_resources=[binary])


def _upload(request: Request) -> Upload:
    request.media_type(frozenset({PLAIN_JSON}))
    body = fhirjson.loads(request.body)
    if found := [*issues(NewAttachment, body)]:
        raise Invalid(issues=found)
    if missing := [name for name in REQUIRED if body.get(name) is None]:
        text = "The field is required"
        raise Invalid(issues=[Issue("required", text, f"#/{name}") for name in missing])
    contexts = [f"{kind}/{body[name]}" for name, kind in _CONTEXTS.items() if body.get(name)]
    if len(contexts) > 1:
        raise BusinessRule("Name a thread or a session, not both", expression="#/encounterId")
    return Upload(
        request.caller.subject,
        body["contentType"],
        body["size"],
        body["sha256"].lower(),
        body.get("name") or "",
        "".join(contexts),
    )


def _completed(request: Request) -> Response:
    outcome = uploads.complete(request.caller, request.id)
    record = outcome.record
    if record is None or record.file is None:
        raise AssertionError("a completed upload is a Binary")
    file, content_type = record.file, record.resource["contentType"]
    data = _attachment(record.id, content_type, file.size, file.name)
    headers = {"Location": f"{request.base}/{data['url']}"}
    return _response(201 if outcome.created else 200, data, headers, record)


def _attachment(binary_id: str, content_type: str, size: int, name: str) -> Json:
    """Return what a message's attachment may have of a file, with its size."""
    title = {"title": name} if name else {}
    url = f"{BINARY}/{binary_id}"
    return {"id": binary_id, "url": url, "contentType": content_type, "size": size, **title}


def _response(
    status: int, data: Json, headers: dict[str, str], record: VersionedRecord | None = None
) -> Response:
    body = fhirjson.dumps({"data": data})
    about = {"type": BINARY, "id": data["id"]}
    headers = {"Content-Type": PLAIN_JSON, **headers}
    return Response(status, body, headers, about, record=record)
