"""Whoever does not want to be written to is not: staff are told so when they post."""

from typing import Any

import pytest

from tests.support import care
from tests.support.plain_client import PlainClient
from tests.support.sending_channels import ALICE, SendingChannels
from tests.support.subscriptions import replaced

OPTED_OUT = "https://fhir.example.org/fhir/R4/StructureDefinition/channel-opt-out"
AT = "2026-03-02T08:00:00Z"


@pytest.fixture
def header_id(sending: SendingChannels) -> str:
    """Begin a thread whose contact has opted out."""
    return sending.thread(extension=[{"url": OPTED_OUT, "valueDateTime": AT}])


def test_a_message_to_who_opted_out_is_refused(sending: SendingChannels, header_id: str) -> None:
    answer = sending.clinic.post("/Communication", sending.message(header_id, "Hello"))
    assert answer.status == 422
    (issue,) = answer.body["issue"]
    assert issue["code"] == "business-rule"
    assert issue["expression"] == ["Communication.partOf"]
    assert AT in issue["diagnostics"]


def test_a_draft_is_kept_but_not_sent(sending: SendingChannels, header_id: str) -> None:
    message_id = sending.post(header_id, status="preparation")
    sent = sending.clinic.patch(f"/Communication/{message_id}", replaced("/status", "in-progress"))
    assert sent.status == 422
    payload = [{"contentString": "Later"}]
    kept = sending.practice.put_changes(f"/Communication/{message_id}", payload=payload)
    assert kept.status == 200


def test_what_was_posted_before_can_be_changed(sending: SendingChannels) -> None:
    header_id = sending.thread()
    message_id = sending.post(header_id)
    extension = [{"url": OPTED_OUT, "valueDateTime": AT}]
    sending.practice.put_changes(f"/Communication/{header_id}", extension=extension)
    payload = [{"contentString": "Corrected"}]
    changed = sending.practice.put_changes(f"/Communication/{message_id}", payload=payload)
    assert changed.status == 200
    retracted = replaced("/status", "entered-in-error")
    assert sending.clinic.patch(f"/Communication/{message_id}", retracted).status == 200


@pytest.mark.parametrize(
    "more",
    [{"sender": care.reference(care.HOMER)}, {"status": "completed"}, {"status": "on-hold"}],
)
def test_what_is_not_sent_may_be_written(
    sending: SendingChannels, header_id: str, more: dict[str, Any]
) -> None:
    sending.post(header_id, **more)


def test_a_bundle_with_a_message_is_refused(sending: SendingChannels, header_id: str) -> None:
    entry = {
        "resource": sending.message(header_id, "Hello"),
        "request": {"method": "POST", "url": "Communication"},
    }
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}
    assert sending.clinic.post("/", bundle).status == 422


def test_plain_json_is_refused_too(sending: SendingChannels, header_id: str) -> None:
    body = {"threadId": header_id, "senderId": ALICE, "text": "Hello"}
    answer = PlainClient(sending.clinic).post("/messages", body)
    assert answer.status == 422
    assert answer.body["detail"].startswith("The person does not want to be written to")


def test_a_header_that_was_read_before_a_stop_does_not_take_it_back(
    sending: SendingChannels, header_id: str
) -> None:
    url = f"/Communication/{header_id}"
    changed = sending.practice.put_changes(url, extension=[], topic={"text": "A rash"})
    assert changed.body["extension"] == [{"url": OPTED_OUT, "valueDateTime": AT}]
    refused = sending.clinic.post("/Communication", sending.message(header_id, "Hello"))
    assert refused.status == 422


def test_staff_take_it_back_by_a_patch_once_the_person_agrees(
    sending: SendingChannels, header_id: str
) -> None:
    removal = [{"op": "remove", "path": "/extension"}]
    assert sending.clinic.patch(f"/Communication/{header_id}", removal).status == 200
    sending.post(header_id)
    sending.deliver()
    assert sending.twilio.texts == ["Take it with food"]
