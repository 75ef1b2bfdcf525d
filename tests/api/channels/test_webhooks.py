"""The webhooks of text messages: nothing works without its signature."""

import pytest
from twilio.request_validator import RequestValidator

from tests.support.api_client import ORIGIN, ApiClient
from tests.support.audit_pipeline import Log
from tests.support.text_channel import (
    FORM,
    TOKEN,
    TextChannel,
    accounts_text,
    form,
    ref,
    said,
    twilio_account,
)


def test_a_text_becomes_a_message_of_a_thread(channel: TextChannel) -> None:
    fields = form("My back hurts", "+15551230001")
    answer = channel.call(fields)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/xml; charset=utf-8")
    assert answer.text.endswith("<Response/>")
    channel.process()
    header = channel.thread()
    assert header["identifier"] == [
        {"system": "urn:async-encounters:channel:sms", "value": "+15551230001"}
    ]
    (message,) = channel.messages()
    assert said(message) == "My back hurts"
    assert message["identifier"] == [
        {"system": "urn:async-encounters:channel:sms", "value": fields["MessageSid"]}
    ]
    assert ref(message["sender"]) == "tel:+15551230001"
    assert message["medium"][0]["coding"][0]["code"] == "SMSWRIT"


def test_repetitions_change_nothing(channel: TextChannel) -> None:
    fields = form("My back hurts", "+15551230001")
    for _ in range(100):
        channel.deliver(fields)
    assert len(channel.messages()) == 1
    assert len(channel.tasks()) == 1


def test_without_the_accounts_signature_it_is_refused(channel: TextChannel) -> None:
    fields = form("My back hurts", "+15551230001")
    for signature in ("", "c2lnbmF0dXJl", "ß\ud800"):
        assert channel.call(fields, signature=signature).status == 403
    assert channel.call(fields, token="another").status == 403
    assert channel.call(fields | {"Body": "Mine too"}, signature=_signed(fields)).status == 403
    assert channel.call(fields, path="/status", signature=_signed(fields)).status == 403
    assert channel.queue.bodies == {}


def test_an_unknown_account_is_404(channel: TextChannel) -> None:
    fields = form("My back hurts", "+15551230001")
    for account in ("other", "aws", "SMS", "sms2"):
        assert channel.call(fields, account=account).status == 404
    assert channel.call(fields, account="other", token="-").status == 404
    assert channel.queue.bodies == {}


def test_without_accounts_there_is_none(clinic: ApiClient) -> None:
    url = f"{ORIGIN}/channels/sms/sms"
    answer = clinic.call("POST", url, "Body=x", content_type=FORM, x_twilio_signature="x")
    assert answer.status == 404


def test_a_request_about_another_account_or_number_is_refused(channel: TextChannel) -> None:
    fields = form("My back hurts", "+15551230001")
    for wrong in ({"AccountSid": "AC" + "1" * 32}, {"To": "+15550109999"}, {"AccountSid": ""}):
        assert channel.call(fields | wrong).status == 403


def test_a_rotated_token_is_read_anew_once_a_minute(channel: TextChannel) -> None:
    fields = form("My back hurts", "+15551230001")
    assert channel.call(fields).status == 200
    channel.rotate(sms=twilio_account(auth_token="renewed"))
    assert channel.call(fields, token="renewed").status == 200
    channel.secrets.put_secret_value(
        SecretId=channel.arn, SecretString=accounts_text(sms=twilio_account(auth_token="third"))
    )
    assert channel.call(fields, token="third").status == 403


def test_what_is_no_form_is_refused(channel: TextChannel) -> None:
    url = f"{ORIGIN}/channels/sms/sms"
    assert channel.clinic.call("POST", url, "{}").status == 415
    assert channel.clinic.call("POST", url, b"Body=%FF", content_type=FORM).status == 400


def test_the_log_names_nobody(channel: TextChannel, monkeypatch: pytest.MonkeyPatch) -> None:
    log = Log(monkeypatch)
    channel.text("My back hurts", "+15551230001")
    assert "15551230001" not in log.stream.getvalue()
    assert "back hurts" not in log.stream.getvalue()


def _signed(fields: dict[str, str]) -> str:
    signed: str = RequestValidator(TOKEN).compute_signature(f"{ORIGIN}/channels/sms/sms", fields)
    return signed


@pytest.mark.parametrize(
    ("base", "root"),
    [
        ("https://api.clinic.example/fhir/R4", "https://api.clinic.example"),
        ("https://clinic.example:8443/api/fhir/R4", "https://clinic.example:8443/api"),
        ("http://127.0.0.1:4566/_aws/x/$default/fhir/R4", "http://127.0.0.1:4566/_aws/x/$default"),
    ],
)
def test_the_public_url_is_signed(channel: TextChannel, base: str, root: str) -> None:
    channel.practice.configure(PUBLIC_BASE_URL=base)
    fields = form("My back hurts", "+15551230001")
    signature = RequestValidator(TOKEN).compute_signature(f"{root}/channels/sms/sms", fields)
    assert channel.call(fields, signature=signature).status == 200
    assert channel.call(fields, signature=_signed(fields)).status == 403


def test_a_field_that_moves_into_the_id_makes_no_other_message(channel: TextChannel) -> None:
    """The signature is the same: names and values are signed without anything between them."""
    fields = form("My back hurts", "+15551230001")
    merged = {name: value for name, value in fields.items() if name != "NumMedia"}
    merged["MessageSid"] += "NumMedia0"
    assert _signed(merged) == _signed(fields)
    assert channel.call(merged, signature=_signed(fields)).status == 403
    for name in ("MessageSid", "From"):
        assert channel.call(fields | {name: ""}).status == 403
