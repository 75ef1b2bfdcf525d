"""A family's text messages: two threads, a session each, and the clinic's answer on its way back.

It is played on a service with the policy `thread`, with numbers that nobody has.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from fhir.resources.R4B.communication import Communication
from fhir.resources.R4B.encounter import Encounter

from shared.local import examples
from shared.local.conversation import Conversation
from shared.rules import channels

MARGE, HOMER = "+15551230001", "+15551230002"
ANSWER = "Please send a photo, and keep it dry."


def play(
    talk: Conversation,
    account: str,
    send: Callable[[str, str], object],
    carried: Sequence[dict[str, Any]],
) -> None:
    """Play it. Raises UnexpectedResponse at the first that is not as it should be.

    `send` has a text message come in from a number, for the account that is named; `carried` is
    what its provider has been asked to send.
    """
    patients = _directory(talk)
    send(MARGE, "Bart has a rash")
    send(MARGE, "Lisa has it too")
    thread, received = _thread(talk, account, MARGE, messages=2)
    session = talk.follow(thread.encounter, Encounter)
    talk.check("no subject", session.subject is None)
    encounters = talk.await_matches(f"Encounter?part-of=Encounter/{session.id}", 2)
    talk.check("an encounter for each", sorted(_subjects(encounters)) == sorted(patients[:2]))
    talk.check("a message about each", _subjects(received) == patients[:2])
    send(HOMER, "My back hurts")
    homers, _ = _thread(talk, account, HOMER, messages=1)
    other = talk.follow(homers.encounter, Encounter)
    talk.check("another session", other.id != session.id)
    talk.check("its subject", _subjects([other]) == patients[2:])
    _answer(talk, thread, carried)


def _subjects(resources: Iterable[Communication | Encounter]) -> list[str]:
    return [resource.subject.reference or "" for resource in resources if resource.subject]


def _directory(talk: Conversation) -> list[str]:
    """Store the family, and return the references of Bart, Lisa and Homer."""
    bart, lisa = (talk.create(examples.patient(name)) for name in ("Bart", "Lisa"))
    homer = talk.create(examples.patient("Homer", HOMER))
    mothers = [talk.create(examples.mother(child, MARGE)) for child in (bart, lisa)]
    talk.create(examples.patient("Marge", links=mothers))
    return [f"Patient/{patient.id}" for patient in (bart, lisa, homer)]


def _thread(
    talk: Conversation, account: str, number: str, messages: int
) -> tuple[Communication, list[Communication]]:
    """Return the thread with a number once it has so many messages, with these."""
    identifier = f"{channels.system(account)}|{channels.thread_value(number)}"
    query = f"Communication?identifier={identifier}&part-of:missing=true"
    (header,) = talk.await_matches(query, 1)
    part_of = f"Communication?part-of=Communication/{header.id}&_sort=sent"
    received = talk.await_matches(part_of, messages)
    return talk.read(header), received


def _answer(talk: Conversation, thread: Communication, carried: Sequence[dict[str, Any]]) -> None:
    """Let the clinic answer, and follow the text message until it has been delivered."""
    answer = talk.create(examples.answer(thread, examples.ALICE, ANSWER))
    delivered = f"Communication?_id={answer.id}&status=completed"
    (completed,) = talk.await_matches(delivered, 1)
    talk.check("the time of delivery", completed.received is not None)
    (sent,) = carried
    talk.check("the text message", (sent["to"], sent["body"]) == (MARGE, ANSWER))
