"""Sending e-mails by Amazon SES.

https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html
"""

from email.message import EmailMessage
from email.policy import SMTP
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from shared.channels import thread_addresses
from shared.channels.outbound import aws
from shared.channels.outbound.message import Call, OutboundMessage, Refused
from shared.rules.deliveries import SYSTEM_ERROR, Failure
from shared.rules.files import UNKNOWN_TYPE
from shared.store import dynamodb

if TYPE_CHECKING:  # see accounts.py
    from shared.channels.account_models import MailAccount

# The names of the tags by which events tell which message they are about.
ACCOUNT, MESSAGE = "account", "message"
CODES = "https://docs.aws.amazon.com/ses"
# A tag may not have a dot, and an id no underscore.
_DOT, _INSTEAD = ".", "_"
_FIRST_REGION = "us-east-1"
# SES takes 7 bits only:
# https://docs.aws.amazon.com/ses/latest/dg/send-email-raw.html#send-email-mime-encoding
_POLICY = SMTP.clone(cte_type="7bit")


def call(message: OutboundMessage, account: "MailAccount") -> Call:
    """Return the call that sends an e-mail, and returns its Message-ID."""
    set_name = account.configuration_set
    send = partial(
        aws.send,
        client().send_email,
        lambda code, _: Refused(failure(code)),
        FromEmailAddress=account.address,
        Destination={"ToAddresses": [message.contact]},
        Content={"Raw": {"Data": _mail(message, account).as_bytes()}},
        EmailTags=[
            {"Name": ACCOUNT, "Value": account.name},
            {"Name": MESSAGE, "Value": message.id.replace(_DOT, _INSTEAD)},
        ],
        **({"ConfigurationSetName": set_name} if set_name else {}),
    )
    return lambda: message_id(send())


def tagged_message(tag: str) -> str:
    """Return the id of the message that a tag names."""
    return tag.replace(_INSTEAD, _DOT)


def message_id(own_id: str) -> str:
    """Return the Message-ID of an e-mail, without the angle brackets, by SES's own id of it.

    https://docs.aws.amazon.com/ses/latest/dg/send-email-concepts-email-format.html
    """
    region = client().meta.region_name
    return f"{own_id}@{'email' if region == _FIRST_REGION else region}.amazonses.com"


def failure(code: str, text: str = "SES does not take the e-mail") -> Failure:
    """Return why an e-mail did not arrive, by SES's code of it."""
    return Failure(SYSTEM_ERROR, text, CODES, code)


def _mail(message: OutboundMessage, account: "MailAccount") -> EmailMessage:
    """Return the e-mail. SES adds its Message-ID and Date."""
    mail = EmailMessage(_POLICY)
    mail["From"], mail["To"] = account.address, message.contact
    mail["Reply-To"] = thread_addresses.thread_address(account, message.thread)
    mail["Subject"] = account.subject
    if message.answers:
        mail["In-Reply-To"] = f"<{message.answers[-1]}>"
        mail["References"] = " ".join(f"<{answered}>" for answered in message.answers)
    mail.set_content(message.text)
    for file in message.files:
        main_type, _, subtype = _attachable_type(file.content_type).partition("/")
        mail.add_attachment(file.content, maintype=main_type, subtype=subtype, filename=file.name)
    return mail


def _attachable_type(content_type: str) -> str:
    """Return the type of an attachment. What contains parts may not be encoded, so it is bytes.

    https://www.rfc-editor.org/rfc/rfc2046#section-5.2.1
    """
    return UNKNOWN_TYPE if content_type.startswith(("message/", "multipart/")) else content_type


@cache
def client() -> Any:
    """Return the client of SES."""
    return dynamodb.session().create_client("sesv2", config=aws.CONFIG)
