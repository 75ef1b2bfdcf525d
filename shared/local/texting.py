"""Text messages to the service that `serve --channels` runs, as Twilio hands them over."""

import argparse
import secrets

from shared.local import channels, twilio
from shared.local.client import UnexpectedResponse
from shared.local.emulator import Emulator
from shared.local.operating import add_port
from shared.local.stack import API_ID


def send(running: Emulator, sender: str, text: str) -> str:
    """Have a text message come in, and return Twilio's id of it. Raises UnexpectedResponse."""
    account = channels.sms_account(running)
    sid = f"SM{secrets.token_hex(16)}"
    fields = {
        "MessageSid": sid,
        "SmsSid": sid,
        "SmsMessageSid": sid,
        "AccountSid": account.account_sid,
        "From": sender,
        "To": account.number,
        "Body": text,
        "NumMedia": "0",
        "NumSegments": "1",
        "SmsStatus": "received",
        "ApiVersion": "2010-04-01",
    }
    answer = twilio.post(account, webhook_url(running, account.name), fields)
    if not answer.is_success:
        raise UnexpectedResponse(f"the webhook answered {answer.status_code}: {answer.text}")
    return sid


def webhook_url(running: Emulator, account: str) -> str:
    """Return the URL that Twilio calls for an account."""
    return f"{running.url}/_aws/execute-api/{API_ID}/channels/sms/{account}"


def text(arguments: argparse.Namespace) -> None:
    """Have a text message come in at the service that `serve --channels` runs."""
    print(send(Emulator(arguments.port), arguments.sender, arguments.text))


def add_options(command: argparse.ArgumentParser) -> None:
    """Add the options of `text`."""
    add_port(command)
    command.add_argument(
        "--from", dest="sender", required=True, metavar="NUMBER", help="such as +15551230001"
    )
    command.add_argument("text", help="what it says")
