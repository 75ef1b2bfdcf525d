"""One HTTP request to an endpoint that a client has chosen.

The endpoint's name is resolved once. Every address must be a public one, and the request goes to
one of these, so that a second answer of the name server cannot lead elsewhere. TLS and the header
`Host` still have the name. Redirects are not followed, and the body of the answer is not read.
"""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from http.client import HTTPConnection, HTTPException, HTTPResponse, parse_headers
from ipaddress import ip_address

from shared.rules import endpoints
from shared.rules.endpoints import Endpoint

# For everything: resolving, connecting, and the whole head of the answer.
SECONDS = 5
_SUCCESS = range(200, 300)
_INFORMATIONAL, _MOST_INFORMATIONAL = range(100, 200), 10
_LATE = "did not answer in time"
# Returns the addresses of a host.
type Resolver = Callable[[str], list[str]]


class NotDelivered(Exception):
    """An endpoint did not take a request; the text says why, and nothing of what it answered."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request to an endpoint: method, request target, headers and body."""

    endpoint: Endpoint
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""


def resolve(host: str) -> list[str]:
    """Return the addresses of a host, in the order in which to try them."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def send(
    call: Call,
    *,
    resolver: Resolver = resolve,
    allows_local: bool = False,
    seconds: float = SECONDS,
) -> None:
    """Send a request. Raises NotDelivered unless it is answered with a status of 2xx in time."""
    deadline = time.monotonic() + seconds
    addresses = _addresses(call.endpoint, resolver, deadline, allows_local=allows_local)
    connection = _Connection(call.endpoint, addresses, deadline)
    try:
        connection.request(call.method, call.target, call.body, dict(call.headers))
        status = connection.getresponse().status
    except ssl.SSLCertVerificationError:
        raise NotDelivered("has no certificate that is valid for its name") from None
    except (OSError, HTTPException):
        is_late = time.monotonic() >= deadline
        raise NotDelivered(_LATE if is_late else "could not be reached, or broke off") from None
    finally:
        connection.close()
    if status not in _SUCCESS:
        raise NotDelivered(f"answered with status {status}")


def _addresses(
    endpoint: Endpoint, resolver: Resolver, deadline: float, *, allows_local: bool
) -> list[str]:
    """Return the addresses to connect to. Raises NotDelivered if one of them may not be called."""
    found = _resolved(endpoint.host, resolver, deadline)
    if not allows_local and not all(endpoints.is_public(ip_address(one)) for one in found):
        raise NotDelivered("resolves to an address that may not be called")
    return found


def _resolved(host: str, resolver: Resolver, deadline: float) -> list[str]:
    # A name server may take longer than the whole request may, and cannot be interrupted.
    pool = ThreadPoolExecutor(1)
    try:
        found = pool.submit(resolver, host).result(deadline - time.monotonic())
    except TimeoutError:
        raise NotDelivered(_LATE) from None
    except (OSError, UnicodeError):
        found = []
    finally:
        pool.shutdown(wait=False)
    if not found:
        raise NotDelivered("has a name that cannot be resolved")
    return found


class _Response(HTTPResponse):
    """An answer after at most some informational ones, such as 103 Early Hints."""

    def _read_status(self) -> tuple[str, int, str]:
        for _ in range(_MOST_INFORMATIONAL):
            version, status, reason = super()._read_status()  # type: ignore[misc]
            if status not in _INFORMATIONAL:
                return version, status, reason
            parse_headers(self.fp)
        raise HTTPException


class _Connection(HTTPConnection):
    """A connection to one of some addresses of an endpoint, broken off at a deadline.

    Timeouts of sockets are for each read, so that an answer of a byte a second would never end.
    """

    response_class = _Response

    def __init__(self, endpoint: Endpoint, addresses: list[str], deadline: float) -> None:
        super().__init__(endpoint.host, endpoint.port)
        self.default_port = 443 if endpoint.is_tls else 80
        self._is_tls, self._addresses, self._deadline = endpoint.is_tls, addresses, deadline
        self._watched: socket.socket | None = None
        self._timer = threading.Timer(max(deadline - time.monotonic(), 0), self._break_off)
        self._timer.daemon = True

    def connect(self) -> None:
        """Connect to the first address that answers."""
        plain = self._connected()
        # Another handle of the same connection, which stays ours when TLS takes the first.
        self._watched = plain.dup()
        self._timer.start()
        self.sock = (
            _context().wrap_socket(plain, server_hostname=self.host) if self._is_tls else plain
        )

    def _connected(self) -> socket.socket:
        problem: OSError = TimeoutError()
        for address in self._addresses:
            if (seconds := self._deadline - time.monotonic()) <= 0:
                break
            try:
                return socket.create_connection((address, self.port), seconds)
            except OSError as error:
                problem = error
        raise problem

    def _break_off(self) -> None:
        if watched := self._watched:
            with suppress(OSError):  # it may have ended by itself
                watched.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection, and stop watching it."""
        self._timer.cancel()
        super().close()
        if self._watched:
            self._watched.close()
            self._watched = None


@cache
def _context() -> ssl.SSLContext:
    return ssl.create_default_context()
