"""The verdicts of Amazon SES on a mail: whether its sender is proven, and about viruses.

https://docs.aws.amazon.com/ses/latest/dg/receiving-email-notifications-contents.html
"""

import re
from typing import Any

from shared.channels.inbound import mail_headers
from shared.channels.inbound.mail_headers import Headers

type Notification = dict[str, Any]

# What SES writes into a mail's results in its own name.
SES = "amazonses.com"
_PASS, _FAIL = "PASS", "FAIL"
# What must hold for a mail to be its sender's.
_SENDER_VERDICTS = ("spfVerdict", "dkimVerdict", "dmarcVerdict")
_PROVEN_DOMAIN = re.compile(r"dmarc=pass[^;]*header\.from=([^;\s]+)")


def is_infected(notification: Notification) -> bool:
    """Return whether SES has found a virus in a mail."""
    return _verdict(notification, "virusVerdict") == _FAIL


def is_proven(notification: Notification, headers: Headers) -> bool:
    """Return whether SES has proven that a mail is from whom its header says.

    SES must have read the same address in it: what it proves is the domain of that one.
    """
    told = mail_headers.from_pairs(
        ("from", value) for value in notification["mail"]["commonHeaders"].get("from", ())
    )
    sender = mail_headers.sender(headers)
    verdicts = {_verdict(notification, name) for name in _SENDER_VERDICTS}
    is_spam = _verdict(notification, "spamVerdict") == _FAIL
    is_same = sender == mail_headers.sender(told) and _is_of_proven_domain(headers, sender)
    return bool(sender) and is_same and verdicts == {_PASS} and not is_spam


def _is_of_proven_domain(headers: Headers, sender: str) -> bool:
    """Return whether the domain that SES writes to have proven is the sender's.

    It puts the results above whatever a sender may have written.
    """
    results = mail_headers.first(headers, "authentication-results")
    found = _PROVEN_DOMAIN.search(results) if results.startswith(SES) else None
    return found is None or found[1] == sender.rpartition("@")[2]


def _verdict(notification: Notification, name: str) -> str:
    return str(notification["receipt"].get(name, {}).get("status", ""))
