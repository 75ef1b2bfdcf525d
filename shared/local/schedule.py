"""Runs the closing schedule of a stack on this machine, at any given time."""

import json
from datetime import UTC, datetime

from shared.local.emulator import Emulator
from shared.local.stack import physical_id


def run(emulator: Emulator, moment: datetime) -> None:
    """Invoke the closing scheduler as the schedule would at an instant."""
    emulator.client("lambda").invoke(
        FunctionName=physical_id(emulator, "ClosingSchedulerFunction"),
        Payload=json.dumps(event(moment)),
    )


def event(moment: datetime) -> dict[str, object]:
    """Return the event of a run of the schedule."""
    return {
        "version": "0",
        "id": "11111111-2222-4333-8444-555555555555",
        "detail-type": "Scheduled Event",
        "source": "aws.scheduler",
        "account": "123456789012",
        "time": moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": "us-east-1",
        "resources": ["arn:aws:scheduler:us-east-1:123456789012:schedule/default/closing"],
        "detail": "{}",
    }
