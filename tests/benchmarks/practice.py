"""A deployment over the in-memory endpoint, and the requests that practices make of it."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from shared.fhir import instants
from shared.local import template
from shared.store import dynamodb
from tests.benchmarks.endpoint import Endpoint
from tests.support import care, clock
from tests.support.api_client import Answer, ApiClient
from tests.support.caches import clear_caches

TYPICAL = Path(__file__).parent.parent / "fixtures/typical"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "benchmark",
    "AWS_SECRET_ACCESS_KEY": "benchmark",
    "AWS_DEFAULT_REGION": "us-east-1",
}

type Request = tuple[Callable[[Any, Any], Any], dict[str, Any]]


def typical(name: str, header_id: str = "") -> Any:
    """Return the body of a committed fixture."""
    return json.loads((TYPICAL / f"{name}.json").read_text().replace("{header}", header_id))


@contextmanager
def deployed(endpoint: Endpoint, **said: str) -> Iterator["Practice"]:
    """Point the functions of this process at an endpoint, under the template's environment."""
    loaded = template.load()
    names = {name: name for name in template.table_requests(loaded)}
    before = dict(os.environ)
    os.environ.update(template.function_environment(loaded, names) | CREDENTIALS | said)
    clear_caches()
    endpoint.attach(dynamodb.client())
    try:
        with clock.running():
            yield Practice(ApiClient(), ApiClient("admin"))
    finally:
        os.environ.clear()
        os.environ.update(before)
        clear_caches()


@dataclass(frozen=True)
class Practice:
    """Calls of a practitioner and an administrator, with the bodies of committed fixtures."""

    clinic: ApiClient
    admin: ApiClient

    def make(self, method: str, url: str, body: Any = None) -> Answer:
        """Make a request that must succeed."""
        answer = self.clinic.call(method, url, body)
        assert answer.status in (200, 201), answer.text
        return answer

    def session(self, **more: Any) -> str:
        """Create a session."""
        return self.make("POST", "/Encounter", typical("session") | more).id

    def header(self) -> str:
        """Create a thread without messages."""
        return self.make("POST", "/Communication", typical("header")).id

    def message(self, header_id: str, number: int = 0) -> Any:
        """Return a message that is sent after those before, with another text."""
        body = typical("message", header_id)
        sent = instants.from_text("2026-11-20T09:14:31.000Z") + timedelta(seconds=number)
        body["sent"] = instants.to_text(sent)
        words = body["payload"][0]["contentString"].split()
        body["payload"][0]["contentString"] = " ".join(words[number % 40 :] + words[: number % 40])
        return body

    def link(self, header_id: str, session_id: str) -> Request:
        """Return the request that links a thread."""
        return self.clinic.handler_and_event(
            "PATCH",
            f"/Communication/{header_id}",
            care.link(session_id),
            content_type="application/json-patch+json",
        )

    def linked(self, **more: Any) -> tuple[str, str]:
        """Create a session with a linked thread of one message."""
        session_id, header_id = self.session(**more), self.header()
        handler, event = self.link(header_id, session_id)
        assert handler(event, None)["statusCode"] == 200
        self.make("POST", "/Communication", self.message(header_id))
        return session_id, header_id
