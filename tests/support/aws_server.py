"""A stand-in for the services of AWS that send messages, on this machine."""

from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from itertools import count
from typing import Any

import orjson

from tests.support import loopback
from tests.support.loopback import listening

type Answer = Callable[["Handler"], None]


@dataclass
class AwsServer:
    """A stand-in for SES and AWS End User Messaging, with what they were asked to send.

    `answer` replaces their answer.
    """

    url: str = ""
    requests: list[dict[str, Any]] = field(default_factory=list)
    answer: Answer | None = None
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    @property
    def ids(self) -> list[str]:
        return [request["id"] for request in self.requests]

    @property
    def mails(self) -> list[EmailMessage]:
        """Return the e-mails, in order."""
        raw = [b64decode(request["Content"]["Raw"]["Data"]) for request in self.requests]
        parsed = [message_from_bytes(one, policy=default) for one in raw]
        return [one for one in parsed if isinstance(one, EmailMessage)]


class Handler(loopback.Handler):
    """Answers as these services do."""

    place: AwsServer

    def do_POST(self) -> None:  # noqa: N802 - named by http.server
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.request_id = f"message-{next(self.place.numbers)}"
        self.place.requests.append(orjson.loads(body) | {"id": self.request_id})
        if self.place.answer:
            self.place.answer(self)
        else:
            self.take()

    def take(self) -> None:
        self.send(200, {"MessageId": self.request_id})

    def refuse(self, status: int, code: str, **more: Any) -> None:
        body = {"__type": code, "message": "+15551230001 is not valid", **more}
        content = orjson.dumps(body)
        kind = {"Content-Type": "application/x-amz-json-1.0", "x-amzn-ErrorType": code}
        self.send_whole(status, content, kind)

    def send(self, status: int, body: dict[str, Any]) -> None:
        self.send_whole(status, orjson.dumps(body), {"Content-Type": "application/json"})

    def break_off(self) -> None:
        """Close the connection without an answer."""
        self.close_connection = True


@contextmanager
def run_aws() -> Iterator[AwsServer]:
    """Yield the services until the end."""
    place = AwsServer()
    with listening(type("OfPlace", (Handler,), {"place": place})) as url:
        place.url = url
        yield place
