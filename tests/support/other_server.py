"""Another FHIR server on this machine, whose answers a test controls."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

type Answer = Callable[["Handler"], None]


@dataclass
class OtherServer:
    """The server's resources, and the paths and headers of the requests to it."""

    base: str = ""
    resources: set[str] = field(default_factory=set)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    answer: Answer | None = None
    released: threading.Event = field(default_factory=threading.Event)

    @property
    def paths(self) -> list[str]:
        return sorted(path for path, _ in self.requests)

    def send_resource(self, handler: "Handler") -> None:
        """Answer as a FHIR server does."""
        name = handler.path.removeprefix("/fhir/").partition("?")[0]
        kind, _, own_id = name.partition("/")
        if name in self.resources:
            handler.send(200, {"resourceType": kind, "id": own_id})
        else:
            handler.send(404, {"resourceType": "OperationOutcome"})


class Handler(BaseHTTPRequestHandler):
    """Pass each request to the server's answer."""

    protocol_version = "HTTP/1.1"
    place: OtherServer

    def do_GET(self) -> None:
        self.place.requests.append((self.path, dict(self.headers.items())))
        (self.place.answer or self.place.send_resource)(self)

    def send(self, status: int, body: object = None, **headers: str) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Write nothing to the tests' standard error."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Ignore clients that disconnect before the answer."""


@contextmanager
def run_server() -> Iterator[OtherServer]:
    """Yield a server that listens until the end. Requests that it holds are released then."""
    place = OtherServer()
    server = _Server(("127.0.0.1", 0), type("OfPlace", (Handler,), {"place": place}))
    place.base = f"http://127.0.0.1:{server.server_address[1]}/fhir"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield place
    finally:
        place.released.set()
        server.shutdown()
        server.server_close()
        thread.join()
