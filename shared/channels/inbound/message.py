"""A text message or e-mail as it came in, whatever its provider."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # see accounts.py
    from shared.channels.account_models import Account

# Short codes and names that send text messages are no numbers; a thread's identifier has neither
# spaces nor slashes in them.
_NOT_OF_CONTACT = re.compile(r"[^+\w.-]")
_NOBODY = "unknown"


def contact(sender: str) -> str:
    """Return what a text message came from: a number (E.164), a short code or a name."""
    return _NOT_OF_CONTACT.sub("", sender) or _NOBODY


@dataclass(frozen=True, slots=True)
class File:
    """A file that came with a message: its bytes, or the provider's URL for them."""

    content_type: str
    name: str = ""
    content: bytes = b""
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundMessage:
    """A message that came in for an account.

    `contact` is the number (E.164) or address (in lower case) that it came from, `id` what the
    provider calls it, the same in every delivery. An e-mail also has a topic, the ids of the mails
    that it answers, nearest first, and the thread that the address it was sent to names by its
    token; `is_proven` says whether its sender is. If not, `claimed_id` is the id that it has
    itself: good enough to answer to, but not to know it by.
    """

    account: "Account"
    contact: str
    id: str
    text: str
    sent: datetime
    received: datetime
    files: tuple[File, ...] = ()
    topic: str = ""
    answers: tuple[str, ...] = ()
    named_thread: str = ""
    is_proven: bool = True
    claimed_id: str = ""
