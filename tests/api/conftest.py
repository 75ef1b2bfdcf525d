"""Run the real handlers over DynamoDB in memory, and check all tables after every test."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import boto3
import pytest
from moto import mock_aws

from shared import settings
from shared.local import template
from shared.store import dynamodb, transactions
from tests.support import consistency, memory_database, moto_tables
from tests.support.api_client import ApiClient
from tests.support.caches import clear_caches
from tests.support.clock import set_clock
from tests.support.family import (
    BART,
    LISA,
    MAGGIE,
    MILHOUSE,
    OF_BART,
    OF_LISA,
    link_records,
    store,
    store_relative,
)
from tests.support.memory_database import Database
from tests.support.moto_tables import MotoTables
from tests.support.practice import Practice

# The bucket is created by the tests that fill it.
ARCHIVE = "archive"


@pytest.fixture(autouse=True)
def tables(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Create the template's tables, and check that they are consistent after the test.

    The tables are this project's imitation in memory, which takes a fifth of the time of moto. A
    test that requests `moto` gets moto's, so that handlers are tested on an independent one too.
    """
    _, environment = _deployed()
    credentials = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    for name, value in (environment | credentials | {"AUDIT_ARCHIVE": ARCHIVE}).items():
        monkeypatch.setenv(name, value)
    clear_caches()
    if "moto" in request.fixturenames:
        request.getfixturevalue("moto")
    else:
        client = cache(Database)
        monkeypatch.setattr(dynamodb, "client", client)
        monkeypatch.setattr(transactions, "client", client)
    yield
    consistency.check()
    clear_caches()


@pytest.fixture(scope="module")
def empty_moto_tables() -> Iterator[MotoTables]:
    """Create the tables in moto's DynamoDB once for a file."""
    with mock_aws():
        for name, definition in _deployed()[0].items():
            boto3.client("dynamodb", "us-east-1").create_table(TableName=name, **definition)
        yield moto_tables.copy_tables()


@pytest.fixture
def moto(empty_moto_tables: MotoTables) -> None:
    """Let the tables be empty ones in moto's DynamoDB."""
    moto_tables.restore_tables(empty_moto_tables)


@pytest.fixture
def moto_services() -> Iterator[None]:
    """Let moto imitate the services beside DynamoDB, whose tables stay in memory."""
    with mock_aws():
        yield


@pytest.fixture
def many_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a test with many requests make more calls to the database than any request needs."""
    monkeypatch.setattr(memory_database, "MOST_CALLS", 10_000_000)


@cache
def _deployed() -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """Return the template's table definitions and the functions' environment, read once."""
    read = template.load()
    requests = template.table_requests(read)
    return requests, template.function_environment(read, {name: name for name in requests})


@pytest.fixture
def clinic() -> ApiClient:
    """Return a client that calls as a practitioner."""
    return ApiClient()


@pytest.fixture
def practice(clinic: ApiClient, monkeypatch: pytest.MonkeyPatch) -> Iterator[Practice]:
    place = Practice(clinic, monkeypatch)
    set_clock(monkeypatch, lambda: place.now)
    place.configure(SESSION_TIME_ZONE="Europe/Berlin", SESSION_IDLE_MINUTES="")
    yield place
    settings.settings.cache_clear()


@pytest.fixture
def thread_policy(practice: Practice) -> Practice:
    practice.configure(SESSION_POLICY="thread")
    return practice


@pytest.fixture
def daily(practice: Practice) -> Practice:
    practice.configure(SESSION_POLICY="daily")
    return practice


@pytest.fixture
def family(practice: Practice) -> ApiClient:
    """Store a mother with a RelatedPerson record for each of two children."""
    for patient in (BART, LISA, MAGGIE, MILHOUSE):
        store(practice.clinic, patient)
    store_relative(practice.clinic, OF_BART, BART)
    store_relative(practice.clinic, OF_LISA, LISA)
    link_records(practice.clinic, OF_BART, OF_LISA)
    return practice.clinic
