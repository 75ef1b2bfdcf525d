"""A text message or e-mail as it goes out, and what a provider makes of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.rules.deliveries import Failure
from shared.store.records import StoredFile

if TYPE_CHECKING:  # see accounts.py
    from shared.channels.account_models import Account


@dataclass(frozen=True, slots=True)
class OutboundFile:
    """A file that is sent with a message: by a URL, or with its `content` if that is read."""

    name: str
    content_type: str
    stored: StoredFile
    content: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboundMessage:
    """A message that is sent by an account to a contact.

    `id` and `thread` are those of the message and its header. An e-mail `answers` mails, by their
    ids, the oldest first.
    """

    account: "Account"
    id: str
    thread: str
    contact: str
    text: str
    files: tuple[OutboundFile, ...] = ()
    answers: tuple[str, ...] = ()


# Calls a provider, which returns its id of a message. Raises NotSent, Refused and OutcomeUnknown.
type Call = Callable[[], str]


class NotSent(Exception):
    """A provider has not taken a message, and may take it later; the text says why."""


class OutcomeUnknown(Exception):
    """A provider may or may not have taken a message."""


class Refused(Exception):
    """A provider does not take a message. `is_opt_out` says that the contact does not want any."""

    def __init__(self, failure: Failure, *, is_opt_out: bool = False) -> None:
        """Say why."""
        super().__init__(failure.text)
        self.failure, self.is_opt_out = failure, is_opt_out
