"""A receiver of notifications on this machine, whose answers a test controls."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from tests.support import loopback
from tests.support.loopback import listening

type Answer = Callable[["Handler"], None]


class Received(NamedTuple):
    """A request: its method, path, headers by name in lower case, and body."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def resource(self) -> Any:
        return orjson.loads(self.body)


@dataclass
class Receiver:
    """The receiver's endpoint and the requests to it; `answer` replaces a status of 200."""

    url: str = ""
    requests: list[Received] = field(default_factory=list)
    answer: Answer | None = None
    released: threading.Event = field(default_factory=threading.Event)

    def taken(self) -> list[Received]:
        """Return the requests since the last call."""
        requests, self.requests = self.requests, []
        return requests

    def told(self) -> list[tuple[str, str]]:
        """Return method and path of the requests since the last call."""
        return [(request.method, request.path) for request in self.taken()]


class Handler(loopback.Handler):
    """Records each request, and passes it to the receiver's answer."""

    place: Receiver

    def _receive(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.place.requests.append(Received(self.command, self.path, headers, body))
        if self.place.answer:
            self.place.answer(self)
        else:
            self.send(200)

    do_GET = do_PUT = do_POST = _receive  # noqa: N815 - named by http.server

    def send(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_whole(status, body, headers)


@contextmanager
def run_receiver() -> Iterator[Receiver]:
    """Yield a receiver that listens until the end. Requests that it holds are released then."""
    place = Receiver()
    with listening(type("OfPlace", (Handler,), {"place": place})) as url:
        place.url = f"{url}/fhir"
        try:
            yield place
        finally:
            place.released.set()
