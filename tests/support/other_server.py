"""Another FHIR server on this machine, whose answers a test controls."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.support import loopback
from tests.support.loopback import listening

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


class Handler(loopback.Handler):
    """Pass each request to the server's answer."""

    place: OtherServer

    def do_GET(self) -> None:  # noqa: N802 - named by http.server
        self.place.requests.append((self.path, dict(self.headers.items())))
        (self.place.answer or self.place.send_resource)(self)

    def send(self, status: int, body: object = None, **headers: str) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_whole(status, data, headers)


@contextmanager
def run_server() -> Iterator[OtherServer]:
    """Yield a server that listens until the end. Requests that it holds are released then."""
    place = OtherServer()
    with listening(type("OfPlace", (Handler,), {"place": place})) as url:
        place.base = f"{url}/fhir"
        try:
            yield place
        finally:
            place.released.set()
