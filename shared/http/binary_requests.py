"""Binaries in requests: a file as it is, or a Binary as FHIR's JSON.

https://hl7.org/fhir/R4/binary.html#rest
"""

from base64 import b64decode
from codecs import BOM_UTF8
from typing import Any

from shared.catalog.controls import FORMATS
from shared.catalog.types import BINARY
from shared.errors import Invalid, Issue, TooLong
from shared.fhir import fhirjson
from shared.fhir.bundles import IF_NONE_EXIST
from shared.http import negotiation
from shared.http.negotiation import FHIR_TYPES, JSON_TYPES
from shared.http.requests import Request
from shared.interactions.binary_writes import SentBinary
from shared.interactions.create import validated_new_resource
from shared.interactions.update import check_id
from shared.rules import files
from shared.sessions.intake import validated_resource

type Json = dict[str, Any]

# As much as the gateway delivers: a request of 6 MB, in which the file is base64.
LARGEST_FILE_IN_REQUEST = 4 * 1024 * 1024
_SECURITY_CONTEXT = "X-Security-Context"
# The name that Medplum's clients send with a file. It only shows in its downloads.
_FILE_NAME = "_filename"
# The parameters of a create. All others would be a condition.
_OF_CREATES = frozenset({_FILE_NAME, *(control.name for control in FORMATS)})


def sent_binary(request: Request) -> SentBinary:
    """Return the Binary in a request's body: a file as it is, or a Binary as JSON.

    Raises TooLong, Malformed and Invalid.
    """
    _check_unconditional(request)
    _check_complete(request)
    media_type, _ = negotiation.media_type(request.headers.get("content-type", ""))
    if media_type in JSON_TYPES and (body := _binary_json(request, media_type)):
        return _from_json(request, body)
    _check_size(len(request.body))
    resource: Json = {"resourceType": BINARY, "contentType": _content_type(request)}
    if context := request.headers.get(_SECURITY_CONTEXT.lower()):
        resource["securityContext"] = {"reference": context}
    resource = _with_content_type(validated_new_resource(resource, BINARY))
    return SentBinary(resource, request.body, _file_name(request))


def _check_unconditional(request: Request) -> None:
    """Raise Invalid if a create has a condition: there is no search by which to decide it."""
    if request.interaction.code != "create":
        return
    others = [name for name, _ in request.query if name not in _OF_CREATES]
    if IF_NONE_EXIST.lower() in request.headers:
        others.append(IF_NONE_EXIST)
    if others:
        text = f"A {BINARY} is not created conditionally, because there is no search"
        raise Invalid(issues=[Issue("not-supported", text, name) for name in others])


def _check_complete(request: Request) -> None:
    """Raise Invalid if there is no body, or if the gateway has altered it.

    It delivers what is declared as text as a string, which cannot hold any bytes.
    """
    length = request.headers.get("content-length", "")
    is_coded = "content-encoding" in request.headers
    if not request.body:
        raise Invalid("The body is empty: a Binary needs its content", expression=BINARY)
    if length.isdecimal() and not is_coded and int(length) != len(request.body):
        raise Invalid(
            "The body has not arrived as it was sent",
            expression=BINARY,
            diagnostics="Text must be in UTF-8. Send other bytes as application/octet-stream, or "
            "as the data of a Binary in application/fhir+json",
        )


def _check_size(size: int) -> None:
    if size > LARGEST_FILE_IN_REQUEST:
        raise TooLong(
            f"The content is larger than {LARGEST_FILE_IN_REQUEST} bytes",
            expression=BINARY,
            diagnostics="Send a larger file to the URL that POST /v1/attachments returns",
        )


def _binary_json(request: Request, media_type: str) -> Json | None:
    """Return the JSON of the body if it is a Binary; any other JSON is a file.

    Raises Malformed if what is declared as FHIR is not JSON.
    https://hl7.org/fhir/R4/binary.html#rest
    """
    try:
        body = fhirjson.loads(request.body.removeprefix(BOM_UTF8))
    except Invalid:
        if media_type in FHIR_TYPES:
            raise
        return None
    return body if isinstance(body, dict) and body.get("resourceType") == BINARY else None


def _from_json(request: Request, body: Json) -> SentBinary:
    if request.interaction.code == "create":
        resource = validated_new_resource(body, BINARY)
    else:
        resource = validated_resource(body, BINARY)
        check_id(resource, request.id)
    data = _with_content_type(resource).pop("data", None)
    content = None if data is None else b64decode("".join(data.split()))
    _check_size(len(content or b""))
    return SentBinary(resource, content, _file_name(request))


def _content_type(request: Request) -> str:
    return request.headers.get("content-type", "") or files.UNKNOWN_TYPE


def _with_content_type(resource: Json) -> Json:
    """Return a Binary if its content type can be that of a response. Raises Invalid."""
    if not files.is_content_type(resource.get("contentType")):
        raise Invalid(
            "Not the content type of a file",
            expression=f"{BINARY}.contentType",
            diagnostics="Expected type/subtype with parameters such as ; charset=utf-8, in ASCII "
            f"and at most {files.LONGEST_CONTENT_TYPE} characters",
        )
    return resource


def _file_name(request: Request) -> str:
    return files.printable_name(dict(request.query).get(_FILE_NAME, ""))
