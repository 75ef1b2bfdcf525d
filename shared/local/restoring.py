"""Restoring a deployment's tables to an instant, into new tables beside those that it has."""

import re
import time
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from shared.catalog import access_patterns as patterns
from shared.fhir import instants
from shared.local.conversation import UnexpectedResponse
from shared.local.deployments import Deployment

# Restoring takes minutes, of large tables hours.
MOST_SECONDS, PAUSE_SECONDS = 24 * 60 * 60, 5
_TABLE = "AWS::DynamoDB::Table"
_NO_TABLE = "ResourceNotFoundException"


def name_suffix(at: str) -> str:
    """Return what names of tables that are of an instant end with."""
    return re.sub(r"\W|_", "", at.partition(".")[0])


def restored_names(deployment: Deployment, at: str) -> dict[str, str]:
    """Return the names of the tables of an instant by those of the catalogue."""
    return {table: f"{deployment.stack}-{table}-{name_suffix(at)}" for table in patterns.TABLES}


def restore(deployment: Deployment, at: str) -> dict[str, str]:
    """Make the tables of an instant, with everything that a restore leaves out; return their names.

    Those that are there already, as of an AWS Backup, are only completed. Raises Unexpected.
    """
    client, names = deployment.client("dynamodb"), restored_names(deployment, at)
    sources, wanted = deployment.physical_ids(_TABLE), deployment.template()["Resources"]
    for table, target in names.items():
        if table_description(client, target) is None:
            client.restore_table_to_point_in_time(
                SourceTableName=sources[table],
                TargetTableName=target,
                RestoreDateTime=instants.from_text(at),
            )
    for table, target in names.items():
        _wait(client, target)
        _complete(client, target, wanted[table]["Properties"], deployment.parameters())
    return names


def table_description(client: Any, name: str) -> dict[str, Any] | None:
    """Return what DynamoDB says of a table; None where it is not there."""
    try:
        found: dict[str, Any] = client.describe_table(TableName=name)["Table"]
    except ClientError as error:
        if error.response["Error"]["Code"] != _NO_TABLE:
            raise
        return None
    return found


def _wait(client: Any, name: str) -> dict[str, Any]:
    """Wait until a table is there and nothing about it is changing; return its description."""
    deadline = time.monotonic() + MOST_SECONDS
    while time.monotonic() < deadline:
        found = table_description(client, name)
        if found and found["TableStatus"] == "ACTIVE":
            return found
        time.sleep(PAUSE_SECONDS)
    raise UnexpectedResponse(f"{name} is not there after {MOST_SECONDS // 3600} hours")


def _complete(client: Any, name: str, wanted: Mapping[str, Any], said: Mapping[str, str]) -> None:
    """Set what the template says about a table and a restore leaves out."""
    stream = wanted.get("StreamSpecification")
    if stream and "StreamSpecification" not in _wait(client, name):
        on = {"StreamEnabled": True, **stream}
        client.update_table(TableName=name, StreamSpecification=on)
        _wait(client, name)
    if expiry := wanted.get("TimeToLiveSpecification"):
        now = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
        if now["TimeToLiveStatus"] not in ("ENABLED", "ENABLING"):
            client.update_time_to_live(TableName=name, TimeToLiveSpecification=expiry)
    client.update_continuous_backups(
        TableName=name,
        PointInTimeRecoverySpecification={
            "PointInTimeRecoveryEnabled": said["PointInTimeRecovery"] == "true"
        },
    )
    protected = said["DeletionProtection"] == "true"
    client.update_table(TableName=name, DeletionProtectionEnabled=protected)
    _wait(client, name)
