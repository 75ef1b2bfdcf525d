"""Running the schedule of a stack on this machine at a time of one's choice."""

import json
from datetime import UTC, datetime

from shared.local.emulator import Emulator
from shared.local.stack import physical_id


def run(emulator: Emulator, moment: datetime) -> None:
    """Call the closing scheduler as its schedule would at an instant."""
    emulator.client("lambda").invoke(
        FunctionName=physical_id(emulator, "ClosingSchedulerFunction"),
        Payload=json.dumps(event(moment)),
    )


def event(moment: datetime) -> dict[str, object]:
    """Make the event of a schedule's run."""
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
