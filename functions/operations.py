"""Operations on sessions and `$validate`, dispatched by name."""

from shared.http.endpoint import endpoint
from shared.http.requests import Request
from shared.http.responses import Response, everything_bundle, told, written
from shared.interactions.operations import parameters, session_operations
from shared.interactions.operations.everything import everything
from shared.interactions.operations.open_session import open_session


@endpoint
def handler(request: Request) -> Response:
    """Run the operation with the parameters of the body and the query."""
    body = request.resource() if request.body else None
    if request.operation.code == "validate":
        from shared.interactions.operations.validate import validate  # noqa: PLC0415 - imports far more

        resource_id = request.path.get("id", "")
        return told(validate(request.actor, request.type, resource_id, body, request.query))
    values = parameters.read(request.operation, body, request.query)
    actor, code = request.actor, request.interaction.code
    match code:
        case "$open-session":
            return written(request, open_session(actor, code, values))
        case "$add-patient":
            outcome = session_operations.add_patient(actor, code, request.id, values)
            return written(request, outcome)
        case "$close-session":
            return written(request, session_operations.close_session(actor, code, request.id))
        case "$closing":
            from shared.interactions.operations.closing_time import closing_time  # noqa: PLC0415 - seldom used

            return Response(200, closing_time(actor, request.id))
        case _:
            return everything_bundle(request, everything(actor, request.id, values))
