"""Twilio's webhooks: their signature, and the text message that one brings.

https://www.twilio.com/docs/usage/security#validating-requests
https://www.twilio.com/docs/messaging/guides/webhook-request
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from shared.channels.inbound.message import File, InboundMessage, contact
from shared.rules import files

if TYPE_CHECKING:  # see accounts.py
    from shared.channels.account_models import TwilioAccount

type Field = tuple[str, str]

_PORTS = {"https": 443, "http": 80}
# Twilio's own limit.
_MOST_FILES = 10


def signature(token: str, url: str, fields: Iterable[Field]) -> str:
    """Return the signature of a request: of its URL, and of its form's fields in order."""
    text = url + "".join(name + value for name, value in sorted(set(fields)))
    digest = hmac.new(token.encode(), text.encode(errors="surrogatepass"), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


def is_signed(token: str, url: str, fields: Iterable[Field], given: str) -> bool:
    """Return whether a request has its signature. Twilio signs URLs with and without their port."""
    known = [*fields]
    found = [
        hmac.compare_digest(signature(token, one, known).encode(), given.encode(errors="replace"))
        for one in _with_and_without_port(url)
    ]
    return any(found)


def _with_and_without_port(url: str) -> Iterator[str]:
    parts = urlsplit(url)
    host = parts.netloc.rpartition(":")[0] if parts.port else parts.netloc
    yield _with_host(parts, host)
    yield _with_host(parts, f"{host}:{parts.port or _PORTS.get(parts.scheme, 80)}")


def _with_host(parts: SplitResult, host: str) -> str:
    return parts._replace(netloc=host).geturl()


def inbound_message(
    account: "TwilioAccount", fields: Mapping[str, str], received: datetime
) -> InboundMessage:
    """Return the text message of a webhook, which does not say when it was sent."""
    return InboundMessage(
        account=account,
        contact=contact(fields["From"]),
        id=fields["MessageSid"],
        text=fields.get("Body", ""),
        sent=received,
        received=received,
        files=tuple(_files(fields)),
    )


def _files(fields: Mapping[str, str]) -> Iterator[File]:
    for number in range(_MOST_FILES):
        if url := fields.get(f"MediaUrl{number}"):
            declared = fields.get(f"MediaContentType{number}", "")
            is_valid = files.is_content_type(declared)
            yield File(declared if is_valid else files.UNKNOWN_TYPE, url=url)
