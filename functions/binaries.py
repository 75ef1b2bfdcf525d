"""Binaries: files, whose bytes are in a bucket; and uploads of files under `/v1/attachments`."""

from functions._endpoint import endpoint
from shared.http.binary_requests import sent_binary
from shared.http.binary_responses import read_binary_response, write_binary_response
from shared.http.requests import Request
from shared.http.responses import Response, history_response, write_response
from shared.interactions import binaries
from shared.interactions.delete import delete
from shared.interactions.history import history
from shared.interactions.read import read, vread


def _create(request: Request) -> Response:
    return write_binary_response(request, binaries.create(request.caller, sent_binary(request)))


def _update(request: Request) -> Response:
    sent, only_if = sent_binary(request), request.preconditions
    outcome = binaries.update(request.caller, request.id, sent, only_if=only_if)
    return write_binary_response(request, outcome)


def _delete(request: Request) -> Response:
    only_if = request.preconditions
    outcome = delete(request.caller, request.type, request.id, only_if=only_if)
    return write_response(request, outcome)


def _read(request: Request) -> Response:
    return read_binary_response(request, read(request.caller, request.type, request.id))


def _vread(request: Request) -> Response:
    version = request.path_variables["vid"]
    record = vread(request.caller, request.type, request.id, version)
    return read_binary_response(request, record)


def _history(request: Request) -> Response:
    page = history(request.caller, request.type, request.id, request.query)
    return history_response(request, page)


ANSWERS = {
    "create": _create,
    "read": _read,
    "vread": _vread,
    "update": _update,
    "delete": _delete,
    "history-instance": _history,
}


@endpoint
def handler(request: Request) -> Response:
    """Answer an interaction with Binaries, or with one of them."""
    if request.interaction.is_plain:
        from shared.plain.attachments import answered  # noqa: PLC0415 - most requests are FHIR's

        return answered(request)
    return ANSWERS[request.interaction.code](request)
