"""The real handlers over moto's DynamoDB, and at the end of every test a look at all its tables."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from moto import mock_aws

from shared.local import template
from shared.store import dynamodb
from tests import consistency
from tests.frontdoor import FrontDoor
from tests.remembered import forget


@pytest.fixture(autouse=True)
def tables(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Tables as the template has them, consistent with themselves when the test is over."""
    requests, environment = _deployed()
    credentials = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    for name, value in (environment | credentials).items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        forget()
        for name, request in requests.items():
            dynamodb.client().create_table(TableName=name, **request)
        yield
        consistency.check()
        forget()


@cache
def _deployed() -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """Read the template once: its tables, and the functions' environment."""
    read = template.load()
    requests = template.table_requests(read)
    return requests, template.function_environment(read, {name: name for name in requests})


@pytest.fixture
def clinic() -> FrontDoor:
    """A practitioner's calls."""
    return FrontDoor()
