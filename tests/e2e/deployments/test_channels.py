"""Text messages and e-mails through the whole stack, with functions that have their own rights."""

from collections.abc import Iterator
from email.message import EmailMessage
from email.utils import make_msgid
from typing import Any

import httpx
import pytest

from shared.local import channels, logs, mailing, service, texting, twilio
from shared.local.client import client
from shared.local.service import Service
from shared.local.stack import physical_id
from tests.support import care
from tests.support.waiting import wait_for

MARGE, HOMER = "+15551230001", "+15551230002"
HOMERS_MAIL = "homer@simpson.example"

type Json = dict[str, Any]


@pytest.fixture(scope="module")
def running() -> Iterator[Service]:
    with service.run({"SessionPolicy": "thread"}, carries=True) as started:
        yield started
        assert logs.errors(started.emulator) == []


@pytest.fixture
def clinic(running: Service) -> Iterator[httpx.Client]:
    with client(running.values["FHIR_BASE"], running.values["TOKEN_PRACTITIONER"]) as http:
        yield http


def found(http: httpx.Client, query: str) -> list[Json]:
    return [entry["resource"] for entry in http.get(query).json().get("entry", ())]


def thread_of(http: httpx.Client, account: str, contact: str) -> Json:
    """Return the header of the only thread with a contact, once it is there."""

    def header() -> Json | None:
        threads = found(http, "/Communication?part-of:missing=true&_count=100")
        return next(
            (
                thread
                for thread in threads
                for identifier in thread.get("identifier", ())
                if identifier["system"].endswith(f":{account}")
                and identifier["value"].partition("/")[0] == contact
            ),
            None,
        )

    return wait_for(header)


def messages(http: httpx.Client, thread: Json) -> list[Json]:
    return found(http, f"/Communication?part-of=Communication/{thread['id']}&_sort=sent")


def answer(http: httpx.Client, thread: Json, text: str) -> httpx.Response:
    content = [{"contentString": text}]
    message = care.message(thread["id"], None, sender=care.reference(care.ALICE), payload=content)
    message.pop("subject", None)
    return http.post("/Communication", json=message)


def until_delivered(http: httpx.Client, message: Json) -> Json:
    path = f"/Communication/{message['id']}"

    def delivered() -> Json | None:
        stored: Json = http.get(path).json()
        return stored if stored["status"] == "completed" else None

    return wait_for(delivered)


def test_a_text_becomes_a_message_and_its_answer_a_text(
    running: Service, clinic: httpx.Client
) -> None:
    sid = texting.send(running.emulator, MARGE, "Bart has a rash")
    thread = thread_of(clinic, channels.SMS, MARGE)
    (received,) = wait_for(lambda: messages(clinic, thread))
    assert received["identifier"][0]["value"] == sid
    assert received["payload"] == [{"contentString": "Bart has a rash"}]
    answered = answer(clinic, thread, "Please send a photo.")
    assert answered.status_code == 201, answered.text
    delivered = until_delivered(clinic, answered.json())
    (sent,) = [text for text in running.texts if text["to"] == MARGE]
    assert sent["body"] == "Please send a photo."
    assert delivered["identifier"][0]["value"] == sent["sid"]
    assert delivered["received"] >= answered.json()["meta"]["lastUpdated"]


def test_after_stop_staff_cannot_write_and_after_start_they_can(
    running: Service, clinic: httpx.Client
) -> None:
    texting.send(running.emulator, HOMER, "My back hurts")
    thread = thread_of(clinic, channels.SMS, HOMER)
    texting.send(running.emulator, HOMER, "STOP")
    path = f"/Communication/{thread['id']}"
    wait_for(lambda: "extension" in clinic.get(path).json())
    refused = answer(clinic, thread, "Since when?")
    assert refused.status_code == 422, refused.text
    texting.send(running.emulator, HOMER, "START")
    wait_for(lambda: "extension" not in clinic.get(path).json())
    assert answer(clinic, thread, "Since when?").status_code == 201
    wait_for(lambda: [text for text in running.texts if text["to"] == HOMER])


def mail(running: Service, text: str, *, answers: str = "", to: str = "") -> EmailMessage:
    written = EmailMessage()
    written["From"] = HOMERS_MAIL
    written["To"] = to or channels.mail_account(running.emulator).address
    written["Subject"] = "Back pain"
    written["Message-ID"] = make_msgid(domain="simpson.example")
    if answers:
        written["In-Reply-To"] = f"<{answers}>"
    written.set_content(text)
    return written


def test_an_email_becomes_a_message_and_its_answer_an_email(
    running: Service, clinic: httpx.Client
) -> None:
    own_id = mailing.receive(running.emulator, mail(running, "It hurts again."))
    thread = thread_of(clinic, channels.MAIL, HOMERS_MAIL)
    (received,) = wait_for(lambda: messages(clinic, thread))
    assert received["identifier"][0]["value"] == own_id
    assert received["payload"][0] == {"contentString": "It hurts again."}
    answered = answer(clinic, thread, "Since when?")
    assert answered.status_code == 201, answered.text
    delivered = until_delivered(clinic, answered.json())
    sent_id = delivered["identifier"][0]["value"]
    assert sent_id.count("@") == 1
    mailing.receive(running.emulator, mail(running, "Since Saturday.", answers=sent_id))
    wait_for(lambda: len(messages(clinic, thread)) == 3)


def test_an_email_whose_sender_is_not_proven_is_shown_to_staff(
    running: Service, clinic: httpx.Client
) -> None:
    forged = mail(running, "Send me the records.")
    forged.replace_header("From", "marge@simpson.example")
    mailing.receive(running.emulator, forged, is_proven=False)
    thread = thread_of(clinic, channels.MAIL, "marge@simpson.example")
    (received,) = wait_for(lambda: messages(clinic, thread))
    assert received["status"] == "on-hold"
    assert received["sender"]["identifier"]["value"] == "mailto:marge@simpson.example"
    tasks = wait_for(lambda: found(clinic, f"/Task?focus=Communication/{thread['id']}"))
    assert [task["code"]["coding"][0]["code"] for task in tasks] == ["verify-sender"]


def test_nothing_comes_in_without_its_signature(running: Service) -> None:
    account = channels.sms_account(running.emulator)
    url = texting.webhook_url(running.emulator, account.name)
    other = account.model_copy(update={"auth_token": type(account.auth_token)("0" * 32)})
    fields = {"MessageSid": "SM1", "From": MARGE, "To": account.number, "Body": "forged"}
    fields["AccountSid"] = account.account_sid
    assert twilio.post(other, url, fields).status_code == 403
    unknown = texting.webhook_url(running.emulator, "no-such-account")
    assert twilio.post(account, unknown, fields).status_code == 404


def test_nothing_is_among_the_dead_letters(running: Service) -> None:
    sqs = running.emulator.client("sqs")
    for name in ("Inbound", "ChannelChange", "Outbound"):
        url = physical_id(running.emulator, f"{name}DeadLetters")
        assert "Messages" not in sqs.receive_message(QueueUrl=url)
