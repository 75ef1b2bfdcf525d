"""A clinic's answers by e-mail, and what the person answers to these: one thread at both ends."""

import json
from collections.abc import Callable
from email.message import EmailMessage
from functools import cache
from typing import Any

import pytest

from shared.channels.inbound import deliveries
from shared.fhir import instants
from shared.store import s3
from tests.support import care
from tests.support.aws_server import AwsServer
from tests.support.family import store
from tests.support.mail_channel import notification, own_id, written
from tests.support.memory_objects import MemoryS3
from tests.support.sending_channels import MAIL, MARGES_MAIL, SendingChannels
from tests.support.text_channel import ref, said

type Receive = Callable[..., None]


@pytest.fixture(autouse=True)
def services(aws: AwsServer) -> AwsServer:
    return aws


@pytest.fixture
def receive(sending: SendingChannels, monkeypatch: pytest.MonkeyPatch) -> Receive:
    """Return a function that lets a mail come in."""
    objects = MemoryS3()
    monkeypatch.setattr(s3, "client", cache(lambda: objects))
    sending.practice.configure(BINARY_BUCKET="binaries")
    telecom = [{"system": "email", "value": MARGES_MAIL}]
    store(sending.clinic, care.HOMER, telecom=telecom)

    def receive(mail: EmailMessage, to: str = MAIL, **verdicts: str) -> None:
        sending.practice.advance(60)
        told = notification(objects, mail.as_bytes(), to, **verdicts)
        envelope = {"Message": json.dumps(told), "Timestamp": instants.to_text(instants.now())}
        deliveries.process(envelope, 1)

    return receive


def threads(sending: SendingChannels) -> list[dict[str, Any]]:
    return sending.clinic.get("/Communication?part-of:missing=true").resources


def texts(sending: SendingChannels, thread: str) -> list[str]:
    query = f"part-of=Communication/{thread}&_sort=sent"
    return [said(one) for one in sending.clinic.get(f"/Communication?{query}").resources]


def test_answers_of_both_stay_in_one_thread(
    sending: SendingChannels, aws: AwsServer, receive: Receive
) -> None:
    mail = written(MARGES_MAIL, "May I?", to=MAIL)
    receive(mail)
    (header,) = threads(sending)
    sending.practice.advance(60)
    sending.post(header["id"], "Yes", sent=instants.to_text(instants.now()))
    sending.deliver()
    (answer,) = aws.mails
    assert answer["In-Reply-To"] == answer["References"] == f"<{own_id(mail)}>"
    by_ses = "<message-1@email.amazonses.com>"
    receive(written(MARGES_MAIL, "By header", to=MAIL, In_Reply_To=by_ses))
    receive(written(MARGES_MAIL, "By address", to=MAIL), str(answer["Reply-To"]))
    assert texts(sending, header["id"]) == ["May I?", "Yes", "By header", "By address"]
    assert len(threads(sending)) == 1


def test_an_answer_to_a_mail_that_was_not_proven_names_the_id_that_its_sender_knows(
    sending: SendingChannels, aws: AwsServer, receive: Receive
) -> None:
    mail = written(MARGES_MAIL, "May I?", to=MAIL)
    receive(mail, dmarc="GRAY")
    (header,) = threads(sending)
    match = f"/Communication/{header['id']}/$match-sender"
    assert sending.clinic.post(match, care.parameters(("person", care.HOMER))).status == 200
    sending.practice.advance(60)
    sending.post(header["id"], "Yes", sent=instants.to_text(instants.now()))
    sending.deliver()
    (answer,) = aws.mails
    assert answer["In-Reply-To"] == f"<{own_id(mail)}>"
    # Still, what answers that mail is found by ids that are proven, or by the address.
    receive(written(MARGES_MAIL, "Elsewhere", to=MAIL, In_Reply_To=f"<{own_id(mail)}>"))
    receive(written(MARGES_MAIL, "Thanks", to=MAIL), str(answer["Reply-To"]))
    assert texts(sending, header["id"]) == ["May I?", "Yes", "Thanks"]
    assert {ref(one.get("subject")) for one in threads(sending)} == {care.HOMER}
