"""The accounts of text messages and e-mail that `serve --channels` has, in the emulator."""

import json
import secrets
from typing import Any

from botocore.exceptions import ClientError

from shared.channels.account_models import MailAccount, TwilioAccount
from shared.channels.accounts import of_text
from shared.local.emulator import Emulator, StartError

NAME = "async-encounters/channels"
SMS, MAIL = "clinic-sms", "clinic-mail"
DOMAIN = "clinic.example"


def begin(running: Emulator) -> dict[str, str]:
    """Store the accounts unless an earlier start has, and return the parameters that name them."""
    running.client("sesv2").create_email_identity(EmailIdentity=DOMAIN)
    return {"ChannelsSecretArn": _store(running), "MailRecipients": DOMAIN}


def _store(running: Emulator) -> str:
    manager = running.client("secretsmanager")
    try:
        arn: str = manager.create_secret(Name=NAME, SecretString=json.dumps(_accounts()))["ARN"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceExistsException":
            raise
        arn = manager.describe_secret(SecretId=NAME)["ARN"]
    return arn


def _accounts() -> dict[str, Any]:
    clinic = {"recipient": "Organization/clinic"}
    sms = {
        "provider": "twilio",
        "number": "+15551230000",
        "account_sid": f"AC{secrets.token_hex(16)}",
        "auth_token": secrets.token_hex(16),
    }
    mail = {
        "provider": "ses",
        "address": f"care@{DOMAIN}",
        "thread_key": secrets.token_hex(32),
    }
    return {"accounts": {SMS: clinic | sms, MAIL: clinic | mail}}


def sms_account(running: Emulator) -> TwilioAccount:
    """Return the account of text messages. Raises StartError if `serve` has none."""
    account = of_text(_text(running))[SMS]
    if not isinstance(account, TwilioAccount):
        raise StartError(f"{SMS} is not an account of Twilio's")
    return account


def mail_account(running: Emulator) -> MailAccount:
    """Return the account of e-mail. Raises StartError if `serve` has none."""
    account = of_text(_text(running))[MAIL]
    if not isinstance(account, MailAccount):
        raise StartError(f"{MAIL} is not an account of e-mail")
    return account


def _text(running: Emulator) -> str:
    manager = running.client("secretsmanager")
    try:
        text: str = manager.get_secret_value(SecretId=NAME)["SecretString"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        raise StartError("there are no accounts: run `serve --channels`") from None
    return text
