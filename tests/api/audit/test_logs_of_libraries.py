"""At the level DEBUG, the libraries that call the database log no content."""

import logging

import pytest

from tests.support import care
from tests.support.api_client import ApiClient


def test_no_content_of_an_item_is_logged_at_debug(
    clinic: ApiClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    answer = clinic.post("/Encounter", care.session(priority={"text": "canary"}))
    assert answer.status == 201
    assert clinic.get(f"/Encounter/{answer.id}").status == 200
    assert clinic.get("/Encounter?patient=homer-simpson").resources
    ours = [record for record in caplog.records if record.name.startswith(("botocore", "urllib3"))]
    assert ours == []
    assert all("canary" not in str(record.__dict__) for record in caplog.records)
