"""Make the samples of events in events/published: `uv run python -m tests.tools.event_samples`.

Each is one that functions/event_publisher.py makes of events/event_publisher.json, as EventBridge
delivers it.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from shared.events import publishing
from shared.packaging.build import ROOT

MESSAGES = ROOT / "events/event_publisher.json"
SAMPLES = ROOT / "events/published"


def samples() -> Iterator[tuple[Path, str]]:
    """Yield the file and the text of the first event of each name in the publisher's example."""
    bodies = [json.loads(part["body"]) for part in json.loads(MESSAGES.read_text())["Records"]]
    made: set[str] = set()
    for transaction in (part for body in bodies for part in body["transactions"]):
        for event in publishing.events_of_transaction(transaction):
            name = type(event).__name__
            if name not in made:
                made.add(name)
                text = json.dumps(_delivered(name, event.model_dump(exclude_none=True)), indent=2)
                yield SAMPLES / f"{name}.json", f"{text}\n"


def _delivered(name: str, detail: dict[str, Any]) -> dict[str, Any]:
    """Return an event as a target of a rule gets it.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/aws-events.html
    """
    return {
        "version": "0",
        "id": "17793124-05d4-b198-2fde-7ededc63b103",
        "detail-type": name,
        "source": publishing.SOURCE,
        "account": "123456789012",
        "time": f"{detail['time'][: len('2026-11-21T12:00:00')]}Z",
        "region": "us-east-1",
        "resources": [],
        "detail": detail,
    }


if __name__ == "__main__":
    SAMPLES.mkdir(exist_ok=True)
    for path, text in samples():
        path.write_text(text)
