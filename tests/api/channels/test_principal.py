"""The rights of the caller of an account: it may write its own threads, and nothing else."""

from typing import Any

import pytest

from shared.channels import accounts
from shared.channels.principal import principal
from shared.errors import BusinessRule, FhirError, Forbidden, NotFound
from shared.interactions.create import create
from shared.interactions.delete import delete
from shared.interactions.read import read
from shared.interactions.update import update
from tests.support import audit_pipeline, care
from tests.support.api_client import ApiClient
from tests.support.family import store
from tests.support.text_channel import TextChannel, twilio_account

HOMER = "+15551230001"


def own(value: str, account: str = "sms") -> list[dict[str, str]]:
    return [{"system": f"urn:async-encounters:channel:{account}", "value": value}]


@pytest.fixture
def other_thread(channel: TextChannel) -> str:
    """Return a thread of another account."""
    return channel.clinic.post(
        "/Communication", care.header(identifier=own(HOMER, "aws"), subject=None)
    ).id


def test_everything_it_writes_is_audited_with_it_as_agent(channel: TextChannel) -> None:
    channel.text("My back hurts", HOMER)
    audit_pipeline.journal_writes()
    auditor = ApiClient(role="auditor")
    for kind in ("Communication", "Task"):
        for resource in channel.clinic.get(f"/{kind}").resources:
            (event,) = auditor.get(f"/AuditEvent?entity={kind}/{resource['id']}").resources
            assert event["agent"][0]["who"]["identifier"]["value"] == "channel/sms"


def test_it_reads_and_writes_no_other_accounts_threads(
    channel: TextChannel, other_thread: str
) -> None:
    caller = principal(accounts.account("sms"))
    theirs = channel.clinic.get(f"/Communication/{other_thread}").body
    message = care.message(other_thread, identifier=own("SM1"))
    with pytest.raises(NotFound):
        read(caller, "Communication", other_thread)
    with pytest.raises(FhirError):
        update(caller, "Communication", other_thread, theirs | {"status": "completed"})
    with pytest.raises(BusinessRule):
        create(caller, "Communication", message)
    with pytest.raises(Forbidden):
        create(caller, "Communication", care.header())
    with pytest.raises(Forbidden):
        create(caller, "Communication", care.header(identifier=own(HOMER, "aws")))
    assert channel.clinic.get(f"/Communication/{other_thread}").body == theirs


@pytest.mark.parametrize(
    "kind", ["Patient", "RelatedPerson", "Encounter", "Condition", "Practitioner"]
)
def test_it_writes_no_other_types(channel: TextChannel, kind: str) -> None:
    assert channel.threads() == []
    body: dict[str, Any] = care.session() if kind == "Encounter" else care.example(kind)
    with pytest.raises(Forbidden):
        create(principal(accounts.account("sms")), kind, body)


def test_it_writes_and_sees_no_tasks_but_those_that_channels_make(channel: TextChannel) -> None:
    caller = principal(accounts.account("sms"))
    staffs = channel.clinic.post("/Task", care.example("Task")).body
    with pytest.raises(Forbidden):
        create(caller, "Task", care.example("Task"))
    with pytest.raises(NotFound):
        read(caller, "Task", staffs["id"])
    with pytest.raises(FhirError):
        update(caller, "Task", staffs["id"], staffs | {"status": "completed"})


def test_it_deletes_nothing(channel: TextChannel) -> None:
    channel.text("My back hurts", HOMER)
    with pytest.raises(Forbidden):
        delete(principal(accounts.account("sms")), "Communication", channel.thread()["id"])


def test_another_tenants_people_are_not_looked_up(channel: TextChannel) -> None:
    store(channel.clinic, care.HOMER, telecom=[{"system": "sms", "value": HOMER}])
    channel.configure(sms=dict(twilio_account(), tenant="other"))
    channel.patch.setenv("REFERENCE_CHECKS", "none")
    channel.practice.configure()
    channel.text("My back hurts", HOMER)
    assert channel.threads() == []
