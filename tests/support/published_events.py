"""Published events beside stored records: no event without its write, no write without its events.

It holds after every request: whoever has followed the events knows each version, which sessions are
open, the session of each message, and the Encounter that each thread is linked to.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from shared.events.models import (
    Event,
    MessageJoinedSession,
    ResourceDeleted,
    SessionClosed,
    SessionOpened,
    ThreadLinked,
    ThreadUnlinked,
)
from shared.rules import classification
from shared.sessions import attaching
from shared.store.records import CommunicationRecord, EncounterRecord, VersionedRecord


def check(published: Iterable[Event], records: Mapping[str, VersionedRecord]) -> None:
    """Raise AssertionError if events say something else than the records, given by reference."""
    events: dict[str, list[Event]] = defaultdict(list)
    for event in published:
        events[event.reference].append(event)
    assert events.keys() <= records.keys()
    for reference, record in records.items():
        # Events of one version are of one transaction, and in its order.
        about = sorted(events[reference], key=lambda event: event.sequence)
        _check_versions(about, record)
        if isinstance(record, EncounterRecord):
            _check_session(about, record)
        elif isinstance(record, CommunicationRecord):
            _check_session_of_message(about, record)
            _check_link(about, record)


def _check_versions(about: list[Event], record: VersionedRecord) -> None:
    of_versions = [event for event in about if type(event).__name__.startswith("Resource")]
    versions = [event.version for event in of_versions]
    assert versions == [*range(1, record.version + 1)], record.id
    assert isinstance(of_versions[-1], ResourceDeleted) is record.deleted, record.id


def _check_session(about: list[Event], record: EncounterRecord) -> None:
    changes = [event for event in about if type(event) in (SessionOpened, SessionClosed)]
    opens = [type(event) is SessionOpened for event in changes]
    assert opens == [number % 2 == 0 for number in range(len(opens))], f"{record.id}: {changes}"
    is_open = classification.is_open(record.resource) and attaching.is_session(record)
    assert bool(opens and opens[-1]) is is_open, f"{record.id}: {changes}"


def _check_session_of_message(about: list[Event], record: CommunicationRecord) -> None:
    joined = [event.session for event in about if isinstance(event, MessageJoinedSession)]
    assert joined == [f"Encounter/{record.session}"] * bool(record.session), record.id


def _check_link(about: list[Event], record: CommunicationRecord) -> None:
    link = ""
    for event in about:
        if isinstance(event, ThreadUnlinked):
            assert event.encounter == link, record.id
            link = ""
        elif isinstance(event, ThreadLinked):
            assert link == "", record.id
            link = event.encounter
    is_header = not classification.header_id(record.resource)
    named = classification.encounter_id(record.resource) if is_header else ""
    assert link == (f"Encounter/{named}" if named else ""), record.id
