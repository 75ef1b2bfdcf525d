"""Messages of staff reach the contact of their thread by its provider."""

from datetime import timedelta

import pytest

from tests.support import care
from tests.support.sending_channels import MARGE, NUMBER, SendingChannels


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
    system, (sid,) = "urn:async-encounters:channel:text", sending.twilio.sids
    assert message["identifier"] == [{"system": system, "value": sid}]
    assert sending.waiting == []
