"""`async-encounters redrive`, and `reindex` of the audit trail, recover lost messages."""

import gzip
import json
from base64 import b64encode
from datetime import timedelta
from typing import Any

import pytest

from shared import settings
from shared.catalog import access_patterns as patterns
from shared.fhir import instants
from shared.local import redriving, reindexing, replaying
from shared.local.deployments import Deployment
from shared.local.redriving import BATCHES, FAILED, LINES, LOOKS, PUBLICATIONS, UNKNOWN, redrive
from shared.local.replaying import EVENTS, NEW_ROWS
from shared.store import dynamodb
from tests.support import audit_pipeline, care, commands
from tests.support.api_client import ApiClient
from tests.support.audit_pipeline import Log
from tests.support.consistency import scan

pytestmark = pytest.mark.usefixtures("moto_services")

AUDITOR = ApiClient(role="auditor", fhir_user="")


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Log:
    return Log(monkeypatch)


@pytest.fixture
def deployment(log: Log, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    assert not log.lines
    monkeypatch.setattr(redriving, "_WAIT_SECONDS", 0)
    audit_pipeline.create_bucket()
    return commands.deployment()


def send(deployment: Deployment, queue: str, body: dict[str, Any]) -> None:
    url = deployment.physical_ids()[queue]
    deployment.client("sqs").send_message(QueueUrl=url, MessageBody=json.dumps(body))


def waiting(deployment: Deployment, queue: str) -> list[dict[str, Any]]:
    url = deployment.physical_ids()[queue]
    answer = deployment.client("sqs").receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0
    )
    return [json.loads(message["Body"]) for message in answer.get("Messages", ())]


def lines(*lines: str) -> dict[str, Any]:
    """Return Lambda's failure record of a delivery of log lines."""
    told = json.dumps({"logEvents": [{"message": line} for line in lines]}).encode()
    payload = {"awslogs": {"data": b64encode(gzip.compress(told)).decode()}}
    return {"requestContext": {"condition": "RetriesExhausted"}, "requestPayload": payload}


def batch() -> dict[str, Any]:
    """Return the failure record of a stream batch, which contains only its time."""
    now = instants.to_text(instants.now())
    arrivals = ("approximateArrivalOfFirstRecord", "approximateArrivalOfLastRecord")
    return {"DDBStreamBatchInfo": {"shardId": "shard-1", **dict.fromkeys(arrivals, now)}}


def archived_ids() -> list[str]:
    return sorted(line["id"] for lines in audit_pipeline.segment_lines().values() for line in lines)


def stream(since: list[dict[str, Any]]) -> None:
    """Process the rows written since a time, as the stream does."""
    audit_pipeline.deliver_stream_rows(
        row for row in audit_pipeline.journal_rows() if row not in since
    )


@pytest.mark.parametrize(
    ("queue", "dead_letters", "kind"),
    [
        ("ClosingQueue", redriving.CLOSING, LOOKS),
        ("EventQueue", redriving.EVENTS, PUBLICATIONS),
        ("ChangeQueue", redriving.CHANGES, redriving.MATCHES),
        ("NotificationQueue", redriving.NOTIFICATIONS, redriving.DELIVERIES),
        ("InboundQueue", redriving.INBOUND, redriving.RECEIPTS),
        ("ChannelChangeQueue", redriving.CHANNEL_CHANGES, redriving.CHANNEL_MATCHES),
        ("OutboundQueue", redriving.OUTBOUND, redriving.SENDINGS),
    ],
)
def test_failed_messages_go_back_to_their_queue(
    deployment: Deployment, queue: str, dead_letters: str, kind: str
) -> None:
    message = {"time": "2026-11-21T12:00:00.000Z", "due": [["-", "1"]]}
    send(deployment, dead_letters, message)
    assert redrive(deployment, dry=True)[kind] == 1
    assert waiting(deployment, queue) == []
    assert redrive(deployment)[kind] == 1
    assert waiting(deployment, queue) == [message]
    assert redrive(deployment)[kind] == 0
    assert waiting(deployment, dead_letters) == []


def test_lines_of_the_audit_log_are_stored(
    clinic: ApiClient, log: Log, deployment: Deployment
) -> None:
    clinic.get("/Encounter/1")
    send(deployment, "AuditDeadLetters", lines(*log.lines))
    assert redrive(deployment, dry=True)[LINES] == 1
    assert audit_pipeline.journal_rows() == []
    assert redrive(deployment)[LINES] == 1
    rows = audit_pipeline.journal_rows()
    assert len(rows) == 1
    send(deployment, "AuditDeadLetters", lines(*log.lines))
    assert redrive(deployment)[LINES] == 1
    assert audit_pipeline.journal_rows() == rows


def test_messages_that_fail_again_or_are_not_understood_stay(deployment: Deployment) -> None:
    send(deployment, "AuditDeadLetters", {"requestPayload": {"awslogs": {"data": "no base64"}}})
    send(deployment, "AuditDeadLetters", {"something": "else"})
    counts = redrive(deployment)
    assert (counts[FAILED], counts[UNKNOWN]) == (1, 1)
    assert len(waiting(deployment, "AuditDeadLetters")) == 2


def test_batches_of_the_stream_are_read_from_the_table_again(
    clinic: ApiClient, log: Log, deployment: Deployment
) -> None:
    clinic.put("/Encounter/1", care.session(id="1"))
    audit_pipeline.journal_writes()
    audit_pipeline.archive_new_events()
    before = archived_ids()
    clinic.put("/Encounter/2", care.session(id="2"))
    clinic.get("/Encounter/2")
    audit_pipeline.deliver_log_lines(log.lines)
    send(deployment, "AuditDeadLetters", batch())
    counted = redrive(deployment, dry=True)
    assert (counted[BATCHES], counted[EVENTS], counted[NEW_ROWS]) == (1, 1, 1)
    assert archived_ids() == before
    rows = audit_pipeline.journal_rows()
    assert redrive(deployment) == counted
    stream(since=rows)
    assert len(archived_ids()) == len(set(archived_ids())) == 3
    assert waiting(deployment, "AuditDeadLetters") == []
    assert len(AUDITOR.get("/AuditEvent?entity=Encounter/2").ids) == 2


def test_redriving_batches_duplicates_nothing(
    clinic: ApiClient, log: Log, deployment: Deployment
) -> None:
    clinic.put("/Encounter/1", care.session(id="1"))
    clinic.get("/Encounter/1")
    audit_pipeline.deliver_log_lines(log.lines)
    audit_pipeline.journal_writes()
    audit_pipeline.archive_new_events()
    before = archived_ids()
    for _ in range(2):
        send(deployment, "AuditDeadLetters", batch())
        counts = redrive(deployment)
        assert (counts[BATCHES], counts[EVENTS], counts[NEW_ROWS]) == (1, 0, 0)
    assert archived_ids() == before


def test_archived_events_are_not_archived_again(clinic: ApiClient, deployment: Deployment) -> None:
    clinic.put("/Encounter/1", care.session(id="1"))
    audit_pipeline.journal_writes()
    send(deployment, "AuditDeadLetters", batch())
    counts = redrive(deployment)
    assert (counts[EVENTS], counts[NEW_ROWS]) == (0, 1)
    assert len(audit_pipeline.journal_rows()) == len(archived_ids()) == 1


def test_events_outside_the_batch_are_left_to_the_stream(
    clinic: ApiClient, deployment: Deployment
) -> None:
    clinic.put("/Encounter/1", care.session(id="1"))
    later = instants.to_text(instants.now() + timedelta(days=3))
    counts = replaying.replay(deployment, [replaying.window_around(later, later)])
    assert counts.total() == 0
    assert reindexing.reindex_audit(deployment)[EVENTS] == 0


@pytest.mark.parametrize("change", ["removed", "altered"])
def test_reindexing_rebuilds_the_rows_of_the_archive(
    clinic: ApiClient, log: Log, deployment: Deployment, change: str
) -> None:
    clinic.put("/Encounter/1", care.session(id="1"))
    clinic.get("/Encounter/1")
    audit_pipeline.deliver_log_lines(log.lines)
    audit_pipeline.journal_writes()
    audit_pipeline.archive_new_events()
    before = index_rows()
    ids = AUDITOR.get("/AuditEvent?entity=Encounter/1").ids
    assert len(ids) == 2
    for row in before[::2]:
        spoil(row, change)
    counts = reindexing.reindex_audit(deployment)
    assert counts["repaired audit rows"] == len(before[::2])
    assert counts["checked audit rows"] == len(before)
    assert index_rows() == before
    assert AUDITOR.get("/AuditEvent?entity=Encounter/1").ids == ids
    assert reindexing.reindex_audit(deployment)["repaired audit rows"] == 0


def test_reindexing_does_not_list_archive_only_events(
    clinic: ApiClient, log: Log, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUDIT_READS", "archive")
    settings.settings.cache_clear()
    clinic.get("/Encounter/1")
    audit_pipeline.deliver_log_lines(log.lines)
    audit_pipeline.archive_new_events()
    assert len(archived_ids()) == 1
    counts = reindexing.reindex_audit(deployment)
    assert counts["checked audit rows"] == 0
    assert index_rows() == []


def test_reindexing_archives_events_that_never_reached_the_archive(
    clinic: ApiClient, deployment: Deployment
) -> None:
    clinic.put("/Encounter/1", care.session(id="1"))
    now = instants.to_text(instants.now() + timedelta(seconds=1))
    counts = reindexing.reindex_audit(deployment, until=now)
    assert counts[EVENTS] == 1
    audit_pipeline.archive_new_events()
    assert len(archived_ids()) == 1
    assert reindexing.reindex_audit(deployment, until=now)[EVENTS] == 0


def index_rows() -> list[dict[str, Any]]:
    """Return the rows that index the archive."""
    rows = [row for row in scan(patterns.AUDIT) if "postings" in row or "members" in row]
    return sorted(rows, key=lambda row: (row["pk"]["S"], row["sk"]["S"]))


def spoil(row: dict[str, Any], change: str) -> None:
    table = dynamodb.table_name(patterns.AUDIT)
    if change == "removed":
        key = {name: row[name] for name in ("pk", "sk")}
        dynamodb.client().delete_item(TableName=table, Key=key)
        return
    name = "postings" if "postings" in row else "members"
    dynamodb.client().put_item(TableName=table, Item=row | {name: {"B": b"\0" * 12}})
