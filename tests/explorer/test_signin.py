"""Signing in to the explorer with an account, at a stub of the deployment's issuer."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from tests.explorer import demo
from tests.explorer.conftest import Visit
from tests.explorer.gateway import token
from tests.support import care
from tests.support.loopback import listening
from tests.support.practice import Practice


@dataclass
class Issuer:
    """A stub of an issuer. It records the requests and answers as a test configures it."""

    address: str = ""
    asked: dict[str, str] = field(default_factory=dict)
    exchanged: dict[str, str] = field(default_factory=dict)
    refuses: dict[str, str] = field(default_factory=dict)
    is_broken: bool = False
    gives: dict[str, str] = field(
        default_factory=lambda: {"access_token": token("practitioner", care.ALICE)}
    )

    def location(self, query: str) -> str:
        """Return the address to which a user is sent back with a code."""
        self.asked = {name: value for name, (value,) in parse_qs(query).items()}
        result = self.refuses or {"code": "a-code"}
        back = {**result, "state": self.asked["state"], "session_state": "of the issuer's own"}
        return f"{self.asked['redirect_uri']}?{urlencode(back)}"

    def exchange(self, form: str) -> tuple[int, dict[str, Any]]:
        """Return a token for the code if the caller proves that it requested the code."""
        self.exchanged = {name: value for name, (value,) in parse_qs(form).items()}
        digest = sha256(self.exchanged["code_verifier"].encode()).digest()
        proof = urlsafe_b64encode(digest).decode().rstrip("=")
        if self.is_broken or proof != self.asked["code_challenge"]:
            return 400, {"error": "invalid_grant"}
        return 200, {**self.gives, "token_type": "Bearer"}


@pytest.fixture
def issuer(practice: Practice) -> Iterator[Issuer]:
    stub = Issuer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(302)
            self.send_header("Location", stub.location(urlsplit(self.path).query))
            self.end_headers()

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            status, body = stub.exchange(self.rfile.read(length).decode())
            self.send_response(status)
            self.send_header("Access-Control-Allow-Origin", "*")
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
            """Write nothing."""

    with listening(Handler) as stub.address:
        practice.configure(
            AUTHORIZE_URL=f"{stub.address}/authorize?audience=the-api",
            TOKEN_URL=f"{stub.address}/token",
            EXPLORE_CLIENT_ID="the-explorer",
        )
        yield stub


@pytest.fixture
def demo_clinic(practice: Practice, issuer: Issuer) -> demo.Clinic:
    assert issuer.address
    return demo.fill(practice)


def test_people_sign_in_with_their_account_and_return_to_where_they_were(
    visit: Visit, issuer: Issuer, demo_clinic: demo.Clinic
) -> None:
    visitor = visit()
    visitor.goes_to(f"session/{demo_clinic.family}")
    visitor.page.get_by_role("button", name="Sign in with your account").click()
    visitor.sees("Itchy rash")
    assert visitor.page.url == f"{visitor.url}#/session/{demo_clinic.family}"
    query = issuer.asked
    assert query["redirect_uri"] == visitor.url
    assert query["client_id"] == issuer.exchanged["client_id"] == "the-explorer"
    assert (query["response_type"], query["code_challenge_method"]) == ("code", "S256")
    assert (query["audience"], query["scope"]) == ("the-api", "openid profile")
    assert issuer.exchanged["code"] == "a-code"
    assert "client_secret" not in issuer.exchanged
    visitor.page.go_back()
    assert "a-code" not in visitor.page.url


def test_a_refused_sign_in_shows_the_reason(visit: Visit, issuer: Issuer) -> None:
    issuer.refuses = {"error": "access_denied", "error_description": "<b>Not today</b>"}
    visitor = visit()
    visitor.page.get_by_role("button", name="Sign in with your account").click()
    visitor.sees("You are not signed in. <b>Not today</b>")
    assert visitor.page.url == visitor.url


def test_an_issuer_that_refuses_the_code_is_reported(visit: Visit, issuer: Issuer) -> None:
    issuer.is_broken = True
    visitor = visit()
    visitor.page.get_by_role("button", name="Sign in with your account").click()
    visitor.sees("The issuer answered with status 400")


def test_an_issuer_that_returns_no_token_is_reported(visit: Visit, issuer: Issuer) -> None:
    issuer.gives = {}
    visitor = visit()
    visitor.page.get_by_role("button", name="Sign in with your account").click()
    visitor.sees("The issuer returned no token")


def test_an_unsolicited_code_is_ignored(visit: Visit, issuer: Issuer) -> None:
    visitor = visit()
    visitor.page.goto(f"{visitor.url}?code=of-somebody-else&state=guessed")
    visitor.sees("The sign-in was started in another tab")
    assert issuer.exchanged == {}
    assert "of-somebody-else" not in visitor.page.url


@pytest.mark.usefixtures("practice")
def test_without_an_issuer_only_a_token_can_be_entered(visit: Visit) -> None:
    visitor = visit()
    visitor.sees("Access token")
    assert visitor.page.get_by_role("button", name="Sign in with your account").count() == 0
