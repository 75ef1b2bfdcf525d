"""Call the plain JSON API as an application does, and check its problem documents."""

from dataclasses import dataclass, field, replace
from typing import Any

from tests.support.api_client import ORIGIN, Answer, ApiClient

V1 = f"{ORIGIN}/v1"
JSON, PROBLEM = "application/json", "application/problem+json"
type Json = dict[str, Any]


@dataclass(frozen=True)
class PlainClient:
    """A caller of the plain JSON API. Paths are relative to `/v1`."""

    caller: ApiClient = field(default_factory=ApiClient)

    @property
    def administrator(self) -> "PlainClient":
        """Return the same caller as an administrator, who may delete anything."""
        return replace(self, caller=self.caller.administrator)

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        headers.setdefault("content_type", JSON)
        answer = self.caller.call(method, f"{V1}{path}", body, **headers)
        if answer.status < 400 and answer.text:
            assert answer.headers["Content-Type"] == JSON
            assert answer.body.keys() <= {"data", "next"}
        elif answer.text:
            check_problem(answer)
        return answer

    def get(self, path: str, **headers: str) -> Answer:
        return self.call("GET", path, **headers)

    def post(self, path: str, body: Any, **headers: str) -> Answer:
        return self.call("POST", path, body, **headers)

    def put(self, path: str, body: Any, **headers: str) -> Answer:
        return self.call("PUT", path, body, **headers)

    def patch(self, path: str, body: Any, **headers: str) -> Answer:
        return self.call("PATCH", path, body, **headers)

    def delete(self, path: str, **headers: str) -> Answer:
        return self.call("DELETE", path, **headers)

    def create(self, path: str, body: Any) -> Json:
        """Create a member of a collection and return it."""
        answer = self.post(path, body)
        assert answer.status == 201, answer.text
        data: Json = answer.body["data"]
        return data


def check_problem(answer: Answer) -> None:
    """Assert that a refusal is a problem document: https://www.rfc-editor.org/rfc/rfc9457 ."""
    assert answer.headers["Content-Type"] == PROBLEM, answer.text
    problem = answer.body
    assert problem.keys() - {"errors"} == {"type", "title", "status", "detail", "code"}
    assert problem["status"] == answer.status
    assert "resourceType" not in problem
    for error in problem.get("errors", ()):
        assert error["detail"]
        assert len(error.keys() & {"pointer", "parameter", "header", "element"}) <= 1


def refused_fields(answer: Answer) -> list[str]:
    """Return the fields that a refusal names."""
    return [
        place
        for error in answer.body.get("errors", ())
        for name, place in error.items()
        if name != "detail"
    ]
