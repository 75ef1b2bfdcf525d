"""Uploads of files: `POST /v1/attachments`, a PUT to S3, and a POST that completes it."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Any
from urllib.parse import quote

from shared.catalog.types import BINARY
from shared.errors import BusinessRule, Invalid, Issue
from shared.fhir import fhirjson, instants
from shared.http.negotiation import PLAIN_JSON
from shared.http.requests import Request
from shared.http.responses import Response
from shared.interactions import uploads
from shared.plain.checks import Checked, Rule
from shared.plain.models import example
from shared.plain.validation import Model, issues
from shared.rules import files
from shared.store.files import LARGEST_UPLOAD, LONGEST_ENCODED_NAME, UPLOAD_SECONDS, Upload
from shared.store.records import ResourceRecord

type Json = dict[str, Any]

_SHA256 = re.compile(r"[0-9A-Fa-f]{64}", re.ASCII)
_ID = re.compile(r"[A-Za-z0-9.-]{1,64}", re.ASCII)
_LONGEST_NAME = 255
REQUIRED = ("contentType", "size", "sha256")
_CONTEXTS = {"threadId": "Communication", "encounterId": "Encounter"}


class _By(Checked):
    """A value that a function accepts."""

    def __init__(self, accepts: Callable[[Any], object], expected: str, schema: Json) -> None:
        self._rule = Rule(accepts, expected, schema)

    def rule(self) -> Rule:
        return self._rule


def _matches(pattern: re.Pattern[str]) -> Callable[[Any], object]:
    return lambda plain: isinstance(plain, str) and pattern.fullmatch(plain)


def _is_name(text: str) -> bool:
    is_plain = 0 < len(text) <= _LONGEST_NAME and text.isprintable()
    return is_plain and len(quote(text, safe="")) <= LONGEST_ENCODED_NAME


_TEXT: Json = {"type": "string"}
_Size = Annotated[
    int,
    _By(
        lambda plain: type(plain) is int and 0 < plain <= LARGEST_UPLOAD,
        f"a whole number of bytes, from 1 to {LARGEST_UPLOAD}",
        {"type": "integer", "minimum": 1, "maximum": LARGEST_UPLOAD},
    ),
]
_ContentType = Annotated[
    str,
    _By(
        files.is_content_type,
        "a media type, such as image/jpeg or text/plain; charset=utf-8, of at most "
        f"{files.LONGEST_CONTENT_TYPE} characters",
        _TEXT | {"pattern": f"^{files.CONTENT_TYPE}$", "maxLength": files.LONGEST_CONTENT_TYPE},
    ),
]
_Sha256 = Annotated[
    str, _By(_matches(_SHA256), "64 hexadecimal digits", _TEXT | {"pattern": _SHA256.pattern})
]
_Name = Annotated[
    str,
    _By(
        lambda plain: isinstance(plain, str) and _is_name(plain),
        f"a printable text of at most {_LONGEST_NAME} characters, which are at most "
        f"{LONGEST_ENCODED_NAME} when percent-encoded",
        _TEXT | {"maxLength": _LONGEST_NAME},
    ),
]
_Id = Annotated[str, _By(_matches(_ID), "an id", _TEXT | {"pattern": _ID.pattern})]


EXAMPLE: Json = {
    "contentType": "image/jpeg",
    "size": 7340032,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "name": "rash.jpg",
    "threadId": "example",
}


class NewAttachment(Model):
    """A file that is going to be sent.

    It is seen by who sees the thread or session that is named, or else the message that attaches
    it.
    """

    model_config = example(EXAMPLE)

    content_type: _ContentType | None = None
    size: _Size | None = None
    sha256: _Sha256 | None = None
    name: _Name | None = None
    thread_id: _Id | None = None
    encounter_id: _Id | None = None


def answered(request: Request) -> Response:
    """Begin an upload, or complete it. Raises Invalid, and what the interaction does."""
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
    if not isinstance(record, ResourceRecord) or record.file is None:
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
    status: int, data: Json, headers: dict[str, str], record: ResourceRecord | None = None
) -> Response:
    body = fhirjson.dumps({"data": data})
    about = {"type": BINARY, "id": data["id"]}
    headers = {"Content-Type": PLAIN_JSON, **headers}
    return Response(status, body, headers, about, record=record)
