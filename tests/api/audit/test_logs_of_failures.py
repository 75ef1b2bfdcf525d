"""A failed AWS call is logged by its operation and error code, without its message."""

import ast
import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from gzip import compress
from io import StringIO
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)

from functions import audit_index, audit_log, closing_scheduler, closing_worker, reindex
from shared.http import jobs
from shared.http.endpoint import logger as of_requests
from shared.local.schedule import event
from shared.packaging.build import ROOT
from shared.sessions import due_queue
from shared.store import due_rows, dynamodb, queues, s3, transactions
from tests.support import audit_pipeline, care
from tests.support.api_client import ApiClient
from tests.support.bundles import batch, entry
from tests.support.plain_client import PlainClient
from tests.support.steps import open_session

pytestmark = pytest.mark.usefixtures("moto_services")

SECRET = "hunter2 of Patient/homer-simpson"
NOW = "2026-11-20T12:00:00.000Z"
READS = ("get_item", "query", "batch_get_item", "scan")


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> StringIO:
    """Capture what the functions write to their log."""
    stream = StringIO()
    for logger in (of_requests, jobs.logger, due_queue.logger):
        monkeypatch.setattr(logger.registered_handler, "stream", stream)
    return stream


@pytest.fixture
def broken() -> Iterator[pytest.MonkeyPatch]:
    """Provide patches that are undone before the check of the tables; retries do not wait."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dynamodb, "CALL_PATIENCE_SECONDS", 0)
        patch.setattr(transactions, "CHANGE_PATIENCE_SECONDS", 0)
        patch.setattr(transactions, "UNKNOWN_OUTCOME_SECONDS", 0)
        yield patch


def operation(method: str) -> str:
    return method.title().replace("_", "")


def refusal(code: str, **more: Any) -> Callable[[str], ClientError]:
    error: Any = {"Error": {"Code": code, "Message": SECRET}, **more}
    return lambda method: ClientError(error, operation(method))


def failing(method: str, error: Exception) -> Callable[..., Any]:
    def fail(**_: Any) -> None:
        raise error

    fail.__name__ = method
    return fail


def fail_all(broken: pytest.MonkeyPatch, client: Any, methods: tuple[str, ...], error: Any) -> None:
    for method in methods:
        broken.setattr(client, method, failing(method, error(method)))


def failed_calls(log: StringIO) -> list[tuple[str, str]]:
    """Return the failed calls of the last log line."""
    assert "hunter2" not in log.getvalue()
    line = json.loads(log.getvalue().splitlines()[-1])
    return [(call["operation"], call["code"]) for call in line.get("failedCalls", ())]


ERRORS: dict[str, tuple[Any, int]] = {
    "AccessDeniedException": (refusal("AccessDeniedException"), 500),
    "ResourceNotFoundException": (refusal("ResourceNotFoundException"), 500),
    "ValidationException": (refusal("ValidationException"), 500),
    "NoCredentialsError": (lambda _: NoCredentialsError(), 500),
    "ThrottlingException": (refusal("ThrottlingException"), 503),
    "InternalServerError": (refusal("InternalServerError"), 503),
    "ReadTimeoutError": (lambda _: ReadTimeoutError(endpoint_url=SECRET), 503),
    "EndpointConnectionError": (lambda _: EndpointConnectionError(endpoint_url=SECRET), 503),
}
ASKED: list[tuple[Any, ...]] = [
    ("GET", "/Encounter/{id}"),
    ("GET", "/Encounter?status=in-progress"),
    ("GET", "/Encounter/{id}/_history"),
    ("GET", "/Encounter/{id}/$everything"),
    ("PUT", "/Encounter/{id}", care.session(id="{id}")),
    ("PATCH", "/Encounter/{id}", []),
    ("DELETE", "/Encounter/{id}"),
    ("POST", "/Encounter/{id}/$close-session"),
    ("GET", "/v1/encounters/{id}"),
]


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        *(
            (asked, code)
            for asked in ASKED
            for code in ("AccessDeniedException", "ThrottlingException")
        ),
        *((ASKED[0], code) for code in ERRORS),
    ],
    ids=str,
)
def test_a_read_that_fails_is_logged_by_its_operation_and_code(
    clinic: ApiClient,
    broken: pytest.MonkeyPatch,
    log: StringIO,
    asked: tuple[Any, ...],
    code: str,
) -> None:
    session_id = open_session(clinic)
    method, url, *body = json.loads(json.dumps(asked).replace("{id}", session_id))
    error, status = ERRORS[code]
    fail_all(broken, dynamodb.client(), READS, error)
    if url.startswith("/v1"):
        assert PlainClient(clinic).get(url.removeprefix("/v1")).status == status
    else:
        kind = "application/json-patch+json" if method == "PATCH" else "application/fhir+json"
        answer = clinic.administrator.call(method, url, *body, content_type=kind)
        assert answer.status == status
    calls = failed_calls(log)
    assert {named for _, named in calls} == {code}
    assert {named for named, _ in calls} <= {operation(read) for read in READS}


@pytest.mark.parametrize("code", ERRORS)
def test_a_write_that_fails_is_logged_by_its_operation_and_code(
    clinic: ApiClient, broken: pytest.MonkeyPatch, log: StringIO, code: str
) -> None:
    error, status = ERRORS[code]
    fail_all(broken, dynamodb.client(), ("transact_write_items",), error)
    assert clinic.post("/Encounter", care.session()).status == status
    assert failed_calls(log) == [("TransactWriteItems", code)]


@pytest.mark.parametrize(
    ("reason", "status"), [("TransactionConflict", 503), ("ItemCollectionSizeLimitExceeded", 500)]
)
def test_a_cancelled_transaction_is_logged_by_the_codes_of_its_items(
    clinic: ApiClient,
    broken: pytest.MonkeyPatch,
    log: StringIO,
    reason: str,
    status: int,
) -> None:
    reasons = [{"Code": "None"}, {"Code": reason, "Message": SECRET, "Item": {"S": SECRET}}]
    cancelled = refusal("TransactionCanceledException", CancellationReasons=reasons)
    fail_all(broken, dynamodb.client(), ("transact_write_items",), cancelled)
    assert clinic.post("/Encounter", care.session()).status == status
    assert failed_calls(log) == [("TransactWriteItems", reason)]


def test_a_malformed_error_code_is_not_logged(
    clinic: ApiClient, broken: pytest.MonkeyPatch, log: StringIO
) -> None:
    fail_all(broken, dynamodb.client(), READS, refusal(SECRET))
    assert clinic.get("/Encounter/1").status == 500
    assert failed_calls(log) == [("GetItem", "?")]


def test_a_successful_request_logs_no_failures(clinic: ApiClient, log: StringIO) -> None:
    open_session(clinic)
    assert "failedCalls" not in log.getvalue()


def test_a_retried_call_is_logged_though_the_request_succeeded(
    clinic: ApiClient, broken: pytest.MonkeyPatch, log: StringIO
) -> None:
    session_id = open_session(clinic)
    broken.setattr(dynamodb, "CALL_PATIENCE_SECONDS", 5)
    get_item = dynamodb.client().get_item
    errors = [refusal("ThrottlingException")("get_item")]

    def sometimes(**request: Any) -> Any:
        if errors:
            raise errors.pop()
        return get_item(**request)

    broken.setattr(dynamodb.client(), "get_item", sometimes)
    assert clinic.get(f"/Encounter/{session_id}").status == 200
    assert failed_calls(log) == [("GetItem", "ThrottlingException")]


def test_each_entry_of_a_batch_logs_its_own_failures_and_the_bundle_logs_all(
    clinic: ApiClient, broken: pytest.MonkeyPatch, log: StringIO
) -> None:
    fail_all(broken, dynamodb.client(), ("get_item",), refusal("AccessDeniedException"))
    batch(clinic, entry("GET", "Encounter/1"), entry("GET", "Encounter/2"))
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    failed = [line["failedCalls"][0]["times"] for line in lines if "failedCalls" in line]
    assert failed == [1, 1, 2]


def test_an_archive_that_fails_is_logged_by_its_operation_and_code(
    clinic: ApiClient, broken: pytest.MonkeyPatch, log: StringIO
) -> None:
    trail = audit_pipeline.Log(broken, archives=True)
    clinic.get("/Encounter/1")
    trail.deliver()
    broken.setattr(of_requests.registered_handler, "stream", log)
    timeout = ReadTimeoutError(endpoint_url=SECRET)
    client = SimpleNamespace(
        get_object=lambda **_: {"Body": SimpleNamespace(read=failing("read", timeout))}
    )
    broken.setattr(s3, "client", lambda: client)
    auditor = ApiClient(role="auditor")
    assert auditor.get("/AuditEvent?entity=Encounter/1").status == 503
    assert failed_calls(log) == [("GetObject", "ReadTimeoutError")]


def of_log(lines: list[str]) -> Any:
    data = {"logEvents": [{"message": line} for line in lines]}
    return {"awslogs": {"data": b64encode(compress(json.dumps(data).encode())).decode()}}


def of_stream() -> Any:
    (row,) = audit_pipeline.journal_rows()
    image = row | {"events": {"B": b64encode(bytes(row["events"]["B"])).decode()}}
    return {"Records": [{"eventName": "INSERT", "dynamodb": {"NewImage": image}}]}


def test_a_failing_job_is_logged_and_its_exception_contains_nothing_from_aws(
    clinic: ApiClient,
    broken: pytest.MonkeyPatch,
    log: StringIO,
) -> None:
    """Lambda itself logs the text of an exception that a handler raises."""
    denied = refusal("AccessDeniedException")
    clinic.get("/Encounter/1")
    lines = log.getvalue().splitlines()
    audit_pipeline.deliver_log_lines(lines)
    stream = of_stream()
    client = SimpleNamespace(put_object=failing("put_object", denied("put_object")))
    broken.setattr(s3, "client", lambda: client)
    context = SimpleNamespace(get_remaining_time_in_millis=lambda: 900_000)
    for handler, asked, method in (
        (audit_index.handler, stream, "put_object"),
        (audit_log.handler, of_log(lines), "batch_write_item"),
        (closing_scheduler.handler, {"time": NOW}, "query"),
        (reindex.handler, {"part": 0, "parts": 1}, "get_item"),
    ):
        if method != "put_object":
            fail_all(broken, dynamodb.client(), (method,), denied)
        with pytest.raises(jobs.Failed, match=r"^ClientError$"):
            handler(asked, context)
        assert failed_calls(log) == [(operation(method), "AccessDeniedException")]
        assert json.loads(log.getvalue().splitlines()[-1])["level"] == "ERROR"


def test_a_queue_that_fails_is_logged_by_its_operation_and_code(
    broken: pytest.MonkeyPatch, log: StringIO
) -> None:
    denied = refusal("AWS.SimpleQueueService.NonExistentQueue")
    client = SimpleNamespace()
    client.get_queue_attributes = failing("get_queue_attributes", denied("get_queue_attributes"))
    broken.setattr(queues, "client", lambda: client)
    due = due_rows.DueRow(NOW, "-", "1")
    broken.setattr(due_rows, "due_rows", lambda *_: iter([due]))
    with pytest.raises(jobs.Failed):
        closing_scheduler.handler(event(datetime(2026, 11, 20, 13, tzinfo=UTC)), None)
    assert failed_calls(log) == [
        ("GetQueueAttributes", "AWS.SimpleQueueService.NonExistentQueue"),
    ]


def test_a_worker_logs_failures_and_returns_its_messages_to_the_queue(
    broken: pytest.MonkeyPatch, log: StringIO
) -> None:
    fail_all(broken, dynamodb.client(), READS, refusal("AccessDeniedException"))
    context = SimpleNamespace(get_remaining_time_in_millis=lambda: 60_000)
    body = json.dumps({"time": NOW, "due": [["-", "1"]]})
    answer = closing_worker.handler({"Records": [{"messageId": "m", "body": body}]}, context)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m"}]}
    assert failed_calls(log) == [("GetItem", "AccessDeniedException")]


def test_every_aws_call_goes_through_one_function() -> None:
    """Exceptions are reading an object's body, which is wrapped there, and closing connections."""
    direct = {
        (path.stem, call.func.attr)
        for path in (ROOT / "shared").rglob("*.py")
        if "local" not in path.parts
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and ast.unparse(call.func.value).endswith("client()")
    }
    assert direct == {("s3", "get_object"), ("dynamodb", "close")}
