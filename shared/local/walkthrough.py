"""The walkthrough: a session with a thread, a family's session, searches, finishing, retracting.

It is played over HTTP against any base URL, also that of a server with other data, and goes by
that server's clock. Everybody in it is invented.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from fhir.resources.R4B.communication import Communication
from fhir.resources.R4B.encounter import Encounter

from shared.local import examples
from shared.local.conversation import Conversation

CLOSING_SECONDS = 30


def play(talk: Conversation, *, others: bool) -> None:
    """Play the walkthrough. Raises UnexpectedResponse at the first that is not as it should be.

    `others` is whether the server may have Encounters that are not of this walkthrough.
    """
    visit = talk.create(examples.session())
    thread, messages = _thread(talk)
    linked = talk.patch(thread, examples.link_patch(visit))
    talk.check("the link", linked.encounter == examples.reference_to(visit))
    family, children = _family(talk)
    _search_encounters(talk, visit, [family, *children], others=others)
    _search_communications(talk, visit, thread, messages)
    _finish(talk, visit)
    _take_back(talk, visit, thread)


def _thread(talk: Conversation) -> tuple[Communication, list[Communication]]:
    # The client links it, whatever the deployment's policy.
    thread = talk.create(examples.header(policy="explicit"))
    return thread, [
        talk.create(examples.message(thread, examples.HOMER, 0, "My back hurts again.")),
        talk.create(examples.message(thread, examples.HOMER, 1, "A photo:", examples.photo())),
        talk.create(examples.message(thread, examples.MARGE, 2, "He has not slept.")),
    ]


def _family(talk: Conversation) -> tuple[Encounter, list[Encounter]]:
    family = talk.create(examples.family_session())
    return family, [
        talk.create(examples.medical_encounter(family, "Patient/bart-simpson", "38341003")),
        talk.create(examples.medical_encounter(family, "Patient/lisa-simpson")),
    ]


def _search_encounters(
    talk: Conversation, visit: Encounter, family: list[Encounter], *, others: bool
) -> None:
    session, *children = family
    talk.search(f"Encounter?class={examples.VIRTUAL}", [visit, *family], others=others)
    talk.search(f"Encounter?part-of=Encounter/{session.id}", children)
    talk.search("Encounter?patient=Patient/homer-simpson&_sort=-date", [visit], others=others)


def _search_communications(
    talk: Conversation, visit: Encounter, thread: Communication, messages: list[Communication]
) -> None:
    encounter, header = f"Encounter/{visit.id}", f"Communication/{thread.id}"
    talk.search(f"Communication?encounter={encounter}&part-of:missing=true", [thread])
    # The link has adopted the messages that were posted before it.
    talk.search(f"Communication?session={encounter}", messages)
    matches = talk.search(f"Communication?part-of={header}&_sort=sent", messages)
    sent = [message.sent for message in messages]
    talk.check("the order of sent", [match.sent for match in matches] == sent)


def _finish(talk: Conversation, visit: Encounter) -> None:
    # The link and the messages may have changed the Encounter since, so it is read first.
    ended = talk.update(examples.finished_encounter(talk.read(visit)))
    talk.check("status finished", ended.status == "finished")
    versions = talk.history(visit)
    talk.check("the newest version first", versions[0] == ended)
    talk.check("the first version last", versions[-1] == visit)


def _take_back(talk: Conversation, visit: Encounter, thread: Communication) -> None:
    """Mark a session, which only administrators could delete, as an error; delete a draft."""
    marked = talk.patch(visit, examples.entered_in_error_patch())
    talk.check("status entered-in-error", marked.status == "entered-in-error")
    draft = talk.create(examples.draft(thread, examples.ALICE, "Does it hurt at ni"))
    talk.delete(draft)


def play_automatic_closing(
    talk: Conversation, run_schedule: Callable[[datetime], None]
) -> Encounter:
    """Let a message open a session, and let the schedule close it at an event time a day later.

    Return the session.
    """
    thread = talk.create(examples.header(policy="thread"))
    messages = [
        talk.create(examples.message(thread, examples.HOMER, 0, "It is gone.")),
        talk.create(examples.message(thread, examples.ALICE, 5, "Good to hear.")),
    ]
    opened = talk.follow(talk.read(thread).encounter, Encounter)
    talk.check("status in-progress", opened.status == "in-progress")
    run_schedule(examples.written_at(opened) + timedelta(days=1, minutes=1))
    closed = _when_closed(talk, opened)
    talk.check("status finished", closed.status == "finished")
    talk.check("a length of five minutes", closed.length is not None and closed.length.value == 5)  # noqa: PLR2004 - minutes of the last message
    talk.search(f"Communication?session=Encounter/{opened.id}", messages)
    return closed


def _when_closed(talk: Conversation, session: Encounter) -> Encounter:
    """Read a session every second until it has been closed, for at most CLOSING_SECONDS."""
    deadline = time.monotonic() + CLOSING_SECONDS
    while True:
        encounter = talk.read(session)
        if encounter.status == "finished" or time.monotonic() > deadline:
            return encounter
        time.sleep(1)
