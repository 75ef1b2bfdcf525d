"""Restoring a deployment's tables to an instant, into new tables beside those that it has."""

import re
import time
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from shared.catalog import access_patterns as patterns
from shared.fhir import instants
from shared.local.client import UnexpectedResponse
from shared.local.deployments import Deployment

# Restoring takes minutes, of large tables hours.
MOST_SECONDS, PAUSE_SECONDS = 24 * 60 * 60, 5
_TABLE = "AWS::DynamoDB::Table"
_NO_TABLE = "ResourceNotFoundException"


def name_suffix(at: str) -> str:
    """Return the suffix of the names of tables that are restored to an instant."""
    return re.sub(r"\W|_", "", at.partition(".")[0])


def restored_names(deployment: Deployment, at: str) -> dict[str, str]:
    """Return the names of the restored tables of an instant, by the catalogue's names."""
    return {table: f"{deployment.stack}-{table}-{name_suffix(at)}" for table in patterns.TABLES}


def restore(deployment: Deployment, at: str) -> dict[str, str]:
    """Restore the tables to an instant, and set what a restore leaves out; return their names.

    Tables that exist already, as from AWS Backup, are only completed. Raises UnexpectedResponse.
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
    """Return DynamoDB's description of a table, None if there is no such table."""
    try:
        description: dict[str, Any] = client.describe_table(TableName=name)["Table"]
    except ClientError as error:
        if error.response["Error"]["Code"] != _NO_TABLE:
            raise
        return None
    return description


def _wait(client: Any, name: str) -> dict[str, Any]:
    """Wait until a table exists and nothing about it is changing; return its description."""
    deadline = time.monotonic() + MOST_SECONDS
    while time.monotonic() < deadline:
        description = table_description(client, name)
        if description and description["TableStatus"] == "ACTIVE":
            return description
        time.sleep(PAUSE_SECONDS)
    raise UnexpectedResponse(f"{name} does not exist after {MOST_SECONDS // 3600} hours")


def _complete(
    client: Any, name: str, wanted: Mapping[str, Any], parameters: Mapping[str, str]
) -> None:
    """Set the properties of the template's table that a restore leaves out."""
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
            "PointInTimeRecoveryEnabled": parameters["PointInTimeRecovery"] == "true"
        },
    )
    protected = parameters["DeletionProtection"] == "true"
    client.update_table(TableName=name, DeletionProtectionEnabled=protected)
    _wait(client, name)
