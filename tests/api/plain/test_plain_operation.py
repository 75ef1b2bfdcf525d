"""Failures of the plain-JSON API, and their traces in log and audit trail."""

import json
from typing import Any

import pytest

from shared.store import dynamodb, transactions
from tests.support import care
from tests.support.api_client import ApiClient
from tests.support.audit_pipeline import Log
from tests.support.plain_client import PlainClient

pytestmark = pytest.mark.usefixtures("moto")

FACE = PlainClient()
VISIT = {"status": "in-progress", "class": "AMB"}


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Log:
    return Log(monkeypatch)


class Unreachable:
    """A database that cannot be reached."""

    def __getattr__(self, _name: str) -> Any:
        raise RuntimeError("geheim")


def test_an_internal_error_reveals_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        for module in (dynamodb, transactions):
            broken.setattr(module, "client", Unreachable)
        answer = FACE.post("/encounters", VISIT)
    assert answer.status == 500
    assert "geheim" not in answer.text
    assert answer.body["detail"] == "Internal error: Request request-1"


def test_a_busy_database_is_503(monkeypatch: pytest.MonkeyPatch) -> None:
    created = FACE.create("/encounters", VISIT)
    monkeypatch.setattr(transactions, "CHANGE_PATIENCE_SECONDS", -1)
    client = dynamodb.client()
    busy = client.exceptions.TransactionCanceledException(
        {
            "Error": {"Code": "TransactionCanceledException", "Message": ""},
            "CancellationReasons": [{"Code": "ThrottlingError"}],
        },
        "TransactWriteItems",
    )

    def throttled(**_: Any) -> None:
        raise busy

    monkeypatch.setattr(client, "transact_write_items", throttled)
    answer = FACE.patch(f"/encounters/{created['id']}", {"priority": "high"})
    assert answer.status == 503, answer.text
    assert answer.headers["Retry-After"]


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("/encounters?patientId=a&sort=date&geheim=1", ["?", "patientId", "sort"]),
        ("/encounters?threadId=a", ["?"]),
        ("/messages?threadId=a", ["threadId"]),
        ("/nothing?patientId=a", ["?"]),
    ],
)
def test_the_log_names_the_parameters_of_the_collection_and_no_others(
    log: Log, path: str, named: list[str]
) -> None:
    FACE.get(path)
    assert [json.loads(line)["parameters"] for line in log.lines] == [named]


ASKED: list[tuple[str, str, Any, str, str]] = [
    ("GET", "/encounters/own", None, "R", "Encounter/own"),
    ("GET", "/encounters?patientId=homer-simpson", None, "E", ""),
    ("PATCH", "/encounters/own", {"priority": "high"}, "U", "Encounter/own"),
    ("DELETE", "/encounters/own", None, "D", "Encounter/own"),
    ("GET", "/encounters/none", None, "R", "Encounter/none"),
    ("PUT", "/encounters/own", {"status": "bogus"}, "U", "Encounter/own"),
]


@pytest.mark.parametrize("asked", ASKED, ids=lambda asked: f"{asked[0]} {asked[1]}")
def test_the_audit_trail_records_both_apis_alike(
    clinic: ApiClient, log: Log, asked: tuple[str, str, Any, str, str]
) -> None:
    clinic.put("/Encounter/own", care.visit(id="own"))
    log.clear()
    method, path, body, action, entity = asked
    face = FACE.administrator if method == "DELETE" else FACE
    answer = face.call(method, path, body)
    (event,) = log.deliver()
    assert event["action"] == action
    whats = [entity["what"]["reference"] for entity in event["entity"] if "what" in entity]
    assert answer.status >= 400 or care.HOMER in whats
    assert not entity or any(what.startswith(entity) for what in whats)
    if "?" in path:
        assert "patientId" in [detail["valueString"] for detail in event["entity"][0]["detail"]]
