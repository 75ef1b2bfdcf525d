"""The JSON Schemas of events, which anybody may read."""

from inspect import getdoc

import jsonschema_rs
import pytest

from shared.events.models import EVENTS
from tests.support.api_client import BASE, ApiClient

NOBODY = ApiClient(role="nobody")


@pytest.mark.parametrize("name", EVENTS)
def test_the_schema_of_each_event_is_published_and_valid(name: str) -> None:
    answer = NOBODY.get(f"/events/{name}")
    assert answer.status == 200
    assert answer.body["$id"] == f"{BASE}/events/{name}"
    assert answer.body["title"] == name
    assert answer.body["description"] == getdoc(EVENTS[name])
    jsonschema_rs.meta.validate(answer.body)
    for described in answer.body["properties"].values():
        assert described["description"]


def test_an_event_that_does_not_exist_is_answered_with_those_that_do() -> None:
    answer = NOBODY.get("/events/SessionLost")
    assert answer.status == 404
    assert "SessionClosed" in answer.text
