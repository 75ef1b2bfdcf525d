"""Messages of staff reach the contact of their thread by its provider."""

from datetime import timedelta
from typing import Any

import pytest

from shared.catalog.code_systems import ANSWER_SYSTEM
from shared.rules.classification import AUTOMATIC
from tests.support import care
from tests.support.api_client import ApiClient
from tests.support.audit_pipeline import Log
from tests.support.aws_server import AwsServer
from tests.support.sending_channels import (
    ALICE,
    MARGE,
    MARGES_MAIL,
    NUMBER,
    TOKEN,
    SendingChannels,
)
from tests.support.subscriptions import replaced
from tests.support.twilio_server import Handler

SYSTEM = "urn:async-encounters:channel:text"
OPTED_OUT = "https://fhir.example.org/fhir/R4/StructureDefinition/channel-opt-out"
REASONS = "http://terminology.hl7.org/CodeSystem/communication-not-done-reason"


def refusing(status: int, **body: Any) -> Any:
    def answer(handler: Handler) -> None:
        handler.send(status, body)

    return answer


def test_a_message_of_staff_is_sent(sending: SendingChannels) -> None:
    message_id = sending.post(sending.thread())
    sending.deliver()
    (form,) = sending.twilio.forms
    assert dict(form) == {
        "To": MARGE,
        "From": NUMBER,
        "Body": "Take it with food",
        "StatusCallback": "https://fhir.example.org/channels/sms/text/status",
    }
    message = sending.read(message_id)
    assert message["status"] == "in-progress"
    assert message["identifier"] == [{"system": SYSTEM, "value": sending.twilio.sids[0]}]
    assert sending.waiting == []


@pytest.mark.parametrize(
    "more",
    [
        {"sender": care.reference(care.HOMER)},
        {"sender": care.reference("RelatedPerson/marge")},
        {"sender": {"identifier": {"system": "urn:ietf:rfc:3986", "value": f"tel:{MARGE}"}}},
        {"identifier": [{"system": SYSTEM, "value": "SM1"}]},
        {"status": "preparation"},
        {"status": "completed"},
        {"status": "on-hold"},
    ],
)
def test_what_is_not_to_be_sent_is_not_even_queued(
    sending: SendingChannels, more: dict[str, Any]
) -> None:
    sending.post(sending.thread(), **more)
    sending.dispatch()
    assert sending.waiting == []


@pytest.mark.parametrize(
    "more",
    [
        {"sender": care.reference(ALICE)},
        {"sender": care.reference("Device/reminder")},
        {"sender": care.reference("Organization/clinic")},
        {"identifier": [{"system": "urn:chat", "value": "1"}]},
    ],
)
def test_whoever_writes_for_the_clinic_is_carried(
    sending: SendingChannels, more: dict[str, Any]
) -> None:
    sending.post(sending.thread(), **more)
    sending.deliver()
    assert sending.twilio.texts == ["Take it with food"]


def test_messages_of_other_threads_are_not_sent(sending: SendingChannels) -> None:
    sending.post(sending.practice.post_header())
    sending.deliver()
    assert sending.twilio.forms == []


def test_a_draft_is_sent_once_it_is_no_draft(sending: SendingChannels) -> None:
    message_id = sending.post(sending.thread(), status="preparation")
    sending.deliver()
    assert sending.twilio.forms == []
    sending.clinic.patch(f"/Communication/{message_id}", replaced("/status", "in-progress"))
    sending.deliver()
    assert sending.twilio.texts == ["Take it with food"]


def test_a_message_that_was_there_is_not_sent_when_its_thread_gets_a_channel(
    sending: SendingChannels,
) -> None:
    header_id = sending.practice.post_header()
    message_id = sending.post(header_id)
    sending.deliver()
    identifier = [{"system": SYSTEM, "value": MARGE}]
    sending.practice.put_changes(f"/Communication/{header_id}", identifier=identifier)
    payload = [{"contentString": "Corrected"}]
    sending.practice.put_changes(f"/Communication/{message_id}", payload=payload)
    sending.deliver()
    assert sending.twilio.forms == []


def test_a_change_after_a_message_was_sent_does_not_send_it_again(
    sending: SendingChannels,
) -> None:
    message_id = sending.post(sending.thread())
    sending.deliver()
    sending.practice.put_changes(
        f"/Communication/{message_id}", payload=[{"contentString": "Corrected"}]
    )
    sending.practice.put_changes(f"/Communication/{message_id}", identifier=[])
    sending.deliver()
    assert sending.twilio.texts == ["Take it with food"]


def test_a_message_with_an_id_of_the_client_is_sent(sending: SendingChannels) -> None:
    message = sending.message(sending.thread(), "Hello", id="greeting-1")
    assert sending.clinic.put("/Communication/greeting-1", message).status == 201
    sending.deliver()
    assert sending.twilio.texts == ["Hello"]
    assert sending.read("greeting-1")["identifier"][0]["system"] == SYSTEM


def test_the_text_is_that_of_when_it_is_sent(sending: SendingChannels) -> None:
    message_id = sending.post(sending.thread(), "Wrong")
    sending.dispatch()
    sending.practice.put_changes(
        f"/Communication/{message_id}", payload=[{"contentString": "Right"}]
    )
    sending.deliver()
    assert sending.twilio.texts == ["Right"]


@pytest.mark.parametrize("status", ["entered-in-error", "stopped", "preparation"])
def test_a_message_that_is_recalled_in_time_is_not_sent(
    sending: SendingChannels, status: str
) -> None:
    message_id = sending.post(sending.thread())
    sending.dispatch()
    sending.clinic.patch(f"/Communication/{message_id}", replaced("/status", status))
    sending.deliver()
    assert sending.twilio.forms == []
    assert sending.waiting == []


@pytest.mark.parametrize("deletes", ["message", "header"])
def test_a_message_that_is_deleted_in_time_is_not_sent(
    sending: SendingChannels, deletes: str
) -> None:
    header_id = sending.thread()
    message_id = sending.post(header_id)
    sending.dispatch()
    deleted = message_id if deletes == "message" else header_id
    assert sending.clinic.administrator.delete(f"/Communication/{deleted}").status == 204
    sending.deliver()
    assert sending.twilio.forms == []
    assert sending.waiting == []


def test_it_waits_until_the_quiet_hours_are_over(sending: SendingChannels) -> None:
    quiet = {"begin": "21:00", "end": "08:00", "zone": "Europe/Berlin"}
    sending.set_accounts(quiet_hours=quiet)
    sending.practice.advance_to("2026-03-02 21:30")
    sending.post(sending.thread())
    sending.deliver()
    (waiting,) = sending.waiting
    assert waiting.visible == sending.practice.now + timedelta(hours=10, minutes=30)
    sending.practice.advance_to("2026-03-03 07:59")
    sending.deliver()
    assert sending.twilio.forms == []
    sending.practice.advance_to("2026-03-03 08:00")
    sending.deliver()
    assert sending.twilio.texts == ["Take it with food"]


def test_an_answer_to_what_the_contact_asks_is_sent_at_once_and_as_it_is(
    sending: SendingChannels,
) -> None:
    quiet = {"begin": "21:00", "end": "08:00", "zone": "Europe/Berlin"}
    sending.set_accounts(
        quiet_hours=quiet,
        link_only=True,
        portal_url="https://portal.example/",
        first_notice="Reply STOP to stop",
    )
    sending.practice.advance_to("2026-03-02 21:30")
    answer = [{"system": ANSWER_SYSTEM, "value": "text/SM1"}]
    sending.post(sending.thread(), "Call 911", category=[AUTOMATIC], identifier=answer)
    sending.deliver()
    assert sending.twilio.texts == ["Call 911"]


def test_the_category_of_automatic_messages_alone_shows_nothing(sending: SendingChannels) -> None:
    sending.set_accounts(link_only=True, portal_url="https://portal.example/")
    sending.post(sending.thread(), "It is herpes", category=[AUTOMATIC])
    sending.deliver()
    assert "herpes" not in sending.twilio.texts[0]


def test_a_text_that_is_too_long_is_refused_before_the_provider_is_called(
    sending: SendingChannels,
) -> None:
    message_id = sending.post(sending.thread(), "x" * 1601)
    sending.post(sending.thread(contact="+15551230002"), "x" * 1600)
    sending.deliver()
    assert sending.twilio.texts == ["x" * 1600]
    message = sending.read(message_id)
    assert message["status"] == "not-done"
    assert "1601 characters" in message["statusReason"]["text"]
    assert sending.tasks() == ["not-delivered"]


def test_what_waits_for_longer_than_the_queue_allows_is_postponed_in_steps(
    sending: SendingChannels,
) -> None:
    quiet = {"begin": "18:00", "end": "08:00", "zone": "Europe/Berlin"}
    sending.set_accounts(quiet_hours=quiet)
    sending.practice.advance_to("2026-03-02 18:00")
    sending.post(sending.thread())
    sending.deliver()
    (waiting,) = sending.waiting
    assert waiting.visible == sending.practice.now + timedelta(hours=11)
    sending.practice.advance_to("2026-03-03 05:00")
    sending.deliver()
    assert waiting.visible == sending.practice.now + timedelta(hours=3)
    sending.practice.advance_to("2026-03-03 08:00")
    sending.deliver()
    assert sending.twilio.texts == ["Take it with food"]


def test_a_notice_is_sent_in_place_of_the_message(sending: SendingChannels) -> None:
    notice = {"link_only": True, "portal_url": "https://portal.example/"}
    sending.set_accounts(**notice)
    sending.post(sending.thread())
    sending.deliver()
    text = "You have a message from your clinic: https://portal.example/"
    assert sending.twilio.texts == [text]


def test_the_first_message_of_a_thread_has_the_first_notice(sending: SendingChannels) -> None:
    sending.set_accounts(first_notice="Reply STOP to stop")
    header_id, other_id = sending.thread(), sending.thread(contact="+15551230002")
    for header, text in ((header_id, "One"), (header_id, "Two"), (other_id, "Three")):
        sending.post(header, text)
        sending.deliver()
    notice = "\n\nReply STOP to stop"
    assert sending.twilio.texts == [f"One{notice}", "Two", f"Three{notice}"]


def test_the_first_notice_goes_with_the_first_message_that_is_not_refused(
    sending: SendingChannels,
) -> None:
    sending.set_accounts(first_notice="Reply STOP to stop")
    header_id = sending.thread()
    sending.twilio.answer = refusing(400, code=21614)
    sending.post(header_id, "One")
    sending.deliver()
    sending.twilio.answer = None
    sending.post(header_id, "Two")
    sending.deliver()
    assert sending.twilio.texts == ["Two\n\nReply STOP to stop"]


def test_the_first_notice_goes_with_the_next_message_if_the_first_is_retracted_unsent(
    sending: SendingChannels,
) -> None:
    sending.set_accounts(first_notice="Reply STOP to stop")
    header_id = sending.thread()
    sending.twilio.answer = refusing(429)
    message_id = sending.post(header_id, "One")
    sending.deliver()
    sending.twilio.answer = None
    sending.clinic.patch(f"/Communication/{message_id}", replaced("/status", "entered-in-error"))
    sending.post(header_id, "Two")
    sending.deliver()
    assert sending.twilio.texts == ["Two\n\nReply STOP to stop"]


def test_a_refusal_is_the_messages_reason_and_a_task(sending: SendingChannels) -> None:
    sending.twilio.answer = refusing(400, code=21614)
    message_id = sending.post(sending.thread())
    sending.deliver()
    message = sending.read(message_id)
    assert message["status"] == "not-done"
    assert message["statusReason"] == {
        "coding": [
            {"system": REASONS, "code": "invalid-phone-number"},
            {"system": "https://www.twilio.com/docs/api/errors", "code": "21614"},
        ],
        "text": "The number is not a mobile phone's",
    }
    assert sending.tasks() == ["not-delivered"]
    assert sending.waiting == []


def test_a_number_that_has_opted_out_at_its_carrier_opts_out_here(
    sending: SendingChannels,
) -> None:
    sending.twilio.answer = refusing(400, code=21610)
    header_id = sending.thread()
    message_id = sending.post(header_id)
    sending.deliver()
    assert sending.read(message_id)["status"] == "not-done"
    (extension,) = sending.read(header_id)["extension"]
    assert extension["url"] == OPTED_OUT
    answer = sending.clinic.post("/Communication", sending.message(header_id, "Hello?"))
    assert answer.status == 422


def test_a_contact_who_opts_out_in_time_is_not_written_to(sending: SendingChannels) -> None:
    header_id = sending.thread()
    message_id = sending.post(header_id)
    sending.dispatch()
    at = "2026-03-02T08:00:00Z"
    extension = [{"url": OPTED_OUT, "valueDateTime": at}]
    sending.practice.put_changes(f"/Communication/{header_id}", extension=extension)
    sending.deliver()
    assert sending.twilio.forms == []
    message = sending.read(message_id)
    assert message["status"] == "not-done"
    assert message["statusReason"]["coding"] == [{"system": REASONS, "code": "patient-objection"}]
    assert sending.tasks() == ["not-delivered"]


def test_an_account_that_is_gone_sends_nothing(sending: SendingChannels) -> None:
    message_id = sending.post(sending.thread("another"))
    sending.deliver()
    message = sending.read(message_id)
    assert message["status"] == "not-done"
    assert message["statusReason"]["text"] == "There is no account another"


def test_an_account_of_another_tenant_sends_nothing(sending: SendingChannels) -> None:
    sending.set_accounts(tenant="springfield")
    message_id = sending.post(sending.thread())
    sending.deliver()
    assert sending.twilio.forms == []
    assert sending.read(message_id)["status"] == "not-done"


@pytest.mark.parametrize(
    ("account", "contact"),
    [("text", "marge@simpson.example"), ("text", "12"), ("mail", MARGE), ("mail", "m@x\r\nBcc: y")],
)
def test_a_contact_that_the_account_cannot_reach_is_refused(
    sending: SendingChannels, account: str, contact: str
) -> None:
    message_id = sending.post(sending.thread(account, contact))
    sending.deliver()
    assert sending.read(message_id)["status"] == "not-done"


def test_a_message_without_content_is_refused(sending: SendingChannels) -> None:
    of_header = [{"contentReference": care.reference(care.HOMER)}]
    message_id = sending.post(sending.thread(), payload=of_header)
    sending.deliver()
    assert sending.twilio.forms == []
    assert sending.read(message_id)["status"] == "not-done"


def test_what_waited_for_days_is_not_sent_any_more(sending: SendingChannels) -> None:
    message_id = sending.post(sending.thread())
    sending.dispatch()
    sending.practice.advance_to("2026-03-06 09:00")
    sending.deliver()
    assert sending.twilio.forms == []
    assert sending.read(message_id)["status"] == "not-done"


def test_failures_of_a_thread_are_one_task_until_it_is_done(sending: SendingChannels) -> None:
    sending.twilio.answer = refusing(400, code=21614)
    header_id = sending.thread()
    for text in ("One", "Two"):
        sending.post(header_id, text)
        sending.deliver()
    (task,) = sending.clinic.get("/Task").resources
    assert task["focus"] == {"reference": f"Communication/{header_id}"}
    sending.practice.put_changes(f"/Task/{task['id']}", status="completed")
    sending.post(header_id, "Three")
    sending.deliver()
    assert sending.tasks() == ["not-delivered"]


def test_what_became_of_a_message_is_written_by_the_channel(sending: SendingChannels) -> None:
    message_id = sending.post(sending.thread())
    sending.deliver()
    auditor = ApiClient(role="auditor")
    found = auditor.get(f"/AuditEvent?entity=Communication/{message_id}").resources
    agents = {event["agent"][0].get("altId") for event in found}
    assert "channel/text" in agents


def test_without_channels_nothing_is_handed_over(sending: SendingChannels) -> None:
    sending.practice.configure(CHANNEL_CHANGE_QUEUE_URL="")
    sending.post(sending.thread())
    sending.dispatch()
    assert sending.queues.sent.total() == 0


@pytest.mark.parametrize("account", ["text", "aws", "mail"])
def test_no_log_has_anything_of_a_message_or_its_contact(
    sending: SendingChannels, aws: AwsServer, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = Log(monkeypatch)
    said = {"message": f"{MARGE} is not valid: Take it with food"}
    aws.answer = lambda handler: handler.refuse(400, "ValidationException", **said)
    sending.twilio.answer = refusing(400, code=21211, **said)
    header_id = sending.thread(account)
    sending.post(header_id)
    sending.deliver()
    aws.answer = lambda handler: handler.break_off()
    sending.twilio.answer = lambda handler: handler.break_off()
    sending.post(header_id)
    sending.deliver()
    logged = "\n".join(log.lines)
    assert "channel_sender" in logged
    for secret in ("Take it", "food", MARGE, MARGES_MAIL, TOKEN):
        assert secret not in logged
