"""A stand-in for Twilio: it keeps the text messages that it is asked to send, and sends none.

It answers as Twilio's REST API, and tells by signed webhooks what becomes of a message.
https://www.twilio.com/docs/messaging/api/message-resource
"""

import json
import secrets
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx

from shared.channels.account_models import TwilioAccount
from shared.channels.inbound.twilio import signature

# Twilio's own number for tests, of which it says that it is none.
# https://www.twilio.com/docs/iam/test-credentials
INVALID_NUMBER = "+15005550001"
# What is told of a message, one after the other.
STATUSES = ("queued", "sent", "delivered")
_PAUSE_SECONDS = 0.7
_VERSION = "2010-04-01"

type Message = dict[str, Any]


@dataclass
class Twilio:
    """The messages that an account has sent; each is passed to `tell` as a line."""

    account: TwilioAccount
    tell: Callable[[str], object]
    url: str = ""
    messages: list[Message] = field(default_factory=list)
    _stopped: threading.Event = field(default_factory=threading.Event, init=False)
    _callers: list[threading.Thread] = field(default_factory=list, init=False)

    def send(self, fields: list[tuple[str, str]]) -> Message:
        """Keep a message, and tell its callback what becomes of it."""
        form = dict(fields)
        message = {
            "sid": f"SM{secrets.token_hex(16)}",
            "account_sid": self.account.account_sid,
            "from": form["From"],
            "to": form["To"],
            "body": form.get("Body", ""),
            "num_media": str(sum(name == "MediaUrl" for name, _ in fields)),
            "status": "queued",
            "date_created": formatdate(),
            "error_code": None,
        }
        self.messages.append(message)
        self.tell(f"text to {message['to']}: {message['body']}")
        if callback := form.get("StatusCallback"):
            caller = threading.Thread(target=self._call_back, args=(callback, message), daemon=True)
            self._callers.append(caller)
            caller.start()
        return message

    def listed(self, query: dict[str, str]) -> list[Message]:
        """Return the messages of a pair of numbers, newest first."""
        wanted = [(name, query[name.title()]) for name in ("to", "from") if name.title() in query]
        return [
            message
            for message in reversed(self.messages)
            if all(message[name] == value for name, value in wanted)
        ]

    def stop(self) -> None:
        """Make no more callbacks, and wait for those under way."""
        self._stopped.set()
        for caller in self._callers:
            caller.join()

    def _call_back(self, url: str, message: Message) -> None:
        for status in STATUSES:
            if self._stopped.wait(_PAUSE_SECONDS):
                return
            message["status"] = status
            fields = {
                "MessageSid": message["sid"],
                "MessageStatus": status,
                "AccountSid": message["account_sid"],
                "From": message["from"],
                "To": message["to"],
                "ApiVersion": _VERSION,
            }
            answer = post(self.account, url, fields)
            if not answer.is_success:
                self.tell(f"the callback of a text answered {answer.status_code}: {answer.text}")


def post(account: TwilioAccount, url: str, fields: dict[str, str]) -> httpx.Response:
    """Call a webhook as Twilio does, signed with the account's token."""
    signed = signature(account.auth_token.get_secret_value(), url, [*fields.items()])
    return httpx.post(url, data=fields, headers={"X-Twilio-Signature": signed}, timeout=60)


@contextmanager
def run(account: TwilioAccount, tell: Callable[[str], object] = print) -> Iterator[Twilio]:
    """Run a stand-in for an account on a free port of this machine."""
    twilio = Twilio(account, tell)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"twilio": twilio}))
    server.daemon_threads = True
    twilio.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield twilio
    finally:
        server.shutdown()
        server.server_close()
        twilio.stop()


class _Handler(BaseHTTPRequestHandler):
    """Answers requests about the messages of one account."""

    twilio: Twilio
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Send a message."""
        form = parse_qsl(self._body().decode(), keep_blank_values=True)
        if self._is_allowed():
            if ("To", INVALID_NUMBER) in form:
                self._answer(400, {"code": 21211, "message": "Invalid 'To' Phone Number"})
            else:
                self._answer(201, self.twilio.send(form))

    def do_GET(self) -> None:
        """List the messages that were sent, in one page."""
        query = dict(parse_qsl(urlsplit(self.path).query))
        if self._is_allowed():
            listed = self.twilio.listed(query)
            self._answer(200, {"messages": listed, "next_page_uri": None})

    def _is_allowed(self) -> bool:
        account = self.twilio.account
        token = account.auth_token.get_secret_value()
        credentials = b64encode(f"{account.account_sid}:{token}".encode()).decode()
        path = f"/{_VERSION}/Accounts/{account.account_sid}/Messages.json"
        if self.headers.get("Authorization") != f"Basic {credentials}":
            self._answer(401, {"code": 20003, "message": "Authenticate"})
        elif urlsplit(self.path).path != path:
            self._answer(404, {"code": 20404, "message": "The resource was not found"})
        else:
            return True
        return False

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _answer(self, status: int, answer: dict[str, Any]) -> None:
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Write nothing: the messages themselves are told."""
