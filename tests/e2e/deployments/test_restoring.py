"""The runbook of a restore, followed on a torn copy: one table is older than the others."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.audit.chains import AHEAD, NO_RESOURCE
from shared.catalog import access_patterns as patterns
from shared.fhir import instants
from shared.local import restoring, template
from shared.local.artefact import artefact
from shared.local.client import client
from shared.local.deployments import Deployment, on_emulator
from shared.local.emulator import Emulator, emulator
from shared.local.environment import environment
from shared.local.stack import deploy
from tests.support import care

PARAMETERS = {"SessionPolicy": "thread", "DeletionProtection": "true"}


@pytest.fixture
def running() -> Iterator[Emulator]:
    with emulator() as started:
        yield started


class Service:
    """A deployment with the calls of a clinic and the commands of its operator."""

    def __init__(self, running: Emulator) -> None:
        self.running = running
        self.values = self.deploy()

    def deploy(self) -> dict[str, str]:
        stack = deploy(self.running, artefact(), PARAMETERS)
        return environment(self.running, stack)

    @property
    def deployment(self) -> Deployment:
        return on_emulator(self.running)

    def clinic(self) -> httpx.Client:
        return client(self.values["FHIR_BASE"], self.values["TOKEN_PRACTITIONER"])

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = Path(sys.executable).with_name("async-encounters")
        return subprocess.run(
            [command, *words, "--port", str(self.running.port)],
            capture_output=True,
            check=False,
            text=True,
            timeout=300,
        )

    def done(self, *words: str) -> str:
        done = self.command(*words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def thread(self) -> str:
        """Create a thread with a message, which opens a session."""
        with self.clinic() as http:
            header_id = http.post("/Communication", json=care.header()).json()["id"]
            self.says(header_id)
        return str(header_id)

    def says(self, thread: str) -> None:
        with self.clinic() as http:
            answer = http.post("/Communication", json=care.message(thread))
            assert answer.status_code == 201, answer.text

    def sessions(self) -> list[dict[str, Any]]:
        with self.clinic() as http:
            page = http.get("/Encounter", params={"_sort": "date", "_count": 100}).json()
        return [entry["resource"] for entry in page.get("entry", ())]

    def messages(self, session_id: str) -> int:
        with self.clinic() as http:
            query = {"session": f"Encounter/{session_id}", "_summary": "count"}
            total: int = http.get("/Communication", params=query).json()["total"]
        return total


def test_a_torn_copy_is_restored_by_the_runbook(running: Emulator) -> None:
    service = Service(running)
    deployment, dynamodb = service.deployment, running.client("dynamodb")
    kept_thread = service.thread()
    tables_before = deployment.physical_ids("AWS::DynamoDB::Table")
    copy = dynamodb.create_backup(
        TableName=tables_before[patterns.ENCOUNTER], BackupName="a-minute-ago"
    )
    lost_thread = service.thread()
    service.says(kept_thread)
    sessions_before = service.sessions()
    assert len(sessions_before) == 2
    at = instants.to_text(datetime.now(UTC))

    service.done("restore", "close")
    with service.clinic() as http:
        assert not http.get("/Encounter").is_success
    # One table is restored from an older copy, as with AWS Backup. The command restores the others.
    targets = restoring.restored_names(deployment, at)
    dynamodb.restore_table_from_backup(
        TargetTableName=targets[patterns.ENCOUNTER],
        BackupArn=copy["BackupDetails"]["BackupArn"],
    )
    assert service.done("restore", "tables", "--at", at).split() == [*targets.values()]
    for table, name in targets.items():
        assert settings(dynamodb, name) == wanted(table)
    service.done("restore", "adopt", "--at", at)
    assert deployment.physical_ids("AWS::DynamoDB::Table") == targets
    service.values = service.deploy()
    assert deployment.physical_ids("AWS::DynamoDB::Table") == targets
    assert {*tables_before.values()} <= {*dynamodb.list_tables()["TableNames"]}

    report = service.done("reindex")
    assert "repaired sessions 1" in report
    verified = service.command("audit", "verify")
    assert verified.returncode != 0
    problems = verified.stdout.splitlines()
    (gone,) = {session["id"] for session in sessions_before} - ids(dynamodb, targets)
    assert problems
    assert all(" Encounter/" in problem for problem in problems), problems
    assert any(f" Encounter/{gone} version 1: {NO_RESOURCE}" in problem for problem in problems)
    assert all(problem.endswith((NO_RESOURCE, AHEAD)) for problem in problems)

    service.done("restore", "open")
    (remaining,) = service.sessions()
    assert remaining["id"] != gone
    assert service.messages(remaining["id"]) == 2
    service.says(kept_thread)
    assert service.messages(remaining["id"]) == 3
    service.says(lost_thread)
    assert len(service.sessions()) == 2


def ids(dynamodb: Any, targets: dict[str, str]) -> set[str]:
    """Return the ids of the Encounters in a table."""
    items = dynamodb.scan(TableName=targets[patterns.ENCOUNTER])["Items"]
    return {item["pk"]["S"].partition("#")[2] for item in items}


def settings(dynamodb: Any, name: str) -> dict[str, Any]:
    """Return the settings of a table that a restore does not copy."""
    table = dynamodb.describe_table(TableName=name)["Table"]
    expiry = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
    backups = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    recovery = backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"]
    return {
        "stream": table.get("StreamSpecification", {}).get("StreamViewType"),
        "expires": expiry.get("AttributeName"),
        "recovery": recovery,
        "protected": table["DeletionProtectionEnabled"],
    }


def wanted(table: str) -> dict[str, Any]:
    properties = template.load()["Resources"][table]["Properties"]
    return {
        "stream": properties.get("StreamSpecification", {}).get("StreamViewType"),
        "expires": properties.get("TimeToLiveSpecification", {}).get("AttributeName"),
        "recovery": "ENABLED",
        "protected": True,
    }
