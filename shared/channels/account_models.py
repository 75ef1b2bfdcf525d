"""The models of accounts of channels: a provider, a number or address, and how it is used.

They are one secret of AWS Secrets Manager, as JSON: `{"accounts": {"<name>": {"provider": ...}}}`.
"""

from datetime import time
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    HttpUrl,
    SecretStr,
    StringConstraints,
    field_validator,
    model_validator,
)

from shared.access.caller import DEFAULT_TENANT

E164 = Annotated[str, StringConstraints(pattern=r"^\+[1-9][0-9]{6,14}$")]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,40}$")]
# 16 characters at random are as hard to guess as what they sign.
ThreadKey = Annotated[SecretStr, Field(min_length=16)]
# Those in which mail-parser-reply knows how mail programs introduce what they quote.
Language = Literal["cs", "da", "de", "en", "es", "fr", "it", "ja", "ko", "nl", "pl", "sv", "zh"]


class QuietHours(BaseModel):
    """The local hours in which nothing is sent: from `begin` until `end`, perhaps past midnight."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    begin: time
    end: time
    zone: str

    @field_validator("zone")
    @classmethod
    def _exists(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, OSError):
            raise ValueError("there is no such zone") from None
        return value


class _Account(BaseModel):
    """The settings that accounts of all providers share.

    `recipient` is whom what comes in is addressed to, such as `Organization/clinic`.
    `completed_threads` says what becomes of a completed thread that is written to: it is reopened,
    or followed by a new one. With `link_only` nothing but `notice` and the portal's URL is sent.
    `first_notice` is added to the first message that is sent in a thread.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    name: Name = ""
    tenant: str = DEFAULT_TENANT
    recipient: str = Field(pattern="^(Organization|CareTeam|PractitionerRole|Practitioner)/[^/]+$")
    completed_threads: Literal["reopen", "follow"] = "reopen"
    messages_per_hour: int = Field(default=60, ge=1)
    quiet_hours: QuietHours | None = None
    first_notice: str = ""
    link_only: bool = False
    notice: str = "You have a message from your clinic:"
    portal_url: HttpUrl | None = None

    @model_validator(mode="after")
    def _has_a_link(self) -> Self:
        if self.link_only and self.portal_url is None:
            raise ValueError("link_only needs portal_url")
        return self


class _SmsAccount(_Account):
    """The settings of accounts of text messages. Their words add to the English keywords."""

    number: E164
    stop_words: frozenset[str] = frozenset()
    start_words: frozenset[str] = frozenset()
    help_words: frozenset[str] = frozenset()
    help_text: str = "Reply STOP to receive no more messages. In an emergency, call 911."


class TwilioAccount(_SmsAccount):
    """A number at Twilio. Its webhooks are signed with the account's token."""

    provider: Literal["twilio"]
    account_sid: str = Field(pattern="^AC[0-9a-f]{32}$")
    auth_token: SecretStr


class AwsSmsAccount(_SmsAccount):
    """A number of AWS End User Messaging. What comes in, and what became of messages, is SNS's."""

    provider: Literal["aws-sms"]
    configuration_set: str = ""


class MailAccount(_Account):
    """An address that Amazon SES receives mail for, and sends from.

    `thread_key` signs the addresses that name a thread. Addresses that older keys signed are taken
    as long as these are among `old_thread_keys`. Quoted history is recognized in `languages`.
    """

    provider: Literal["ses"]
    address: str = Field(pattern=r"^[^@\s+]+@[^@\s]+$")
    thread_key: ThreadKey
    old_thread_keys: tuple[ThreadKey, ...] = ()
    languages: frozenset[Language] = frozenset({"en"})
    configuration_set: str = ""
    subject: str = "A message from your clinic"


type SmsAccount = TwilioAccount | AwsSmsAccount
type Account = TwilioAccount | AwsSmsAccount | MailAccount


class Accounts(BaseModel):
    """The content of the deployment's secret."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    accounts: dict[Name, Annotated[Account, Field(discriminator="provider")]]

    @field_validator("accounts")
    @classmethod
    def _are_told_apart(cls, value: dict[Name, Account]) -> dict[Name, Account]:
        """Refuse a number or address that two accounts have: what comes in is of one."""
        own = [
            one.address.lower() if one.provider == "ses" else one.number for one in value.values()
        ]
        if len(own) > len(set(own)):
            raise ValueError("two accounts have one number or address")
        return value
