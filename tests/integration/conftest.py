"""DynamoDB on the emulator, with the tables of the template."""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import count
from typing import Any

import pytest

from shared.local import template
from shared.local.emulator import Emulator, emulator
from shared.local.listening import bus_arn
from tests.integration.closing import TRIES, Rounds
from tests.support.api_client import ApiClient
from tests.support.caches import clear_caches

_RUNS = count(1)
_template = cache(template.load)


@pytest.fixture(scope="session")
def engine() -> Iterator[Emulator]:
    """Yield an emulator without any resources."""
    with emulator() as running:
        yield running


@pytest.fixture(scope="session")
def database(engine: Emulator) -> Any:
    """Return a DynamoDB client for the tests themselves."""
    return engine.client("dynamodb")


@pytest.fixture
def tables(database: Any) -> dict[str, str]:
    """Create the template's tables. Return their names by logical id."""
    run = next(_RUNS)
    requests = template.table_requests(_template())
    names = {logical_id: f"{logical_id}-{run}" for logical_id in requests}
    for logical_id, request in requests.items():
        database.create_table(TableName=names[logical_id], **request)
    return names


@pytest.fixture
def rounds(engine: Emulator) -> Rounds:
    """Create a queue with its dead letters. A message that failed is visible again at once."""
    sqs, run = engine.client("sqs"), next(_RUNS)
    dead_url = sqs.create_queue(QueueName=f"dead-letters-{run}")["QueueUrl"]
    dead_attributes = sqs.get_queue_attributes(QueueUrl=dead_url, AttributeNames=["QueueArn"])
    redrive = {
        "deadLetterTargetArn": dead_attributes["Attributes"]["QueueArn"],
        "maxReceiveCount": TRIES,
    }
    attributes = {"VisibilityTimeout": "0", "RedrivePolicy": json.dumps(redrive)}
    url = sqs.create_queue(QueueName=f"closing-{run}", Attributes=attributes)["QueueUrl"]
    return Rounds(sqs, url, dead_url)


@pytest.fixture
def deployed(engine: Emulator, tables: dict[str, str], rounds: Rounds) -> Mapping[str, str]:
    """Return the environment of a function deployed with these tables and this queue."""
    names = tables | {"ClosingQueue": rounds.url}
    bus = {"EVENT_BUS_ARN": bus_arn(engine)}
    return template.function_environment(_template(), names) | engine.environment | bus


@pytest.fixture
def function_environment(
    deployed: Mapping[str, str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Point handlers called in this process at these tables."""
    for name, value in deployed.items():
        monkeypatch.setenv(name, value)
    clear_caches()
    yield
    clear_caches()


@pytest.fixture
def clinic() -> ApiClient:
    """Return a practitioner's calls."""
    return ApiClient()
