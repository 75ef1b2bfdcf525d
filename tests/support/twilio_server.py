"""A stand-in for Twilio's REST API on this machine, which keeps what it is to send."""

import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from itertools import count
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import orjson

from shared.fhir import instants
from tests.support import loopback
from tests.support.loopback import listening

type Answer = Callable[["Handler"], None]


@dataclass
class TwilioServer:
    """A stand-in for Twilio, with what it was asked to send, newest first as it lists it.

    `answer` replaces the answer to a request to send. `lists` counts the requests to list.
    """

    url: str = ""
    credentials: str = ""
    messages: list[dict[str, Any]] = field(default_factory=list)
    forms: list[list[tuple[str, str]]] = field(default_factory=list)
    answer: Answer | None = None
    list_answer: Answer | None = None
    lists: int = 0
    page: int = 1000
    lock: threading.Lock = field(default_factory=threading.Lock)
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    @property
    def texts(self) -> list[str]:
        """Return the texts of what was sent, in order."""
        return [message["body"] for message in reversed(self.messages)]

    @property
    def sids(self) -> list[str]:
        return [message["sid"] for message in reversed(self.messages)]

    def take(self, form: list[tuple[str, str]], at: datetime | None = None) -> dict[str, Any]:
        """Take a message to send, and return it as Twilio shows it."""
        said = dict(form)
        with self.lock:
            message = {
                "sid": f"SM{next(self.numbers):032x}",
                "to": said["To"],
                "from": said["From"],
                "body": said.get("Body", ""),
                "num_media": str(sum(name == "MediaUrl" for name, _ in form)),
                "status": "queued",
                "date_created": format_datetime(at or instants.now()),
                "date_sent": None,
            }
            self.messages.insert(0, message)
        return message

    def listed(self, query: dict[str, list[str]], path: str) -> dict[str, Any]:
        """Return a page of the messages of a pair of numbers."""
        to, number, page = query["To"][0], query["From"][0], int(query.get("Page", ["0"])[0])
        with self.lock:
            self.lists += 1
            found = [one for one in self.messages if (one["to"], one["from"]) == (to, number)]
        begin, end = page * self.page, (page + 1) * self.page
        more = f"{path}?To=%2B{to[1:]}&From=%2B{number[1:]}&Page={page + 1}"
        return {
            "messages": found[begin:end],
            "next_page_uri": more if len(found) > end else None,
        }


class Handler(loopback.Handler):
    """Answers as Twilio does."""

    place: TwilioServer

    def do_POST(self) -> None:  # noqa: N802 - named by http.server
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.form = parse_qsl(body, keep_blank_values=True)
        if not self._is_known():
            return
        self.place.forms.append(self.form)
        if self.place.answer:
            self.place.answer(self)
        else:
            self.send(201, self.place.take(self.form))

    def do_GET(self) -> None:  # noqa: N802 - named by http.server
        if not self._is_known():
            return
        if self.place.list_answer:
            self.place.list_answer(self)
            return
        parts = urlsplit(self.path)
        self.send(200, self.place.listed(parse_qs(parts.query), parts.path))

    def _is_known(self) -> bool:
        expected = f"Basic {b64encode(self.place.credentials.encode()).decode()}"
        is_known = self.headers.get("Authorization") == expected
        if not is_known:
            self.send(401, {"code": 20003})
        return is_known

    def send(self, status: int, body: dict[str, Any]) -> None:
        self.send_whole(status, orjson.dumps(body), {"Content-Type": "application/json"})

    def break_off(self) -> None:
        """Close the connection without an answer."""
        self.close_connection = True


@contextmanager
def run_twilio(credentials: str) -> Iterator[TwilioServer]:
    """Yield a Twilio that listens until the end, for an account's SID and token."""
    place = TwilioServer(credentials=credentials)
    with listening(type("OfPlace", (Handler,), {"place": place})) as url:
        place.url = url
        yield place
