"""A receiver of notifications on this machine, whose answers a test controls."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

import orjson

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


class Handler(BaseHTTPRequestHandler):
    """Records each request, and passes it to the receiver's answer."""

    protocol_version = "HTTP/1.1"
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
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Write nothing to the tests' standard error."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Ignore clients that disconnect before the answer."""


@contextmanager
def run_receiver() -> Iterator[Receiver]:
    """Yield a receiver that listens until the end. Requests that it holds are released then."""
    place = Receiver()
    server = _Server(("127.0.0.1", 0), type("OfPlace", (Handler,), {"place": place}))
    place.url = f"http://127.0.0.1:{server.server_address[1]}/fhir"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield place
    finally:
        place.released.set()
        server.shutdown()
        server.server_close()
        thread.join()
