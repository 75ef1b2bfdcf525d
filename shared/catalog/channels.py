"""Channels: text messages and e-mails that come and go by a provider, each by an account.

What identifies them in resources, so that parsing, access and documents agree.
"""

from typing import NamedTuple

# The system of the identifiers of an account's threads and messages, with the account's name. A
# thread's value begins with the contact: the number or address at the other end. A message's is
# the provider's own id; an e-mail's is its Message-ID, without the angle brackets.
IDENTIFIER_SYSTEM = "urn:async-encounters:channel:"
# The system of the Message-ID that an e-mail of an unproven sender has itself. Answers name it, but
# nothing is found by it.
CLAIMED_SYSTEM = "urn:async-encounters:channel-claimed-id"
# The end of the URL of the extension that says since when the person at the other end of a thread
# does not want to be written to. The server's base is before it.
OPT_OUT_PATH = "/StructureDefinition/channel-opt-out"
# The same of the extension that names the person whom staff have said to be at the other end.
MATCH_PATH = "/StructureDefinition/channel-match"

PARTICIPATION_MODE = "http://terminology.hl7.org/CodeSystem/v3-ParticipationMode"
SMS, EMAIL = "SMSWRIT", "EMAILWRIT"
MEDIUM_TEXTS = {SMS: "text message", EMAIL: "e-mail"}


class TaskCode(NamedTuple):
    """A reason for which staff are asked to look at a thread, as a Task's code and text."""

    code: str
    text: str


TASK_SYSTEM = "urn:async-encounters:channel-task"
MATCH_SENDER = TaskCode("match-sender", "Say who wrote this")
NAME_SUBJECT = TaskCode("name-subject", "Say which patient this is about")
VERIFY_SENDER = TaskCode("verify-sender", "Check who wrote this e-mail: its sender is not proven")
NOT_DELIVERED = TaskCode("not-delivered", "Reach the person in another way: a message failed")
DELIVERY_UNKNOWN = TaskCode("delivery-unknown", "Find out whether a message was sent")
