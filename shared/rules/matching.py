"""What becomes of a channel's thread and its messages once staff have said who has written them."""

from dataclasses import dataclass
from typing import Any

from shared.catalog.channels import MATCH_PATH
from shared.fhir import references
from shared.fhir.fhirjson import Resource
from shared.rules import channels, correspondents
from shared.rules.channels import Conversation
from shared.rules.correspondents import Person

_UNVERIFIED, _SENT = "on-hold", "in-progress"


@dataclass(frozen=True, slots=True)
class Match:
    """What staff have said: the record of the person, and whom the thread is about.

    `subject` is empty if they did not say that.
    """

    conversation: Conversation
    person: Person
    reference: str
    subject: str = ""


def header(before: Resource, match: Match, extension_url: str) -> Resource:
    """Return a header with the person in place of the contact, or of whom it was put to before."""
    replaced = {*correspondents.people_of(before)} - {match.reference}
    unknown = channels.contact_reference(match.conversation.contact)

    def put(element: Resource) -> Resource:
        is_contact = element == unknown or references.comparable_reference(element) in replaced
        return {"reference": match.reference} if is_contact else element

    people: dict[str, Any] = {"recipient": _once([put(one) for one in before.get("recipient", ())])}
    if "sender" in before:
        people["sender"] = put(before["sender"])
    others = [
        extension
        for extension in before.get("extension", ())
        if not str(extension.get("url", "")).endswith(MATCH_PATH)
    ]
    said = {"url": extension_url, "valueReference": {"reference": match.reference}}
    after = before | {name: value for name, value in people.items() if value}
    return _about(after, match, match.subject) | {"extension": [*others, said]}


def _once(elements: list[Resource]) -> list[Resource]:
    return [one for index, one in enumerate(elements) if one not in elements[:index]]


def is_from_contact(message: Resource, conversation: Conversation) -> bool:
    """Return whether a message came in by a conversation's channel."""
    accounts = {account for account, _ in channels.account_identifiers(message)}
    sender = message.get("sender")
    is_contacts = sender == channels.contact_reference(conversation.contact)
    is_persons = bool(correspondents.people_of({"sender": sender}))
    return conversation.account in accounts and (is_contacts or is_persons)


def message(before: Resource, match: Match, thread_subject: str, named: str) -> Resource:
    """Return a message of the contact as the person's.

    `named` is the patient whom its text names, `thread_subject` the one that its thread is about.
    """
    about = _about(before, match, named or thread_subject)
    subject = references.comparable_reference(about.get("subject"))
    usual = references.comparable_reference(before.get("sender"))
    is_theirs = match.person.has(usual)
    reference = match.person.reference(subject, usual=usual if is_theirs else match.reference)
    status = _SENT if before["status"] == _UNVERIFIED else before["status"]
    return about | {"sender": {"reference": reference}, "status": status}


def _about(before: Resource, match: Match, subject: str) -> Resource:
    """Return a Communication about a patient; about somebody else's patient it is no longer."""
    present = references.comparable_reference(before.get("subject"))
    only = next(iter(match.person.subjects)) if len(match.person.subjects) == 1 else ""
    is_kept = present in match.person.subjects or (present and present == match.subject)
    wanted = match.subject or (present if is_kept else subject or only)
    if not wanted:
        return {name: value for name, value in before.items() if name != "subject"}
    return before if wanted == present else before | {"subject": {"reference": wanted}}
