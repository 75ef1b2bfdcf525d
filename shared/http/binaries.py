"""Requests and responses of Binaries: files as they are, or as FHIR resources.

https://hl7.org/fhir/R4/binary.html#rest
"""

from base64 import b64decode, b64encode
from codecs import BOM_UTF8
from typing import Any

from shared.catalog.controls import ELEMENTS, FORMAT, FORMATS, SUMMARY
from shared.catalog.types import BINARY
from shared.errors import Invalid, Issue, OutOfRange, TooLong
from shared.fhir import fhirjson
from shared.fhir.bundles import IF_NONE_EXIST
from shared.http import negotiation
from shared.http.negotiation import FHIR_TYPES, JSON_TYPES, is_not_modified
from shared.http.payloads import LARGEST_FILE
from shared.http.requests import Request
from shared.http.responses import Response, read_response, version_headers, write_response
from shared.interactions.binaries import SentBinary
from shared.interactions.create import validated_new_resource
from shared.interactions.update import check_id
from shared.rules import files
from shared.sessions.changes import ChangeResult
from shared.sessions.intake import validated_resource
from shared.store import files as store
from shared.store.records import ResourceRecord, StoredFile, VersionedRecord

type Json = dict[str, Any]

# As much as the gateway delivers: a request of 6 MB, in which the file is base64.
LARGEST_SENT_FILE = 4 * 1024 * 1024
_SECURITY_CONTEXT, _FILE_NAME = "X-Security-Context", "_filename"
_LONGEST_NAME = 255
# Medplum's clients ask for its own additions to R4 by this header. `Binary.url` is one of them,
# which `createAttachment` of its SDK puts into the Attachment.
_EXTENDED = ("x-medplum", "extended")
# A file is opened without scripts, and as if it came from another site.
_POLICY = "sandbox; default-src 'none'"
# The parameters of a read that are about the resource, not the file.
_PARTS = frozenset({FORMAT.name, SUMMARY.name, ELEMENTS.name})
# All others would be a condition.
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
    """Raise Invalid if the gateway has altered the body.

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
    if size > LARGEST_SENT_FILE:
        raise TooLong(
            f"The content is larger than {LARGEST_SENT_FILE} bytes",
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
    """Return the name that Medplum's clients send with a file. It only shows in its downloads."""
    name = dict(request.query).get(_FILE_NAME, "")
    printable = "".join(letter for letter in name if letter.isprintable() and letter not in "/\\")
    return printable[:_LONGEST_NAME]


def write_binary_response(request: Request, outcome: ChangeResult) -> Response:
    """Return the response to a write, which has the Binary without its data."""
    return _with_url(request, write_response(request, outcome))


def read_binary_response(request: Request, record: VersionedRecord) -> Response:
    """Return the file itself, or the Binary as JSON if the request asks for FHIR.

    A file that does not fit into a response is answered by a URL that gives it for a minute.
    """
    if _wants_json(request):
        return _with_url(request, _json_response(request, record))
    headers = version_headers(record)
    if is_not_modified(request.headers, record.version, record.last_updated):
        return Response(304, headers=headers, record=record)
    file = _file_of(record)
    served = files.served_type(record.resource["contentType"], as_declared=file.is_as_declared)
    shown = files.disposition(served, file.name)
    wanted = _wanted_range(request, record, file)
    first, last = wanted or (0, file.size - 1)
    is_head = request.interaction.method == "HEAD"
    if last - first >= LARGEST_FILE and not is_head:
        headers["Location"] = store.download_url(file, served, shown)
        return Response(307, headers=headers, record=record)
    headers |= {
        "Content-Type": served,
        "Content-Disposition": shown,
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": _POLICY,
        "Accept-Ranges": "bytes",
        **({"Content-Range": f"bytes {first}-{last}/{file.size}"} if wanted else {}),
    }
    body = b"" if is_head else store.get(file, first, last)
    return Response(206 if wanted else 200, body, headers, record=record, is_file=True)


def _wants_json(request: Request) -> bool:
    """Return whether Accept names a format of FHIR, or the query a format or a part.

    Raises NotAcceptable for formats other than JSON.
    """
    accept = request.headers.get("accept", "")
    named = {negotiation.media_type(media_range)[0] for media_range in accept.split(",")}
    is_wanted = not FHIR_TYPES.isdisjoint(named) or not _PARTS.isdisjoint(dict(request.query))
    if is_wanted:
        negotiation.check_format(accept, request.query)
    return is_wanted


def _json_response(request: Request, record: VersionedRecord) -> Response:
    """Return the Binary with its data, or parts of it. Raises TooLong if the data does not fit."""
    response = read_response(request, record)
    is_part = not {SUMMARY.name, ELEMENTS.name}.isdisjoint(dict(request.query))
    if is_part or not response.body or request.interaction.method == "HEAD":
        return response
    file = _file_of(record)
    if file.size > LARGEST_FILE - len(response.body):
        raise TooLong(
            "The file does not fit into a resource",
            expression=f"{BINARY}.data",
            diagnostics="Request it without application/fhir+json in Accept, or its metadata with "
            "_summary=true",
        )
    data = b64encode(store.get(file)).decode()
    body = fhirjson.dumps(record.resource | {"data": data})
    return Response(200, body, response.headers, record=record)


def _wanted_range(
    request: Request, record: VersionedRecord, file: StoredFile
) -> tuple[int, int] | None:
    """Return the range of bytes that is asked for, if any. Raises OutOfRange."""
    header, condition = (request.headers.get(name) for name in ("range", "if-range"))
    if not header:
        return None
    if condition and str(record.version) not in negotiation.entity_tags(condition):
        return None
    wanted = files.byte_range(header, file.size)
    if wanted and wanted[0] >= file.size:
        raise OutOfRange(file.size)
    return wanted


def _file_of(record: VersionedRecord) -> StoredFile:
    """Return the file of a version. Raises Forbidden and Conflict if it must not be shown."""
    file = record.file if isinstance(record, ResourceRecord) else None
    if file is None:
        raise AssertionError("every version of a Binary has a file")
    store.require_harmless(file)
    return file


def _with_url(request: Request, response: Response) -> Response:
    """Return a response whose Binary has its URL if the client asks for Medplum's additions."""
    name, value = _EXTENDED
    if request.headers.get(name) != value or response.record is None or not response.body:
        return response
    body = fhirjson.loads(response.body)
    if body.get("resourceType") != BINARY:
        return response
    url = f"{BINARY}/{response.record.id}"
    return Response(
        response.status,
        fhirjson.dumps(body | {"url": url}),
        response.headers,
        record=response.record,
    )
