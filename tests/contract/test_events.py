"""The events that are published: their schemas, samples and names agree."""

import json

import jsonschema_rs
import pytest

from shared.events.models import EVENTS, schema
from shared.fhir import references
from shared.rules import happenings
from shared.rules.happenings import Happening, SessionHappening
from tests.tools import event_samples


def test_what_happens_and_what_is_done_to_resources_is_each_an_event() -> None:
    happening = {
        kind.__name__
        for union in (Happening, SessionHappening)
        for kind in union.__value__.__args__
        if isinstance(kind, type)
    }
    assert EVENTS.keys() == happening | {
        f"Resource{done}ed" for done in ("Creat", "Updat", "Delet")
    }
    assert happening == {name for name in vars(happenings) if name in EVENTS}


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


@pytest.mark.parametrize("target", ["Patient/1", "Communication/a.b-c", f"Encounter/{'x' * 64}"])
def test_the_pattern_of_references_takes_those_of_resources(target: str) -> None:
    pattern = schema("SessionOpened", "")["properties"]["reference"]["pattern"]
    assert references.target({"reference": target})
    assert jsonschema_rs.is_valid({"pattern": pattern}, target)
