"""What the functions logged."""

from shared.local.emulator import Emulator


def errors(emulator: Emulator) -> list[str]:
    """Give the log lines of level ERROR, oldest first."""
    logs = emulator.client("logs")
    groups = [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]]
    return [
        event["message"]
        for group in groups
        for event in logs.filter_log_events(logGroupName=group)["events"]
        if '"level":"ERROR"' in event["message"]
    ]
