"""Changes of a channel's thread and its messages once staff have said who has written them."""

from dataclasses import dataclass
from typing import Any

from shared.catalog.channels import MATCH_PATH
from shared.fhir import references
from shared.fhir.fhirjson import Resource
from shared.rules import channels, classification, correspondents
from shared.rules.channels import Conversation
from shared.rules.correspondents import Person

_UNVERIFIED, _SENT = "on-hold", "in-progress"


@dataclass(frozen=True, slots=True)
class Match:
    """A statement of staff: the record of the person, and whom the thread is about.

    `subject` is empty if they did not say that. `contacts` are the numbers and addresses from
    which the person writes in the thread: its own contact, and others that they have.
    """

    conversation: Conversation
    person: Person
    reference: str
    subject: str = ""
    contacts: frozenset[str] = frozenset()


def header(before: Resource, match: Match, extension_url: str) -> Resource:
    """Return a header with the person in place of the contact, or of whom it was put to before."""
    replaced = {*correspondents.people_of(before)} - {match.reference}
    person = {"reference": match.reference}

    def put(element: Resource) -> Resource:
        is_contact = channels.contact_of(element) == match.conversation.contact
        is_replaced = is_contact or references.comparable_reference(element) in replaced
        return person if is_replaced else element

    recipients = [put(one) for one in before.get("recipient", ())]
    people: dict[str, Any] = {"sender": put(before["sender"])} if "sender" in before else {}
    if person not in (people.get("sender"), *recipients):
        # Staff have begun the thread without saying with whom.
        recipients.append(person)
    others = [
        extension
        for extension in before.get("extension", ())
        if not str(extension.get("url", "")).endswith(MATCH_PATH)
    ]
    said = {"url": extension_url, "valueReference": person}
    after = before | people | ({"recipient": _once(recipients)} if recipients else {})
    return _about(after, match, match.subject) | {"extension": [*others, said]}


def _once(elements: list[Resource]) -> list[Resource]:
    return [one for index, one in enumerate(elements) if one not in elements[:index]]


def is_from_person(message: Resource, match: Match) -> bool:
    """Return whether a message came in from one of a person's contacts, or as somebody's."""
    sender = message.get("sender")
    is_theirs = channels.contact_of(sender) in match.contacts
    is_somebodys = bool(correspondents.people_of({"sender": sender}))
    return _came_in(message, match.conversation) and (is_theirs or is_somebodys)


def unknown_contact(message: Resource, conversation: Conversation) -> str:
    """Return from where a message came in that nobody is known to have written, else nothing."""
    is_retracted = message["status"] in classification.RETRACTED_STATUSES
    if is_retracted or classification.is_automatic(message):
        return ""
    return channels.contact_of(message.get("sender")) if _came_in(message, conversation) else ""


def _came_in(message: Resource, conversation: Conversation) -> bool:
    """Return whether a conversation's account has carried a message."""
    return conversation.account in {name for name, _ in channels.account_identifiers(message)}


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
