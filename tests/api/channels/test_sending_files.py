"""The files of a message go with it as far as its provider takes them."""

from datetime import timedelta
from functools import cache
from typing import Any

import pytest
from botocore.exceptions import ClientError

from shared.channels.outbound import decisions
from shared.store import s3
from tests.support.aws_server import AwsServer
from tests.support.memory_objects import MemoryS3
from tests.support.sending_channels import SendingChannels

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 2
PORTAL = "https://portal.example/"


@pytest.fixture(autouse=True)
def objects(sending: SendingChannels, monkeypatch: pytest.MonkeyPatch) -> MemoryS3:
    memory = MemoryS3()
    monkeypatch.setattr(s3, "client", cache(lambda: memory))
    sending.practice.configure(BINARY_BUCKET="binaries")
    sending.set_accounts(portal_url=PORTAL)
    return memory


def upload(sending: SendingChannels, content: bytes = PNG, kind: str = "image/png") -> str:
    answer = sending.clinic.call("POST", "/Binary", content, content_type=kind)
    assert answer.status == 201, answer.text
    return answer.id


def refusing(error: Exception) -> Any:
    def refuse(**_: Any) -> None:
        raise error

    return refuse


def payload(*urls: str, text: str = "Look", **more: str) -> list[dict[str, Any]]:
    attachments = [{"contentAttachment": {"url": url, "title": "rash.png", **more}} for url in urls]
    return [*([{"contentString": text}] if text else []), *attachments]


def test_a_picture_goes_by_a_url_for_twilio(sending: SendingChannels, objects: MemoryS3) -> None:
    photo = upload(sending)
    sending.post(sending.thread(), payload=payload(f"Binary/{photo}"))
    sending.deliver()
    (form,) = sending.twilio.forms
    (url,) = [value for name, value in form if name == "MediaUrl"]
    assert dict(form)["Body"] == "Look"
    assert url == f"https://objects.example/-/{photo}?get_object&version-1&14400"
    assert objects.presigned["ResponseContentType"] == "image/png"


def test_a_message_may_be_a_picture_alone(sending: SendingChannels) -> None:
    photo = upload(sending)
    sending.post(sending.thread(), payload=payload(f"Binary/{photo}", text=""))
    sending.deliver()
    (form,) = sending.twilio.forms
    assert dict(form)["Body"] == ""
    assert "MediaUrl" in dict(form)


def test_an_email_has_its_files(sending: SendingChannels, aws: AwsServer) -> None:
    photo, report = upload(sending), upload(sending, b"%PDF-1.7 x", "application/pdf")
    sending.post(sending.thread("mail"), payload=payload(f"Binary/{photo}", f"Binary/{report}"))
    sending.deliver()
    (mail,) = aws.mails
    first, second = mail.iter_attachments()
    assert (first.get_content_type(), first.get_content()) == ("image/png", PNG)
    assert first.get_filename() == "rash.png"
    assert second.get_content_type() == "application/pdf"
    body = mail.get_body()
    assert body
    assert body.get_content().strip() == "Look"


@pytest.mark.parametrize("kind", ["message/rfc822", "multipart/mixed", "text/plain"])
def test_any_type_of_file_goes_with_an_email(
    sending: SendingChannels, aws: AwsServer, kind: str
) -> None:
    file = upload(sending, b"Subject: x\r\n\r\nHello", kind)
    sending.post(sending.thread("mail"), payload=payload(f"Binary/{file}"))
    sending.deliver()
    (mail,) = aws.mails
    (attached,) = mail.iter_attachments()
    assert attached.get_payload(decode=True) == b"Subject: x\r\n\r\nHello"


def test_a_file_that_cannot_be_read_now_leaves_no_attempt(
    sending: SendingChannels, aws: AwsServer, objects: MemoryS3, monkeypatch: pytest.MonkeyPatch
) -> None:
    message_id = sending.post(sending.thread("mail"), payload=payload(f"Binary/{upload(sending)}"))
    busy: Any = {"Error": {"Code": "SlowDown"}}
    with monkeypatch.context() as patch:
        patch.setattr(objects, "get_object", refusing(ClientError(busy, "GetObject")))
        sending.deliver()
    assert aws.requests == []
    sending.deliver()
    assert len(aws.mails) == 1
    assert "identifier" in sending.read(message_id)


def test_a_file_that_is_gone_is_left_out(
    sending: SendingChannels, aws: AwsServer, objects: MemoryS3
) -> None:
    sending.post(sending.thread("mail"), payload=payload(f"Binary/{upload(sending)}"))
    objects.versions.clear()
    sending.deliver()
    (mail,) = aws.mails
    assert [*mail.iter_attachments()] == []


def test_text_messages_of_aws_name_their_files(sending: SendingChannels, aws: AwsServer) -> None:
    sending.post(sending.thread("aws"), payload=payload(f"Binary/{upload(sending)}"))
    sending.deliver()
    assert aws.requests[0]["MessageBody"] == f"Look\n\nrash.png {PORTAL}"


def test_what_is_elsewhere_is_named(sending: SendingChannels) -> None:
    elsewhere = payload("https://pictures.example/rash.png")
    sending.post(sending.thread(), payload=elsewhere)
    sending.deliver()
    assert sending.twilio.texts == [f"Look\n\nrash.png {PORTAL}"]


def test_what_is_in_the_message_itself_is_named(sending: SendingChannels) -> None:
    inline = [{"contentAttachment": {"contentType": "text/plain", "data": "SGVsbG8="}}]
    sending.post(sending.thread(), payload=inline)
    sending.deliver()
    assert sending.twilio.texts == [f"File {PORTAL}"]


def test_files_beyond_what_the_provider_takes_are_named(
    sending: SendingChannels, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = decisions.FileLimits(10, len(PNG) + 1)
    monkeypatch.setitem(decisions._FILE_LIMITS, "twilio", limits)
    urls = [f"Binary/{upload(sending)}" for _ in range(2)]
    sending.post(sending.thread(), payload=payload(*urls))
    sending.deliver()
    (form,) = sending.twilio.forms
    assert [name for name, _ in form].count("MediaUrl") == 1
    assert dict(form)["Body"] == f"Look\n\nrash.png {PORTAL}"


def test_a_file_waits_for_its_scan(sending: SendingChannels, objects: MemoryS3) -> None:
    photo = upload(sending)
    sending.practice.configure(MALWARE_SCAN="true")
    sending.post(sending.thread(), payload=payload(f"Binary/{photo}"))
    sending.deliver()
    assert sending.twilio.forms == []
    for key in objects.versions:
        objects.tags[key] = "GuardDutyMalwareScanStatus=NO_THREATS_FOUND"
    sending.practice.now += timedelta(minutes=1)
    sending.deliver()
    assert "MediaUrl" in dict(sending.twilio.forms[0])


def test_a_file_without_a_result_of_its_scan_is_named_after_an_hour(
    sending: SendingChannels,
) -> None:
    photo = upload(sending)
    sending.practice.configure(MALWARE_SCAN="true")
    sending.post(sending.thread(), payload=payload(f"Binary/{photo}"))
    sending.deliver()
    begun, deliveries = sending.practice.now, 1
    while sending.waiting:
        (waiting,) = sending.waiting
        sending.practice.now = waiting.visible
        sending.deliver()
        deliveries += 1
    assert sending.twilio.texts == [f"Look\n\nrash.png {PORTAL}"]
    assert "MediaUrl" not in dict(sending.twilio.forms[0])
    assert deliveries < 10
    assert sending.practice.now - begun < timedelta(hours=2)


def test_the_first_notice_goes_with_a_picture_alone(sending: SendingChannels) -> None:
    sending.set_accounts(first_notice="Reply STOP to stop")
    sending.post(sending.thread(), payload=payload(f"Binary/{upload(sending)}", text=""))
    sending.deliver()
    assert sending.twilio.texts == ["Reply STOP to stop"]


def test_a_file_in_which_a_scan_found_something_is_not_sent(
    sending: SendingChannels, objects: MemoryS3
) -> None:
    photo = upload(sending)
    for key in objects.versions:
        objects.tags[key] = "GuardDutyMalwareScanStatus=THREATS_FOUND"
    sending.practice.configure(MALWARE_SCAN="true")
    sending.post(sending.thread(), payload=payload(f"Binary/{photo}"))
    sending.deliver()
    assert sending.twilio.texts == [f"Look\n\nrash.png {PORTAL}"]


def test_a_notice_has_no_files(sending: SendingChannels) -> None:
    sending.set_accounts(portal_url=PORTAL, link_only=True)
    sending.post(sending.thread(), payload=payload(f"Binary/{upload(sending)}"))
    sending.deliver()
    assert "MediaUrl" not in dict(sending.twilio.forms[0])
    assert sending.twilio.texts == [f"You have a message from your clinic: {PORTAL}"]
