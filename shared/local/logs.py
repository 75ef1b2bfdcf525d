"""The logs of the functions on the emulator."""

from shared.local.emulator import Emulator


def errors(emulator: Emulator) -> list[str]:
    """Return the log lines of level ERROR, oldest first in each log group."""
    logs = emulator.client("logs")
    groups = [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]]
    return [
        event["message"]
        for group in groups
        for event in logs.filter_log_events(logGroupName=group)["events"]
        if '"level":"ERROR"' in event["message"]
    ]
