"""The webhooks of text messages: checked by their signature, and queued to be processed."""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from shared.channels import accounts
from shared.channels.inbound import twilio
from shared.channels.inbound.twilio import Field
from shared.errors import Forbidden, NotFound
from shared.fhir import fhirjson, instants
from shared.store import channel_queues

if TYPE_CHECKING:  # see accounts.py
    from shared.channels.account_models import TwilioAccount

# Twilio signs names and values without anything between them. Whoever has a signed request can move
# a field into the value before it, so that the id of an old message would look like a new one.
_ID = re.compile("(SM|MM)[0-9a-f]{32}")
MESSAGE, STATUS = "message", "status"
# What is of no account is compared with this, so that it takes as long as a wrong signature.
_NO_TOKEN = "-"  # noqa: S105 - it is none


def accept(kind: str, account_name: str, url: str, fields: Sequence[Field], signature: str) -> None:
    """Queue what Twilio says of a message: that it came in, or what became of it.

    `url` is the one that Twilio called. Raises NotFound if there is no such account, and Forbidden
    unless the request is signed with its token and is about a message of its number.
    """
    account = _signer(account_name, url, fields, signature)
    said = dict(fields)
    if not _is_of(account, kind, said):
        raise Forbidden("The request is about no message of the account")
    body = {
        "provider": account.provider,
        "kind": kind,
        "account": account.name,
        "fields": said,
        "received": instants.to_text(instants.now()),
    }
    channel_queues.send_inbound([fhirjson.dumps(body).decode()])


def _signer(name: str, url: str, fields: Sequence[Field], signature: str) -> "TwilioAccount":
    """Return the account by whose token a request is signed. A new token may not be known yet."""
    account = _account(name)
    if not _is_signed(account, url, fields, signature):
        accounts.renew()
        account = _account(name)
        if not _is_signed(account, url, fields, signature) and account:
            raise Forbidden("The signature is not that of the account")
    if account is None:
        raise NotFound("There is no such account")
    return account


def _account(name: str) -> "TwilioAccount | None":
    found = accounts.all_accounts().get(name)
    return found if found and found.provider == "twilio" else None


def _is_signed(
    account: "TwilioAccount | None", url: str, fields: Sequence[Field], signature: str
) -> bool:
    token = account.auth_token.get_secret_value() if account else _NO_TOKEN
    return twilio.is_signed(token, url, fields, signature) and account is not None


def _is_of(account: "TwilioAccount", kind: str, said: Mapping[str, str]) -> bool:
    """Return whether a request is about an account; a message also needs its number and an id."""
    if said.get("AccountSid") != account.account_sid:
        return False
    is_message = said.get("To") == account.number and bool(said.get("From"))
    return kind == STATUS or (is_message and bool(_ID.fullmatch(said.get("MessageSid", ""))))
