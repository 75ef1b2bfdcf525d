"""Binaries in responses: a file as it is, a URL that gives it, or a Binary as FHIR's JSON.

https://hl7.org/fhir/R4/binary.html#rest
"""

from base64 import b64encode
from dataclasses import replace

from shared.catalog.controls import ELEMENTS, FORMAT, SUMMARY
from shared.catalog.types import BINARY
from shared.errors import OutOfRange, TooLong
from shared.fhir import fhirjson
from shared.http import negotiation
from shared.http.negotiation import FHIR_TYPES, is_not_modified
from shared.http.payloads import LARGEST_FILE_IN_RESPONSE
from shared.http.requests import Request
from shared.http.responses import Response, read_response, version_headers, write_response
from shared.rules import files
from shared.sessions.changes import ChangeResult
from shared.store import binary_objects
from shared.store.records import StoredFile, VersionedRecord

# Medplum's clients ask for its own additions to R4 by this header. `Binary.url` is one of them,
# which `createAttachment` of its SDK puts into the Attachment.
_EXTENDED = ("x-medplum", "extended")
# A file is opened without scripts, and as if it came from another site.
_POLICY = "sandbox; default-src 'none'"
# The parameters of a read that ask for a part of the resource, and all that ask for the resource.
_PARTS = frozenset({SUMMARY.name, ELEMENTS.name})
_OF_RESOURCES = _PARTS | {FORMAT.name}


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
    return _file_response(request, record, headers)


def _file_response(request: Request, record: VersionedRecord, headers: dict[str, str]) -> Response:
    """Return the file, or the range of it that is asked for. Raises OutOfRange."""
    file = _file_of(record)
    served = files.served_type(record.resource["contentType"], as_declared=file.is_as_declared)
    shown = files.disposition(served, file.name)
    wanted = _wanted_range(request, record, file)
    first, last = wanted or (0, file.size - 1)
    is_head = request.interaction.method == "HEAD"
    if last - first >= LARGEST_FILE_IN_RESPONSE and not is_head:
        headers["Location"] = binary_objects.download_url(file, served, shown)
        return Response(307, headers=headers, record=record)
    headers |= {
        "Content-Type": served,
        "Content-Disposition": shown,
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": _POLICY,
        "Accept-Ranges": "bytes",
        **({"Content-Range": f"bytes {first}-{last}/{file.size}"} if wanted else {}),
    }
    body = b"" if is_head else binary_objects.get(file, first, last)
    return Response(206 if wanted else 200, body, headers, record=record, is_file=True)


def _wants_json(request: Request) -> bool:
    """Return whether Accept names a format of FHIR, or the query a format or a part.

    Raises NotAcceptable for formats other than JSON.
    """
    accept = request.headers.get("accept", "")
    named = {negotiation.media_type(media_range)[0] for media_range in accept.split(",")}
    is_wanted = bool(FHIR_TYPES & named or _OF_RESOURCES & dict(request.query).keys())
    if is_wanted:
        negotiation.check_format(accept, request.query)
    return is_wanted


def _json_response(request: Request, record: VersionedRecord) -> Response:
    """Return the Binary with its data, or parts of it. Raises TooLong if the data does not fit."""
    response = read_response(request, record)
    is_part = _PARTS & dict(request.query).keys()
    if is_part or not response.body or request.interaction.method == "HEAD":
        return response
    file = _file_of(record)
    if file.size > LARGEST_FILE_IN_RESPONSE - len(response.body):
        raise TooLong(
            "The file does not fit into a resource",
            expression=f"{BINARY}.data",
            diagnostics="Request it without application/fhir+json in Accept, or its metadata with "
            "_summary=true",
        )
    data = b64encode(binary_objects.get(file)).decode()
    return replace(response, body=fhirjson.dumps(record.resource | {"data": data}))


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
    if record.file is None:
        raise AssertionError("every version of a Binary has a file")
    binary_objects.require_harmless(record.file)
    return record.file


def _with_url(request: Request, response: Response) -> Response:
    """Return a response whose Binary has its URL if the client asks for Medplum's additions."""
    name, value = _EXTENDED
    if request.headers.get(name) != value or response.record is None or not response.body:
        return response
    body = fhirjson.loads(response.body)
    if body.get("resourceType") != BINARY:
        return response
    url = f"{BINARY}/{response.record.id}"
    return replace(response, body=fhirjson.dumps(body | {"url": url}))
