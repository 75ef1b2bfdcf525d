"""Requests to endpoints, whatever these and their name servers do."""

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from shared.rules import endpoints
from shared.subscriptions import calling
from shared.subscriptions.calling import Call, NotDelivered, send
from tests.support.receiver import Handler, Receiver, run_receiver

NAME = "chat.example.com"
type Serve = Callable[[socket.socket], None]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with run_receiver() as place:
        yield place


def call(url: str, method: str = "POST", body: bytes = b"") -> Call:
    endpoint = endpoints.parse(url, allows_local=True)
    return Call(endpoint, method, endpoint.target(), {"X-Name": "value"}, body)


def problem(sent: Call, **more: object) -> str:
    """Return why a call failed, which takes no longer than it may."""
    begun = time.monotonic()
    options = {"allows_local": True, "seconds": 0.4} | more
    with pytest.raises(NotDelivered) as failure:
        send(sent, **options)  # type: ignore[arg-type]
    assert time.monotonic() - begun < 2
    return str(failure.value)


def test_a_request_has_its_headers_and_body(receiver: Receiver) -> None:
    send(call(receiver.url, "PUT", b"{}"), allows_local=True)
    send(call(receiver.url), allows_local=True)
    put, post = receiver.taken()
    assert (put.method, put.path, put.body) == ("PUT", "/fhir", b"{}")
    assert (put.headers["x-name"], put.headers["content-length"]) == ("value", "2")
    assert (post.body, post.headers["content-length"]) == (b"", "0")


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_every_status_of_success_is_taken(receiver: Receiver, status: int) -> None:
    receiver.answer = lambda handler: handler.send(status)
    send(call(receiver.url), allows_local=True)


_HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n"


def test_informational_answers_come_before_the_answer(receiver: Receiver) -> None:
    def answer(handler: Handler) -> None:
        handler.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n" + _HINTS * 2)
        handler.send(status)

    receiver.answer = answer
    status = 200
    send(call(receiver.url), allows_local=True)
    status = 500
    assert problem(call(receiver.url)) == "answered with status 500"


def test_informational_answers_alone_are_no_answer(receiver: Receiver) -> None:
    def answer(handler: Handler) -> None:
        handler.wfile.write(_HINTS * 20)

    receiver.answer = answer
    assert problem(call(receiver.url)) == "could not be reached, or broke off"


@pytest.mark.parametrize("status", [300, 304, 400, 401, 404, 410, 429, 500, 503])
def test_every_other_status_is_a_failure(receiver: Receiver, status: int) -> None:
    receiver.answer = lambda handler: handler.send(status, b"a secret of the receiver")
    assert problem(call(receiver.url)) == f"answered with status {status}"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(receiver: Receiver, status: int) -> None:
    url = f"{receiver.url}/elsewhere"
    receiver.answer = lambda handler: handler.send(status, Location=url)
    assert problem(call(receiver.url)) == f"answered with status {status}"
    assert len(receiver.taken()) == 1


def test_an_endless_body_is_not_read(receiver: Receiver) -> None:
    def answer(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        while True:
            handler.wfile.write(b"10000\r\n" + b"x" * 65536 + b"\r\n")

    receiver.answer = answer
    begun = time.monotonic()
    send(call(receiver.url), allows_local=True)
    assert time.monotonic() - begun < 2


def test_a_receiver_that_never_answers_is_left_in_time(receiver: Receiver) -> None:
    def answer(handler: Handler) -> None:
        handler.place.released.wait(10)

    receiver.answer = answer
    assert problem(call(receiver.url)) == "did not answer in time"


def test_a_receiver_that_answers_late_is_left_in_time(receiver: Receiver) -> None:
    def answer(handler: Handler) -> None:
        handler.place.released.wait(1)
        handler.send(200)

    receiver.answer = answer
    assert problem(call(receiver.url)) == "did not answer in time"


def test_a_receiver_that_closes_the_connection_has_failed(receiver: Receiver) -> None:
    def answer(handler: Handler) -> None:
        handler.close_connection = True

    receiver.answer = answer
    assert problem(call(receiver.url)) == "could not be reached, or broke off"


@contextmanager
def serving(serve: Serve) -> Iterator[str]:
    """Yield the URL of a server that treats each connection as it likes."""
    listener = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            try:
                serve(connection)
            except OSError:
                return

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    finally:
        listener.close()
        thread.join(5)


def drip(text: bytes) -> Serve:
    """Return what sends a byte each 50 ms, so that no read of the client takes long."""

    def serve(connection: socket.socket) -> None:
        for byte in text * 100:
            connection.sendall(bytes([byte]))
            time.sleep(0.05)

    return serve


@pytest.mark.parametrize("text", [b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 100 Continue\r\n\r\n"])
def test_a_head_that_never_ends_is_left_in_time(text: bytes) -> None:
    with serving(drip(text)) as url:
        assert problem(call(url)) == "did not answer in time"


@pytest.mark.parametrize(
    "text", [b"not HTTP\r\n\r\n", b"", b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200]
)
def test_what_is_no_answer_is_a_failure(text: bytes) -> None:
    def serve(connection: socket.socket) -> None:
        connection.recv(1000)
        connection.sendall(text)

    with serving(serve) as url:
        assert problem(call(url)) == "could not be reached, or broke off"


def test_nobody_listening_is_a_failure() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    listener.close()
    assert problem(call(url)) == "could not be reached, or broke off"


# ---- Names


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["10.0.0.1"],
        ["169.254.169.254"],
        ["100.64.0.1"],
        ["::1"],
        ["::ffff:127.0.0.1"],
        ["64:ff9b::7f00:1"],
        ["fe80::1%lo"],
        ["93.184.215.14", "10.0.0.1"],
    ],
)
def test_a_name_that_leads_inside_is_not_called(receiver: Receiver, addresses: list[str]) -> None:
    port = receiver.url.rpartition(":")[2].partition("/")[0]
    sent = call(f"https://{NAME}:{port}/")
    refused = problem(sent, resolver=lambda _: addresses, allows_local=False)
    assert refused == "resolves to an address that may not be called"
    assert receiver.taken() == []


def test_a_literal_address_is_checked_like_a_name(receiver: Receiver) -> None:
    refused = problem(call(receiver.url), allows_local=False)
    assert refused == "resolves to an address that may not be called"
    assert receiver.taken() == []


def test_a_name_is_resolved_once(receiver: Receiver) -> None:
    """A second answer of the name server would not be checked."""
    asked = []

    def resolver(host: str) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    port = receiver.url.rpartition(":")[2].partition("/")[0]
    send(call(f"http://{NAME}:{port}/hook"), resolver=resolver, allows_local=True)
    (told,) = receiver.taken()
    assert asked == [NAME]
    assert told.headers["host"] == f"{NAME}:{port}"


def test_the_next_address_is_tried_if_one_does_not_answer(receiver: Receiver) -> None:
    port = receiver.url.rpartition(":")[2].partition("/")[0]
    addresses = ["127.0.0.2", "127.0.0.1"]
    send(call(f"http://{NAME}:{port}/"), resolver=lambda _: addresses, allows_local=True)
    assert len(receiver.taken()) == 1


def test_a_name_that_does_not_exist_is_a_failure() -> None:
    def resolver(_: str) -> list[str]:
        raise socket.gaierror

    unknown = problem(call(f"https://{NAME}/"), resolver=resolver)
    assert unknown == "has a name that cannot be resolved"
    assert problem(call(f"https://{NAME}/"), resolver=lambda _: []) == unknown


def test_a_slow_name_server_is_left_in_time() -> None:
    released = threading.Event()

    def resolver(_: str) -> list[str]:
        released.wait(10)
        return ["127.0.0.1"]

    assert problem(call(f"https://{NAME}/"), resolver=resolver) == "did not answer in time"
    released.set()


# ---- TLS


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A certificate of NAME that this process trusts, in a file with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    begin = datetime(2020, 1, 1, tzinfo=UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=36500))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "certificate.pem"
    file.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    calling._context.cache_clear()
    yield file
    calling._context.cache_clear()


@contextmanager
def serving_tls(certificate: Path, names: list[str | None]) -> Iterator[str]:
    """Yield the URL of a TLS server, which notes the names that it is asked for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.sni_callback = lambda _socket, name, _context: names.append(name)

    def serve(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secure:
            request = secure.recv(10_000)
            assert f"Host: {NAME}:".encode() in request
            secure.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    with serving(serve) as url:
        yield url.replace("http:", "https:")


def test_tls_has_the_name_although_the_address_is_called(certificate: Path) -> None:
    names: list[str | None] = []
    with serving_tls(certificate, names) as url:
        named = url.replace("127.0.0.1", NAME)
        send(call(named), resolver=lambda _: ["127.0.0.1"], allows_local=True)
    assert names == [NAME]


def test_the_certificate_must_be_of_the_name(certificate: Path) -> None:
    with serving_tls(certificate, []) as url:
        other = url.replace("127.0.0.1", "other.example.com")
        refused = problem(call(other), resolver=lambda _: ["127.0.0.1"])
    assert refused == "has no certificate that is valid for its name"


def test_a_handshake_that_hangs_is_left_in_time(certificate: Path) -> None:
    assert certificate.exists()
    with serving(lambda _: time.sleep(1)) as url:
        sent = call(url)
        secure = replace(sent, endpoint=replace(sent.endpoint, is_tls=True))
        assert problem(secure) == "did not answer in time"


def test_addresses_are_those_that_the_machine_resolves() -> None:
    assert {ip_address(one).is_loopback for one in calling.resolve("localhost")} == {True}
