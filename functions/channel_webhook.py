"""Webhooks of text messages, which a provider calls and signs; no token is needed."""

from functions._endpoint import endpoint
from shared.catalog.interactions import MESSAGE_WEBHOOK
from shared.channels.inbound import webhooks
from shared.http.requests import Request
from shared.http.responses import Response

# An answer in TwiML that sends nothing: https://www.twilio.com/docs/messaging/twiml
NOTHING = b'<?xml version="1.0" encoding="UTF-8"?><Response/>'


@endpoint
def handler(request: Request) -> Response:
    """Queue what a provider says of a message, and answer at once."""
    kind = webhooks.MESSAGE if request.interaction.code == MESSAGE_WEBHOOK else webhooks.STATUS
    webhooks.accept(
        kind,
        request.path_variables["account"],
        request.root_url,
        request.form(),
        request.headers.get("x-twilio-signature", ""),
    )
    return Response(200, NOTHING, {"Content-Type": "text/xml; charset=utf-8"})
