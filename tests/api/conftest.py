"""The real handlers over moto's DynamoDB, and at the end of every test a look at all its tables."""

from collections.abc import Iterator

import pytest
from moto import mock_aws

from shared import settings
from shared.local import template
from shared.store import dynamodb
from tests import consistency
from tests.frontdoor import FrontDoor


@pytest.fixture(autouse=True)
def tables(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Tables as the template has them, consistent with themselves when the test is over."""
    requests = template.table_requests(template.load())
    environment = template.function_environment(template.load(), {name: name for name in requests})
    credentials = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    for name, value in (environment | credentials).items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        _forget()
        for name, request in requests.items():
            dynamodb.client().create_table(TableName=name, **request)
        yield
        consistency.check()
        _forget()


def _forget() -> None:
    for remembered in (settings.settings, dynamodb.client, dynamodb.table_name):
        remembered.cache_clear()


@pytest.fixture
def clinic() -> FrontDoor:
    """A practitioner's calls."""
    return FrontDoor()
