"""The events that are published: their schemas, samples and names agree."""

import json

import jsonschema_rs
import pytest

from shared.events.models import EVENTS, schema
from shared.fhir import references
from shared.rules import domain_events
from shared.rules.domain_events import DomainEvent
from tests.tools import channel_samples, event_samples


def test_domain_events_and_writes_of_resources_are_published() -> None:
    names = {kind.__name__ for kind in DomainEvent.__value__.__args__}
    assert EVENTS.keys() == names | {"ResourceCreated", "ResourceUpdated", "ResourceDeleted"}
    assert names == {name for name in vars(domain_events) if name in EVENTS}


@pytest.mark.parametrize("name", EVENTS)
def test_each_event_has_a_sample_as_its_consumers_get_it(name: str) -> None:
    # If not: uv run python -m tests.tools.event_samples
    made = dict(event_samples.samples())
    path = event_samples.SAMPLES / f"{name}.json"
    assert path.read_text() == made[path]
    sample = json.loads(path.read_text())
    assert sample["detail-type"] == name
    jsonschema_rs.validate(schema(name, ""), sample["detail"])


def test_there_are_no_other_samples() -> None:
    assert {path.stem for path in event_samples.SAMPLES.iterdir()} == EVENTS.keys()


def test_there_is_an_example_of_everything_that_comes_by_a_channel() -> None:
    # If not: uv run python -m tests.tools.channel_samples
    made = dict(channel_samples.samples())
    assert {path: path.read_text() for path in made} == made
    folders = (channel_samples.EVENTS / f"channel_{name}" for name in ("webhook", "receiver"))
    assert {path for folder in folders for path in folder.iterdir()} <= made.keys()


@pytest.mark.parametrize("target", ["Patient/1", "Communication/a.b-c", f"Encounter/{'x' * 64}"])
def test_the_pattern_of_references_takes_those_of_resources(target: str) -> None:
    pattern = schema("SessionOpened", "")["properties"]["reference"]["pattern"]
    assert references.target({"reference": target})
    assert jsonschema_rs.is_valid({"pattern": pattern}, target)
