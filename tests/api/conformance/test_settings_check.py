"""The custom resource that checks a deployment's settings before CloudFormation makes tables."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from functions import settings_check
from shared.cloudformation import NotAnswered
from shared.packaging.build import ROOT
from tests.support import memory_secrets
from tests.support.loopback import listening

ABSENT = "arn:aws:secretsmanager:us-east-1:123456789012:secret:directory/absent-AbCdEf"
EVENT = json.loads((ROOT / "events/settings_check.json").read_text())


@pytest.fixture
def told() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Serve a URL like CloudFormation's presigned one; return it with the responses put there."""
    answers: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            assert not self.headers["Content-Type"]
            answers.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(403 if self.path.startswith("/refused") else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name in the base class
            """Suppress the server's log."""

    with listening(Handler) as url:
        yield url, answers


def ask(told: tuple[str, list[dict[str, Any]]], kind: str = "Create", **set_to: str) -> Any:
    url, answers = told
    event = EVENT | {"RequestType": kind, "ResponseURL": url}
    settings_check.handler(event | {"ResourceProperties": {"Settings": set_to}}, None)
    (answer,) = answers
    assert {name: answer[name] for name in ("StackId", "RequestId", "LogicalResourceId")} == {
        name: EVENT[name] for name in ("StackId", "RequestId", "LogicalResourceId")
    }
    assert answer["PhysicalResourceId"]
    return answer["Status"], answer["Reason"]


def test_valid_settings_are_accepted(told: Any) -> None:
    assert ask(told, SESSION_TIME_ZONE="Europe/Berlin") == ("SUCCESS", "")


@pytest.mark.parametrize(
    ("set_to", "reason"),
    [
        ({"SESSION_TIME_ZONE": "Europe/Atlantis"}, "SESSION_TIME_ZONE: 'Europe/Atlantis'"),
        ({"CLIENT_ROLES": "app=boss"}, "CLIENT_ROLES: 'boss'"),
        (
            {
                "REFERENCE_CHECKS": "remote",
                "REFERENCE_BASE_URL": "https://fhir.example",
                "TENANT_CLAIM": "clinic",
            },
            "REFERENCE_BASE_URL: 'https://fhir.example' is the same for all tenants",
        ),
        (
            {"REFERENCE_AUTHORIZATION_SECRET_ARN": "directory/read"},
            "REFERENCE_AUTHORIZATION_SECRET_ARN: 'directory/read' is not the whole ARN",
        ),
    ],
)
@pytest.mark.parametrize("kind", ["Create", "Update"])
def test_settings_that_stop_functions_fail_the_deployment_with_their_reason(
    told: Any, kind: str, set_to: dict[str, str], reason: str
) -> None:
    status, given = ask(told, kind, **set_to)
    assert status == "FAILED"
    assert given.startswith(reason)


@pytest.mark.parametrize(
    ("value", "outcome", "reason"),
    [
        ("Bearer of-the-deployment", "SUCCESS", ""),
        ("Bearer in\nlines", "FAILED", "It is not the text of a header"),
        ("", "FAILED", "ResourceNotFoundException"),
    ],
)
def test_a_secret_that_functions_cannot_use_fails_the_deployment(
    told: Any, monkeypatch: pytest.MonkeyPatch, value: str, outcome: str, reason: str
) -> None:
    with memory_secrets.secrets_manager() as manager:
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        arn = memory_secrets.store_secret(manager, value) if value else ABSENT
        status, given = ask(told, REFERENCE_AUTHORIZATION_SECRET_ARN=arn)
    assert status == outcome
    assert given.endswith(reason)
    assert "Bearer" not in given


QUIET = {"begin": "21:00", "end": "07:00", "zone": "America/New_York"}
TWILIO = {
    "provider": "twilio",
    "number": "+15550100001",
    "recipient": "Organization/clinic",
    "account_sid": f"AC{0:032x}",
    "auth_token": "hunter2",
}


@pytest.mark.parametrize(
    ("accounts", "outcome", "reason"),
    [
        ({"clinic-sms": TWILIO}, "SUCCESS", ""),
        (
            {"clinic-sms": TWILIO | {"number": "hunter2"}},
            "FAILED",
            ": accounts.clinic-sms.twilio.number is not as it should be",
        ),
        (
            {"one": TWILIO, "other": TWILIO},
            "FAILED",
            ": accounts is not as it should be",
        ),
        (
            {"clinic-sms": TWILIO | {"link_only": True}},
            "FAILED",
            ": accounts.clinic-sms.twilio is not as it should be",
        ),
        *(
            (
                {"clinic-sms": TWILIO | {"quiet_hours": QUIET | {"zone": zone}}},
                "FAILED",
                ": accounts.clinic-sms.twilio.quiet_hours.zone is not as it should be",
            )
            for zone in ("Europe/Atlantis", "Europe", "", "../UTC")
        ),
        ("hunter2", "FAILED", ": accounts is not as it should be"),
    ],
)
def test_accounts_that_functions_cannot_use_fail_the_deployment_with_the_place(
    told: Any, monkeypatch: pytest.MonkeyPatch, accounts: Any, outcome: str, reason: str
) -> None:
    with memory_secrets.secrets_manager() as manager:
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        arn = memory_secrets.store_secret(manager, json.dumps({"accounts": accounts}))
        status, given = ask(told, CHANNELS_SECRET_ARN=arn)
    assert status == outcome
    assert given.endswith(reason)
    assert "hunter2" not in given


@pytest.mark.parametrize("value", ["hunter2", '{"accounts": {"a": "hunter2'])
def test_accounts_must_be_json(told: Any, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    with memory_secrets.secrets_manager() as manager:
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        arn = memory_secrets.store_secret(manager, value)
        status, given = ask(told, CHANNELS_SECRET_ARN=arn)
    assert (status, given.endswith("Its JSON is not as it should be")) == ("FAILED", True)


def test_a_deleted_stack_is_not_checked(told: Any) -> None:
    assert ask(told, "Delete", SESSION_TIME_ZONE="Europe/Atlantis") == ("SUCCESS", "")


def test_a_rejected_response_fails_without_logging_the_signed_url(told: Any) -> None:
    url, _ = told
    event = EVENT | {"RequestType": "Delete"}
    for signed, said in (
        (f"{url}/refused?signature=hunter2", "403"),
        ("http://127.0.0.1:1/?signature=hunter2", "MaxRetryError"),
    ):
        with pytest.raises(NotAnswered) as failure:
            settings_check.handler(event | {"ResponseURL": signed}, None)
        assert str(failure.value) == said
        assert failure.value.__cause__ is None
        assert failure.value.__suppress_context__ or failure.value.__context__ is None
