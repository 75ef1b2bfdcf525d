"""The real handlers over moto's DynamoDB, and at the end of every test a look at all its tables."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from moto import mock_aws

from shared import settings
from shared.local import template
from shared.store import dynamodb, transactions
from tests import consistency
from tests.clock import set_clock
from tests.database import Database
from tests.frontdoor import FrontDoor
from tests.practice import Practice
from tests.relatives import BART, LISA, MAGGIE, MILHOUSE, OF_BART, OF_LISA, put, relative, same
from tests.remembered import forget

# Made by whoever fills it.
ARCHIVE = "archive"


@pytest.fixture(autouse=True)
def tables(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Tables as the template has them, consistent with themselves when the test is over.

    They are in memory, which takes a fifth of the time; those of a test that asks for `moto` are
    its own, so that what this project thinks of DynamoDB is not all that handlers are tested on.
    """
    _, environment = _deployed()
    credentials = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    for name, value in (environment | credentials | {"AUDIT_ARCHIVE": ARCHIVE}).items():
        monkeypatch.setenv(name, value)
    forget()
    if "moto" in request.fixturenames:
        request.getfixturevalue("moto")
    else:
        client = cache(Database)
        monkeypatch.setattr(dynamodb, "client", client)
        monkeypatch.setattr(transactions, "client", client)
    yield
    consistency.check()
    forget()


@pytest.fixture
def moto() -> Iterator[None]:
    """Tables of moto's DynamoDB."""
    requests, _ = _deployed()
    with mock_aws():
        for name, definition in requests.items():
            dynamodb.client().create_table(TableName=name, **definition)
        yield


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


@pytest.fixture
def practice(clinic: FrontDoor, monkeypatch: pytest.MonkeyPatch) -> Iterator[Practice]:
    place = Practice(clinic, monkeypatch)
    set_clock(monkeypatch, lambda: place.now)
    place.set(SESSION_TIME_ZONE="Europe/Berlin", SESSION_IDLE_MINUTES="")
    yield place
    settings.settings.cache_clear()


@pytest.fixture
def thread_policy(practice: Practice) -> Practice:
    practice.set(SESSION_POLICY="thread")
    return practice


@pytest.fixture
def daily(practice: Practice) -> Practice:
    practice.set(SESSION_POLICY="daily")
    return practice


@pytest.fixture
def family(practice: Practice) -> FrontDoor:
    """A mother whom the directory knows as the relative of each of two children."""
    for patient in (BART, LISA, MAGGIE, MILHOUSE):
        put(practice.clinic, patient)
    relative(practice.clinic, OF_BART, BART)
    relative(practice.clinic, OF_LISA, LISA)
    same(practice.clinic, OF_BART, OF_LISA)
    return practice.clinic
