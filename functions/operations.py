"""Operations: each code of the catalogue's rows, with the function that answers it."""

from collections.abc import Callable

from functions._endpoint import endpoint
from shared.errors import Unimplemented
from shared.http.requests import Request
from shared.http.responses import Response, everything_response, validation_response, write_response
from shared.interactions.operations import parameters
from shared.interactions.operations.add_patient import add_patient
from shared.interactions.operations.close_session import close_session
from shared.interactions.operations.everything import everything
from shared.interactions.operations.open_session import open_session
from shared.interactions.operations.parameters import Values


def _open_session(request: Request) -> Response:
    return write_response(request, open_session(request.caller, _code(request), _values(request)))


def _add_patient(request: Request) -> Response:
    values = _values(request)
    return write_response(request, add_patient(request.caller, _code(request), request.id, values))


def _close_session(request: Request) -> Response:
    _values(request)  # it has no parameters, and refuses any
    return write_response(request, close_session(request.caller, _code(request), request.id))


def _match_sender(request: Request) -> Response:
    from shared.channels.matching import match_sender  # noqa: PLC0415 - seldom used, and searches

    values = _values(request)
    subject = next(iter(values["subject"]), None)
    outcome = match_sender(request.caller, _code(request), request.id, values["person"][0], subject)
    return write_response(request, outcome)


def _closing(request: Request) -> Response:
    from shared.interactions.operations.closing_time import closing_parameters  # noqa: PLC0415 - seldom used

    _values(request)  # as above
    return Response(200, closing_parameters(request.caller, request.id))


def _everything(request: Request) -> Response:
    return everything_response(request, everything(request.caller, request.id, _values(request)))


def _validate(request: Request) -> Response:
    from shared.interactions.operations.validate import validate  # noqa: PLC0415 - imports far more

    resource_id = request.path_variables.get("id", "")
    return validation_response(
        validate(request.caller, request.type, resource_id, _body(request), request.query)
    )


def _code(request: Request) -> str:
    return request.interaction.code


def _body(request: Request) -> object:
    return request.resource() if request.body else None


def _values(request: Request) -> Values:
    """Return the values of the operation's parameters. Raises Invalid naming all wrong ones."""
    return parameters.parse(request.operation, _body(request), request.query)


ANSWERS: dict[str, Callable[[Request], Response]] = {
    "open-session": _open_session,
    "add-patient": _add_patient,
    "close-session": _close_session,
    "match-sender": _match_sender,
    "closing": _closing,
    "everything": _everything,
    "validate": _validate,
}


@endpoint
def handler(request: Request) -> Response:
    """Answer the operation that the path names. Raises Unimplemented if nothing does."""
    answer = ANSWERS.get(request.operation.code)
    if answer is None:
        raise Unimplemented(f"{request.operation.name} is not implemented on this server")
    return answer(request)
