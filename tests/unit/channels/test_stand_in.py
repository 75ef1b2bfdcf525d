"""Twilio's stand-in on this machine leaves nothing behind."""

from shared.channels.account_models import TwilioAccount
from shared.local import twilio

ACCOUNT = TwilioAccount.model_validate(
    {
        "provider": "twilio",
        "number": "+15551230000",
        "recipient": "Organization/clinic",
        "account_sid": f"AC{'0' * 32}",
        "auth_token": "a-token-of-tests",
    }
)
UNREACHABLE = "http://127.0.0.1:9/"


def test_a_callback_that_is_still_to_come_is_not_made_after_the_end() -> None:
    with twilio.run(ACCOUNT, tell=lambda _: None) as provider:
        text = [("From", ACCOUNT.number), ("To", "+15551230001"), ("StatusCallback", UNREACHABLE)]
        provider.send(text)
    (caller,) = provider._callers
    assert not caller.is_alive()
    assert provider.messages[0]["status"] == "queued"
