"""Threads and messages of channels: what their resources say about account, contact and consent."""

from collections.abc import Iterator
from typing import NamedTuple

from shared.catalog.channels import (
    CLAIMED_SYSTEM,
    IDENTIFIER_SYSTEM,
    MEDIUM_TEXTS,
    OPT_OUT_PATH,
    PARTICIPATION_MODE,
)
from shared.errors import BusinessRule
from shared.fhir import references
from shared.fhir.fhirjson import Resource

# A message of this status has been sent by whoever wrote it, and is to be carried to the contact.
SENT = "in-progress"
# Senders who are at the contact's end of a thread, or write in the application itself.
_CONTACT_TYPES = frozenset({"Patient", "RelatedPerson"})
# Between the contact of an e-mail thread and what tells it from others with the same contact.
_SEPARATOR = "/"
_SCHEMES = _NUMBER, _MAIL = "tel", "mailto"


class Conversation(NamedTuple):
    """The account of a thread, and the contact at its other end: a number or an address."""

    account: str
    contact: str


def system(account: str) -> str:
    """Return the system of the identifiers of an account's threads and messages."""
    return f"{IDENTIFIER_SYSTEM}{account}"


def identifier(account: str, value: str) -> Resource:
    """Return an identifier of an account."""
    return {"system": system(account), "value": value}


def claimed_identifier(mail_id: str) -> Resource:
    """Return the identifier of the Message-ID of an e-mail whose sender is not proven."""
    return {"system": CLAIMED_SYSTEM, "value": mail_id}


def mail_id(message: Resource, account: str) -> str:
    """Return the Message-ID of an account's e-mail as its sender knows it, empty if it has none."""
    ids = [value for name, value in account_identifiers(message) if name == account]
    elements = message.get("identifier", ())
    claimed = [one.get("value") for one in elements if one.get("system") == CLAIMED_SYSTEM]
    return next(iter((*claimed, *ids)), "") if ids else ""


def thread_value(contact: str, distinction: str = "") -> str:
    """Return the value of a thread's identifier. Of a number's threads the current has no more."""
    return f"{contact}{_SEPARATOR}{distinction}" if distinction else contact


def account_identifiers(resource: Resource) -> Iterator[tuple[str, str]]:
    """Yield account and value of each identifier of a channel that a resource has."""
    for element in resource.get("identifier", ()):
        prefix, found, account = str(element.get("system", "")).partition(IDENTIFIER_SYSTEM)
        if found and not prefix and account and "value" in element:
            yield account, element["value"]


def conversation(header: Resource) -> Conversation | None:
    """Return the conversation that a header stands for; None if its thread is of no channel."""
    for account, value in account_identifiers(header):
        contact = value.rpartition(_SEPARATOR)[0] or value
        return Conversation(account, contact.lower() if "@" in contact else contact)
    return None


def is_carried(message: Resource) -> bool:
    """Return whether a provider has carried a message, in or out: it has the provider's id."""
    return any(account_identifiers(message))


def is_to_be_sent(header: Resource, message: Resource) -> bool:
    """Return whether a message is to be sent to the contact of its thread.

    Those of the thread's contact, and those of patients and related persons, are not.
    """
    thread = conversation(header)
    is_new = message.get("status") == SENT and not is_carried(message)
    return thread is not None and is_new and not _is_by_contact(thread, message.get("sender", {}))


def _is_by_contact(thread: Conversation, sender: Resource) -> bool:
    if references.type_of(sender.get("reference")) in _CONTACT_TYPES:
        return True
    return contact_of(sender) == thread.contact


def is_followed(header: Resource) -> bool:
    """Return whether a thread of text messages is not the current one of its number any more.

    Then another thread is, perhaps with somebody else who has the number now.
    """
    values = dict(account_identifiers(header)).values()
    return any("@" not in value and _SEPARATOR in value for value in values)


def is_with(header: Resource, contact: str) -> bool:
    """Return whether a thread is the one of a contact."""
    found = conversation(header)
    return found is not None and found.contact == contact


def contact_reference(contact: str) -> Resource:
    """Return the logical reference to whoever has a number or address."""
    scheme = _MAIL if "@" in contact else _NUMBER
    return {"identifier": {"system": "urn:ietf:rfc:3986", "value": f"{scheme}:{contact}"}}


def contact_of(element: Resource | None) -> str:
    """Return the contact that a logical reference names, empty if it names none."""
    scheme, _, contact = str((element or {}).get("identifier", {}).get("value", "")).partition(":")
    return contact if scheme in _SCHEMES else ""


def medium(code: str) -> list[Resource]:
    """Return the `medium` of a thread or message."""
    coding = {"system": PARTICIPATION_MODE, "code": code, "display": MEDIUM_TEXTS[code]}
    return [{"coding": [coding]}]


def is_sms(conversation: Conversation) -> bool:
    """Return whether a conversation is by text messages."""
    return "@" not in conversation.contact


def opted_out_at(header: Resource) -> str:
    """Return since when the contact does not want to be written to; empty if they do."""
    for extension in header.get("extension", ()):
        if _is_opt_out(extension):
            return str(extension.get("valueDateTime", ""))
    return ""


def with_opt_out(header: Resource, url: str, at: str) -> Resource:
    """Return a header whose contact opted out at an instant, or with an empty one opted in."""
    return _with_opt_outs(header, [{"url": url, "valueDateTime": at}] if at else [])


def with_kept_opt_out(before: Resource, after: Resource) -> Resource:
    """Return a header with its stored opt-out, which a client that read it earlier leaves out."""
    stored = [extension for extension in before.get("extension", ()) if _is_opt_out(extension)]
    return _with_opt_outs(after, stored) if stored else after


def _with_opt_outs(header: Resource, opt_outs: list[Resource]) -> Resource:
    others = [one for one in header.get("extension", ()) if not _is_opt_out(one)]
    extensions = [*others, *opt_outs]
    rest = {name: value for name, value in header.items() if name != "extension"}
    return rest | ({"extension": extensions} if extensions else {})


def _is_opt_out(extension: Resource) -> bool:
    return str(extension.get("url", "")).endswith(OPT_OUT_PATH)


def check_consent(header: Resource, before: Resource, after: Resource) -> None:
    """Raise BusinessRule if a write sends a message to a contact who does not want any.

    The same holds for a thread that was followed by another one: its number may be anybody's. A
    draft may be written, and what has been posted before may be changed.
    """
    if not is_to_be_sent(header, after) or is_to_be_sent(header, before):
        return
    if is_followed(header):
        raise BusinessRule(
            "Another thread has followed this one, perhaps with somebody else",
            expression="Communication.partOf",
            diagnostics="Write into the thread that has the number alone as its identifier",
        )
    if at := opted_out_at(header):
        raise BusinessRule(
            "The person does not want to be written to in this way",
            expression="Communication.partOf",
            diagnostics=f"They opted out, or could not be reached for good, at {at}. Reach them in "
            "another way, or PATCH the extension channel-opt-out away once they agree",
        )
