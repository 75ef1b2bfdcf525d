"""The credentials for the server of remote reference checks, from Secrets Manager."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support import care, memory_secrets, refusals
from tests.support.audit_pipeline import Log
from tests.support.consistency import stored_items
from tests.support.other_server import Handler, OtherServer, run_server
from tests.support.practice import Practice

HEADER, ROTATED = "Bearer of-the-deployment", "Bearer of-next-month"
ABSENT = "arn:aws:secretsmanager:us-east-1:123456789012:secret:directory/absent-AbCdEf"


@pytest.fixture
def manager() -> Iterator[Any]:
    with memory_secrets.secrets_manager() as client:
        yield client


@pytest.fixture
def other(practice: Practice) -> Iterator[OtherServer]:
    with run_server() as place:
        place.resources |= {care.HOMER, care.ALICE}
        practice.configure(REFERENCE_CHECKS="remote", REFERENCE_BASE_URL=place.base)
        yield place


def only(header: str, other: OtherServer) -> None:
    """Make the other server refuse every Authorization header but one."""

    def answer(handler: Handler) -> None:
        if handler.headers["Authorization"] == header:
            other.send_resource(handler)
        else:
            handler.send(401)

    other.answer = answer


def test_the_secret_is_sent_and_read_once(
    practice: Practice, other: OtherServer, manager: Any
) -> None:
    practice.configure(
        REFERENCE_AUTHORIZATION_SECRET_ARN=memory_secrets.store_secret(manager, f"{HEADER}\n")
    )
    only(HEADER, other)
    assert practice.clinic.post("/Encounter", care.session(participant=[])).status == 201
    manager.delete_secret(SecretId="directory/read")
    assert practice.clinic.post("/Encounter", care.session()).status == 201
    assert {headers["Authorization"] for _, headers in other.requests} == {HEADER}


def test_a_rotated_secret_is_read_again_when_the_old_one_is_refused(
    practice: Practice, other: OtherServer, manager: Any
) -> None:
    practice.configure(
        REFERENCE_AUTHORIZATION_SECRET_ARN=memory_secrets.store_secret(manager, HEADER)
    )
    assert practice.clinic.post("/Encounter", care.session(participant=[])).status == 201
    manager.put_secret_value(SecretId="directory/read", SecretString=ROTATED)
    only(ROTATED, other)
    refusals.check(practice.clinic.post("/Encounter", care.session()), 503, "transient")
    assert practice.clinic.post("/Encounter", care.session()).status == 201


@pytest.mark.parametrize("value", [b"Bearer as-bytes", "Bearer in\nlines", "Bearer gehörig", "  "])
def test_a_secret_that_is_not_a_valid_header_is_503_and_not_sent(
    practice: Practice, other: OtherServer, manager: Any, value: str | bytes
) -> None:
    practice.configure(
        REFERENCE_AUTHORIZATION_SECRET_ARN=memory_secrets.store_secret(manager, value)
    )
    unreadable(practice, other)


@pytest.mark.usefixtures("manager")
def test_a_secret_that_cannot_be_read_is_503(
    practice: Practice,
    other: OtherServer,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    practice.configure(REFERENCE_AUTHORIZATION_SECRET_ARN=ABSENT)
    log = Log(monkeypatch)
    answer = unreadable(practice, other)
    failed = {"operation": "GetSecretValue", "code": "ResourceNotFoundException", "times": 1}
    assert json.loads(log.lines[-1])["failedCalls"] == [failed]
    assert ABSENT not in log.lines[-1]
    assert answer.text.endswith('cannot be read: ResourceNotFoundException"}]}')
    assert ABSENT not in capsys.readouterr().out


def unreadable(practice: Practice, other: OtherServer) -> Any:
    """Return the refusal of a write whose credentials cannot be read; it names no secret."""
    before = stored_items()
    answer = practice.clinic.post("/Encounter", care.session())
    refusals.check(answer, 503, "transient")
    assert answer.headers["Retry-After"] == "1"
    assert "Bearer" not in answer.text
    assert "directory" not in answer.text
    assert stored_items() == before
    assert other.requests == []
    return answer


@pytest.mark.usefixtures("other")
def test_a_request_without_remote_checks_reads_no_secret(practice: Practice) -> None:
    practice.configure(REFERENCE_AUTHORIZATION_SECRET_ARN=ABSENT)
    nobody = care.visit(participant=[])
    del nobody["subject"]
    assert practice.clinic.post("/Encounter", nobody).status == 201
