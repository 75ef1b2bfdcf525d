"""Reading receipts from what providers send.

https://www.twilio.com/docs/messaging/guides/outbound-message-status-in-status-callbacks
https://docs.aws.amazon.com/sms-voice/latest/userguide/configuration-sets-event-format.html
https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shared.channels import accounts
from shared.channels.outbound import aws_sms, ses, twilio
from shared.channels.outbound.receipts import Receipt
from shared.fhir import instants
from shared.rules.deliveries import UNAVAILABLE, Failure

type Json = Mapping[str, Any]

# Of an event about text messages that is not final, another one follows.
_FINAL = "isFinal"
_CAME_IN = "Received"
_PERMANENT, _SUPPRESSED = "Permanent", "OnAccountSuppressionList"


def receipt_of_twilio(
    account: str, fields: Mapping[str, str], received: datetime
) -> Receipt | None:
    """Return the receipt that the fields of a status webhook are, None of any other webhook."""
    status, sid = fields.get("MessageStatus", ""), fields.get("MessageSid", "")
    if not (status and sid):
        return None
    code = fields.get("ErrorCode", "")
    is_failed = status in twilio.FAILED
    return Receipt(
        account=account,
        id=sid,
        at=received,
        received=received,
        is_delivered=status in twilio.DELIVERED,
        failure=twilio.failure(code) if is_failed else None,
        is_opt_out=is_failed and code == twilio.OPTED_OUT,
    )


def receipt_of_aws_sms(event: Json, received: datetime) -> Receipt | None:
    """Return the receipt that an event of AWS End User Messaging is.

    None if it is about a message that no account has sent.
    """
    kind, context = str(event.get("eventType", "")), event.get("context") or {}
    if aws_sms.ACCOUNT not in context or "messageId" not in event:
        return None
    is_final, at = event.get(_FINAL, True), event.get("eventTimestamp")
    return Receipt(
        account=str(context[aws_sms.ACCOUNT]),
        message=str(context.get(aws_sms.MESSAGE, "")),
        id=str(event["messageId"]),
        at=instants.from_nanoseconds(int(at) * instants.MILLISECOND) if at else received,
        received=received,
        is_delivered=is_final and kind in aws_sms.DELIVERED,
        failure=aws_sms.failure(kind) if is_final and kind in aws_sms.FAILED else None,
    )


def receipt_of_ses(event: Json, received: datetime) -> Receipt | None:
    """Return the receipt that an event of SES is, or a notification about an address of its.

    None if it is about an e-mail that no account has sent.
    """
    mail = event.get("mail") or {}
    tags = {name: str(values[0]) for name, values in mail.get("tags", {}).items() if values}
    account = tags.get(ses.ACCOUNT) or _account_of(str(mail.get("source", "")))
    kind = str(event.get("eventType") or event.get("notificationType", ""))
    if not account or "messageId" not in mail or kind == _CAME_IN:
        return None
    details = event.get(kind.lower()) or {}
    at = details.get("timestamp")
    return Receipt(
        account=account,
        message=ses.tagged_message(tags.get(ses.MESSAGE, "")),
        id=ses.message_id(str(mail["messageId"])),
        at=instants.from_text(str(at)) if at else received,
        received=received,
        is_delivered=kind == "Delivery",
        failure=_mail_failure(kind, details),
        is_opt_out=kind == "Complaint" or _is_permanent(kind, details),
    )


def _account_of(source: str) -> str:
    """Return the name of the account that sends from an address. Notifications have no tags."""
    for name, account in accounts.all_accounts().items():
        if account.provider == "ses" and account.address.lower() == source.lower():
            return name
    return ""


def _is_permanent(kind: str, details: Json) -> bool:
    return kind == "Bounce" and details.get("bounceType") == _PERMANENT


def _mail_failure(kind: str, details: Json) -> Failure | None:
    """Return why an e-mail did not arrive, None if it may have arrived."""
    if kind == "Reject":
        return ses.failure("Reject", "SES found malware in the e-mail")
    if kind == "Complaint" and details.get("complaintSubType") == _SUPPRESSED:
        return ses.failure(_SUPPRESSED, "The person has reported an earlier e-mail as unwanted")
    if kind != "Bounce":
        return None
    code = f"{details.get('bounceType')}/{details.get('bounceSubType')}"
    if _is_permanent(kind, details):
        return Failure(UNAVAILABLE, "The address takes no e-mails", ses.CODES, code)
    # An answer such as "I am on holiday" is a bounce, too, in which no recipient has failed.
    recipients = details.get("bouncedRecipients", ())
    if any(recipient.get("action") == "failed" for recipient in recipients):
        return Failure(UNAVAILABLE, "The mail server did not take the e-mail", ses.CODES, code)
    return None
