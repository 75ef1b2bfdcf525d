"""The walkthrough: a session with a thread, a family's session, searching, finishing, taking back.

Plays over HTTP against any base URL, also one with other data, and goes by that service's clock.
Everybody in it is invented.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from shared.local import examples
from shared.local.conversation import Conversation

Resource = dict[str, Any]

CLOSING_SECONDS = 30


def play(talk: Conversation, *, others: bool) -> None:
    """Play all of it, stopping with Unexpected at the first answer that is not as it should be.

    `others` says that the server may have Encounters from elsewhere.
    """
    visit = talk.create(examples.session())
    thread, messages = _thread(talk)
    linked = talk.patch(thread, examples.link(visit))
    talk.hold("the link", linked["encounter"] == {"reference": f"Encounter/{visit['id']}"})
    family, children = _family(talk)
    _search_encounters(talk, visit, [family, *children], others=others)
    _search_communications(talk, visit, thread, messages)
    _finish(talk, visit)
    _take_back(talk, visit, thread)


def _thread(talk: Conversation) -> tuple[Resource, list[Resource]]:
    thread = talk.create(examples.header())
    return thread, [
        talk.create(examples.message(thread, examples.HOMER, 0, "My back hurts again.")),
        talk.create(examples.message(thread, examples.HOMER, 1, "A photo:", examples.photo())),
        talk.create(examples.message(thread, examples.MARGE, 2, "He has not slept.")),
    ]


def _family(talk: Conversation) -> tuple[Resource, list[Resource]]:
    family = talk.create(examples.family_session())
    return family, [
        talk.create(examples.medical_encounter(family, "Patient/bart-simpson", "38341003")),
        talk.create(examples.medical_encounter(family, "Patient/lisa-simpson")),
    ]


def _search_encounters(
    talk: Conversation, visit: Resource, family: list[Resource], *, others: bool
) -> None:
    session, *children = family
    talk.search(f"Encounter?class={examples.VIRTUAL}", [visit, *family], others=others)
    talk.search(f"Encounter?part-of=Encounter/{session['id']}", children)
    talk.search("Encounter?patient=Patient/homer-simpson&_sort=-date", [visit], others=others)


def _search_communications(
    talk: Conversation, visit: Resource, thread: Resource, messages: list[Resource]
) -> None:
    encounter, header = f"Encounter/{visit['id']}", f"Communication/{thread['id']}"
    talk.search(f"Communication?encounter={encounter}&part-of:missing=true", [thread])
    # Those posted before the link too.
    talk.search(f"Communication?session={encounter}", messages)
    found = talk.search(f"Communication?part-of={header}&_sort=sent", messages)
    sent = [one["sent"] for one in messages]
    talk.hold("the order of sent", [one["sent"] for one in found] == sent)


def _finish(talk: Conversation, visit: Resource) -> None:
    # The link and the messages may have changed it meanwhile, so what is finished is read first.
    ended = talk.update(examples.finished(talk.read(visit)))
    talk.hold("status finished", ended["status"] == "finished")
    versions = talk.history(visit)
    talk.hold("the newest version first", versions[0] == ended)
    talk.hold("the first version last", versions[-1] == visit)


def _take_back(talk: Conversation, visit: Resource, thread: Resource) -> None:
    """Mark a record as an error, which administrators alone could delete, and delete a draft."""
    marked = talk.patch(visit, examples.entered_in_error())
    talk.hold("status entered-in-error", marked["status"] == "entered-in-error")
    draft = talk.create(examples.draft(thread, examples.ALICE, "Does it hurt at ni"))
    talk.delete(draft)
    talk.read(draft, status=410)


def closing_by_itself(talk: Conversation, run_schedule: Callable[[datetime], None]) -> None:
    """Let a message open a session, and the schedule, told that it is a day later, close it."""
    thread = talk.create(examples.header() | examples.policy("thread"))
    messages = [
        talk.create(examples.message(thread, examples.HOMER, 0, "It is gone.")),
        talk.create(examples.message(thread, examples.ALICE, 5, "Good to hear.")),
    ]
    session = {
        "resourceType": "Encounter",
        "id": talk.read(thread)["encounter"]["reference"].removeprefix("Encounter/"),
    }
    opened = talk.read(session)
    talk.hold("status in-progress", opened["status"] == "in-progress")
    run_schedule(examples.written_at(opened) + timedelta(days=1, minutes=1))
    closed = _when_closed(talk, session)
    talk.hold("status finished", closed["status"] == "finished")
    talk.hold("a length of five minutes", closed["length"]["value"] == 5)  # noqa: PLR2004 - as said
    talk.search(f"Communication?session=Encounter/{session['id']}", messages)


def _when_closed(talk: Conversation, session: Resource) -> Resource:
    """Read a session every second until it has been closed, or for too long."""
    deadline = time.monotonic() + CLOSING_SECONDS
    while True:
        found = talk.read(session)
        if found["status"] == "finished" or time.monotonic() > deadline:
            return found
        time.sleep(1)
