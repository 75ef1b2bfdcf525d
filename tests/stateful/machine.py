"""The base of every state machine: a practice, what has been made in it, and its invariants."""

from collections import Counter
from collections.abc import Callable
from itertools import count
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant

from shared.rules import classification
from shared.sessions import closing, due_encounters
from tests.stateful.place import Place
from tests.stateful.practice import Practice, local
from tests.support import care, consistency
from tests.support.api_client import PATCH
from tests.support.memory_database import CallHooks
from tests.support.snapshot import Snapshot
from tests.support.stored_items import TENANT

# An index into a list, mostly of its newest elements.
which = st.sampled_from((0, 0, 0, 0, 1, 1, 2, 3, 5))
STARTS = ("2026-03-27 09:00", "2026-03-28 23:40", "2026-10-24 23:30", "2026-03-02 12:00")
_QUIET_ROUNDS = 12


class Machine(RuleBasedStateMachine):
    """A practice under one policy. The modules of each subject add the rules."""

    environment: ClassVar[dict[str, str]] = {}
    variants: ClassVar[tuple[dict[str, str], ...]] = ({},)
    seen: ClassVar[Counter[str]] = Counter()

    def __init__(self, made: Callable[..., Practice] = Place) -> None:
        super().__init__()
        self.made = made
        self.place = made(local(STARTS[0]), self.seen)
        self.accepted: set[str] = set()
        self.by_hand: set[str] = set()
        self.restored: set[str] = set()
        self.numbers = count()
        self.bodies: dict[str, list[Any]] = {}

    @initialize(
        start=st.sampled_from(STARTS), variant=st.integers(0, 9), largest=st.sampled_from((100, 60))
    )
    def begin(self, start: str, variant: int, largest: int) -> None:
        variant_environment = self.variants[variant % len(self.variants)]
        self.place.close()
        self.place = self.made(
            local(start), self.seen, largest=largest, **self.environment | variant_environment
        )
        self.settle_in()

    def settle_in(self) -> None:
        for body in (care.header(), care.header(subject=care.reference("Patient/bart-simpson"))):
            self.place.call("POST", "/Communication", body)
        self.place.call("POST", "/Encounter", care.session())

    @property
    def snapshot(self) -> Snapshot:
        return self.place.snapshot

    def threads(self) -> list[str]:
        return sorted(self.snapshot.headers, reverse=True)

    def messages(self) -> list[str]:
        return sorted(
            self.snapshot.messages,
            key=lambda message_id: message_id.rpartition(".")[2],
            reverse=True,
        )

    def encounters(self) -> list[str]:
        """Return the ids of all Encounters, open ones first."""

        def order(encounter_id: str) -> tuple[bool, str]:
            return classification.is_open(
                self.snapshot.encounters[encounter_id].resource
            ), encounter_id

        return sorted(self.snapshot.encounters, key=order, reverse=True)

    def encounter_id(self, number: int) -> str:
        return self.encounters()[number % len(self.encounters())]

    def patch(self, url: str, change: list[dict[str, Any]], fate: CallHooks) -> None:
        self.place.call("PATCH", url, change, fate, content_type=PATCH)

    def read(self, url: str) -> Any:
        """Read a resource as a client does before it writes. Return None if it is gone."""
        answer = self.place.answer("GET", url)
        body = answer.body if answer.status == 200 else None
        if body:
            self.bodies.setdefault(url, []).append(body)
        return body

    @invariant()
    def the_tables_agree(self) -> None:
        self.place.check()

    @invariant()
    def every_accepted_message_is_stored(self) -> None:
        assert self.accepted <= set(self.snapshot.messages)

    def teardown(self) -> None:
        try:
            if not self.place.violation:
                self.end()
        finally:
            self.place.close()

    def end(self) -> None:
        """Let everything end by itself, and check what remains."""
        self.place.rouse()
        for _ in range(_QUIET_ROUNDS):
            self.place.wait(days=8)
        self.place.check()
        assert not any(record.closing for record in self.snapshot.encounters.values())
        assert not self.place.due()
        for record in self.snapshot.encounters.values():
            closes = record.policy == "thread" or record.home
            assert not (closes and classification.is_open(record.resource)), (
                f"{record.id} never closes"
            )
            if record.by_server and record.resource.get("status") == "entered-in-error":
                self._check_void(record.id)
        self._check_searches()
        self.again()

    def _check_void(self, encounter_id: str) -> None:
        if encounter_id not in self.by_hand:
            lost = {message.id for message in self.snapshot.counting_messages(encounter_id)}
            assert lost <= self.restored, f"{encounter_id} is an error and has {lost}"

    def _check_searches(self) -> None:
        for encounter_id, record in self.snapshot.encounters.items():
            if not record.deleted:
                url = f"/Communication?session=Encounter/{encounter_id}&_count=1000"
                ids = set(self.place.answer("GET", url).ids)
                assert ids == self.messages_of(encounter_id)
                self.check_everything(encounter_id)

    def messages_of(self, encounter_id: str) -> set[str]:
        return {
            message.id
            for message in self.snapshot.messages.values()
            if self.snapshot.session(message) == encounter_id and not message.deleted
        }

    def check_everything(self, encounter_id: str) -> None:
        """Compare the answer of $everything with the tables."""
        snapshot = self.snapshot
        threads = [thread for session, thread in snapshot.spans if session == encounter_id]
        expected = {encounter_id} | self.messages_of(encounter_id)
        expected |= {part.id for part in snapshot.children(encounter_id) if not part.deleted}
        expected |= {part for part in threads if not snapshot.headers[part].deleted}
        url = f"/Encounter/{encounter_id}/$everything?_count=1000"
        ids = self.place.answer("GET", url).ids
        assert sorted(ids) == sorted(expected)

    def again(self) -> None:
        """Run every job once more, which must change nothing."""
        stored_before = consistency.stored_items()
        now = self.place.utc
        for encounter_id in self.snapshot.encounters:
            assert (
                due_encounters.close_or_postpone(TENANT, encounter_id, now)
                is due_encounters.DueResult.NOTHING
            )
            closing.complete(due_encounters.scheduler_caller(TENANT), encounter_id)
        assert consistency.stored_items() == stored_before
