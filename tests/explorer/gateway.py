"""The gateway on this machine's loopback: the real functions behind HTTP, under a stage."""

import json
import threading
from base64 import b64decode, urlsafe_b64decode, urlsafe_b64encode
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from tests.support import api_client
from tests.support.loopback import Handler

STAGE = "/prod"
BASE_PATH = "/fhir/R4"


def token(role: str, fhir_user: str = "", **claims: Any) -> str:
    """Return an access token that this gateway accepts."""
    payload = {
        "sub": f"user-{role}",
        "client_id": "explorer",
        "token_use": "access",
        "cognito:groups": [role],
        "fhirUser": fhir_user,
        **claims,
    }
    parts = ({"alg": "none"}, payload)
    return ".".join(
        [*(urlsafe_b64encode(json.dumps(part).encode()).decode() for part in parts), "x"]
    )


def _claims(header: str) -> dict[str, str] | None:
    """Return a token's claims as the authorizer passes them on, or None if it is invalid."""
    try:
        claims = json.loads(urlsafe_b64decode(header.removeprefix("Bearer ").split(".")[1]))
    except (IndexError, ValueError):
        return None
    if claims.pop("expired", False):
        return None
    return {
        name: f"[{' '.join(value)}]" if isinstance(value, list) else str(value)
        for name, value in claims.items()
    }


class Gateway(Handler):
    """Handle one request at a time, since the functions share state within this process."""

    lock = threading.Lock()
    disable_nagle_algorithm = True

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length).decode() if length else None
        parts = urlsplit(self.path)
        status, headers, content = self._call(parts.path.removeprefix(STAGE), parts.query, body)
        self.send_whole(status, content, headers)

    do_GET = do_POST = do_HEAD = do_PUT = do_OPTIONS = _answer  # noqa: N815 - the base class calls them so

    def _call(self, path: str, query: str, body: str | None) -> tuple[int, dict[str, str], bytes]:
        rooted = not path.startswith(BASE_PATH)
        base = "" if rooted else BASE_PATH
        route, variables = api_client.route(self.command, path.removeprefix(base), rooted=rooted)
        claims = _claims(self.headers.get("Authorization", ""))
        if claims is None and not (route and route.public):
            return 401, {"Content-Type": "application/json"}, b'{"message":"Unauthorized"}'
        event = {
            "version": "2.0",
            "routeKey": f"{self.command} {base}{route.path}" if route else "$default",
            "rawPath": f"{STAGE}{path}",
            "rawQueryString": query,
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "pathParameters": variables,
            "requestContext": {
                "requestId": "request-1",
                "domainName": self.headers["Host"],
                "stage": STAGE[1:],
                "http": {"method": self.command, "path": f"{STAGE}{path}"},
                "authorizer": {"jwt": {"claims": claims or {}}},
            },
            "body": body,
            "isBase64Encoded": False,
        }
        module = import_module(f"functions.{route.function if route else 'fallback'}")
        with self.lock:
            answer: dict[str, Any] = module.handler(event, None)
        text = answer["body"]
        content = b64decode(text) if answer.get("isBase64Encoded") else text.encode()
        return answer["statusCode"], answer["headers"], content
