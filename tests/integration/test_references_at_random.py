"""References while what they name is made and deleted: none dangles at the moment it is written.

Each interleaving is of several requests about the same few people, some of them slow, some killed.
What was made is made again in memory in an order that was possible, and looked at one transaction
after the other. `REFERENCES_AT_RANDOM` says how many interleavings there are.
"""

import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from shared import settings
from shared.catalog import access_patterns as patterns
from shared.fhir import references
from shared.fhir.references import Literal
from shared.store import dynamodb
from shared.store.records import (
    CommunicationRecord,
    EncounterRecord,
    ResourceRecord,
    Versioned,
)
from tests import care, consistency
from tests.bundles import bundle, entry, urn
from tests.database import Database
from tests.frontdoor import Answer, FrontDoor
from tests.integration.journal import Items, Journal, Made, in_order
from tests.integration.test_at_once import Killed, killed

INTERLEAVINGS = int(os.environ.get("REFERENCES_AT_RANDOM", "200"))
AT_ONCE, BETWEEN_LOOKS, LONGEST_SLEEP = 4, 20, 0.02
PEOPLE = ("Patient/p", "Patient/q", "Practitioner/d", "RelatedPerson/r")
ENCOUNTER = "Encounter/e"
KINDS: dict[str, Callable[[Any], Versioned]] = {
    patterns.ENCOUNTER: EncounterRecord.from_item,
    patterns.THREAD: CommunicationRecord.from_item,
    patterns.RESOURCE: ResourceRecord.from_item,
}

type Resource = dict[str, Any]


@pytest.fixture(autouse=True)
def _local(function_environment: None, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    """Let references be checked, in the environment that comes before it."""
    monkeypatch.setenv("REFERENCE_CHECKS", "local")
    settings.settings.cache_clear()


# ---- What a clinic does ----------------------------------------------------------------------


def person(reference: str) -> Resource:
    kind, _, own_id = reference.partition("/")
    named = {"identifier": [{"system": "https://mrn.example", "value": own_id}]}
    more = {"patient": {"display": "A child"}} if kind == "RelatedPerson" else {"gender": "female"}
    return {"resourceType": kind, "id": own_id, **named, **more}


def condition(subject: str, **more: Any) -> Resource:
    return {"resourceType": "Condition", "subject": care.reference(subject), **more}


def visit() -> Resource:
    return care.visit(id="e", subject=care.reference("Patient/p"), participant=[])


class Clinic:
    """Requests of each kind; whom they name is chosen anew each time."""

    def __init__(self) -> None:
        self.everybody = FrontDoor(role="admin")  # who deletes, too
        # Who does not see all of a type reads what they refer to.
        scope = "user/Patient.rs?gender=female user/Practitioner.r user/Condition.cruds"
        self.narrow = replace(self.everybody, claims={"scope": scope})

    def make(self) -> Answer:
        one = random.choice(PEOPLE)
        return self.everybody.put(
            f"/{one}", person(one) | {"language": random.choice(["en", "de"])}
        )

    def make_visit(self) -> Answer:
        return self.everybody.put(f"/{ENCOUNTER}", visit())

    def delete(self) -> Answer:
        return self.everybody.delete(f"/{random.choice((*PEOPLE, ENCOUNTER))}")

    def refer(self) -> Answer:
        asserter = {"asserter": care.reference(random.choice(PEOPLE[:3]))}
        caller = random.choice([self.everybody, self.narrow])
        return caller.post("/Condition", condition(random.choice(PEOPLE[:2]), **asserter))

    def record(self) -> Answer:
        named = {"encounter": care.reference(ENCOUNTER)}
        return self.everybody.post("/Condition", condition("Patient/p", **named))

    def change(self) -> Answer:
        subject = care.reference(random.choice(PEOPLE[:2]))
        patch = [{"op": "replace", "path": "/subject", "value": subject}]
        return self.everybody.patch("/Condition/c", patch)

    def find(self) -> Answer:
        own_id = random.choice(["p", "q"])
        query = f"Patient?identifier=https://mrn.example|{own_id}"
        return self.everybody.post("/Condition", condition(query))

    def write(self) -> Answer:
        sender, subject = random.choice(PEOPLE), random.choice(PEOPLE[:2])
        header = care.header(
            sender=care.reference(sender),
            subject=care.reference(subject),
            recipient=[care.reference("Practitioner/d")],
        )
        return self.everybody.post("/Communication", header)

    def transact(self) -> Answer:
        """Make somebody and refer to them and another, or delete somebody else with that."""
        entries = [
            entry("POST", "Patient", {"resourceType": "Patient"}, urn(1)),
            entry("POST", "Condition", condition(urn(1))),
            entry("POST", "Condition", condition(random.choice(PEOPLE[:2]))),
        ]
        if random.random() < 0.5:
            entries.append(entry("DELETE", random.choice(PEOPLE)))
        return self.everybody.post("", bundle("transaction", *entries))

    def chosen(self) -> Callable[[], Answer]:
        refers = (self.refer, self.record, self.change, self.find, self.write, self.transact)
        moves = (self.make, self.make, self.make, self.make_visit, self.delete, self.delete)
        return random.choice([random.choice(refers), random.choice(moves)])


# ---- What becomes of it ----------------------------------------------------------------------


@dataclass
class Fates:
    """Requests that are slow before a transaction, and such as are killed at a call."""

    _thread: threading.local = field(default_factory=threading.local)

    def attach(self, events: Any) -> None:
        events.register("before-call.dynamodb", self._before)
        events.register("after-call.dynamodb", self._after)

    def _before(self, model: Any, **_: Any) -> None:
        if model.name == "TransactWriteItems":
            time.sleep(random.uniform(0, LONGEST_SLEEP))
        self._count("before")

    def _after(self, **_: Any) -> None:
        self._count("after")

    def _count(self, moment: str) -> None:
        when, left = getattr(self._thread, "fate", ("", 0))
        if when == moment:
            self._thread.fate = when, left - 1
            if left == 1:
                raise Killed

    def run(self, request: Callable[[], Answer]) -> str:
        """Make a request, one of ten of them killed; give what became of it."""
        if random.random() < 0.1:
            self._thread.fate = random.choice(["before", "after"]), random.randint(1, 3)
        try:
            return str(request().status)
        except Killed:
            return "killed"
        finally:
            self._thread.fate = "", 0


class Looking:
    """Makes again what was made, and looks at each reference when it is written."""

    def __init__(self) -> None:
        self.memory, self.journal = Database(), Journal()
        self.seen = Counter[str]()
        self._there: dict[Literal, frozenset[Literal]] = {}

    def look(self) -> None:
        """Look at everything that was made since the last time."""
        for made in in_order(self.memory, self.journal.take(), _stored()):
            self.memory.made = 0
            self.memory.transact_write_items(
                TransactItems=made.operations, ClientRequestToken=made.token
            )
            self._check(made)

    def _check(self, made: Made) -> None:
        written = [record for record in map(_record, made.operations) if record]
        before = dict(self._there)
        for record in written:
            own = Literal(record.type, record.id)
            if record.deleted:
                self._there.pop(own, None)
                self.seen["deleted"] += 1
            else:
                self._there[own] = frozenset(_named(record.resource))
        for record in written:
            own = Literal(record.type, record.id)
            added = self._there.get(own, frozenset()) - before.get(own, frozenset())
            self.seen["added"] += len(added)
            dangling = [str(each) for each in added if each not in self._there]
            assert not dangling, f"{own} names {dangling} when it is written"


def _record(operation: dict[str, dict[str, Any]]) -> Versioned | None:
    """Give what an operation writes, where that is a resource as it is now."""
    ((kind, body),) = operation.items()
    item = body.get("Item", {}) if kind == "Put" else {}
    tables = {dynamodb.table_name(table): read for table, read in KINDS.items()}
    read = tables.get(body["TableName"])
    is_current = read and "chain" in item and "version" in item
    return read(item) if read and is_current else None


def _named(value: Any) -> Iterator[Literal]:
    """Walk all literal references."""
    if isinstance(value, dict):
        if target := references.target(value):
            yield target
        for member in value.values():
            yield from _named(member)
    elif isinstance(value, list):
        for member in value:
            yield from _named(member)


def _stored() -> Items:
    return {
        (dynamodb.table_name(table), item["pk"]["S"], item["sk"]["S"]): item
        for table in patterns.TABLES
        for item in consistency.scan(table)
    }


def test_no_reference_dangles_when_it_is_written(record_property: Callable[..., None]) -> None:
    clinic, fates, looking = Clinic(), Fates(), Looking()
    events = dynamodb.client().meta.events
    fates.attach(events)
    looking.journal.attach(events)
    for each in PEOPLE:
        clinic.everybody.put(f"/{each}", person(each))
    clinic.make_visit()
    clinic.everybody.put("/Condition/c", condition("Patient/p", id="c"))
    answers = Counter[str]()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for number in range(1, INTERLEAVINGS + 1):
            requests = [clinic.chosen() for _ in range(AT_ONCE)]
            answers.update(pool.map(fates.run, requests))
            if number % BETWEEN_LOOKS == 0:
                looking.look()
    looking.look()
    consistency.check()
    record_property("followed", dict(answers) | looking.seen)
    assert set(answers) <= {"200", "201", "204", "422", "503", "killed"}, answers
    assert min(answers["201"], answers["422"], looking.seen["added"]) > INTERLEAVINGS / 5, answers


def test_a_bundle_that_is_killed_at_any_call_refers_to_all_or_nothing(clinic: FrontDoor) -> None:
    for one in PEOPLE:
        assert clinic.put(f"/{one}", person(one)).status == 201
    entries = [
        entry("POST", "Patient", {"resourceType": "Patient"}, urn(1)),
        entry("POST", "Encounter", care.session(subject=care.reference(urn(1)), participant=[])),
        entry("POST", "Condition", condition("Patient?identifier=https://mrn.example|p")),
        entry("POST", "Condition", condition("Patient/q")),
    ]
    for number in range(1, 100):
        before = _counted(clinic)
        try:
            with killed("after", number):
                answer = clinic.post("", bundle("transaction", *entries))
        except Killed:
            consistency.check()
            made = _counted(clinic) - before
            assert made in (Counter(), Counter(Patient=1, Encounter=1, Condition=2))
        else:
            assert answer.status == 200, answer.text
            assert number > 1
            return
    pytest.fail("the request never ends")


def _counted(clinic: FrontDoor) -> Counter[str]:
    kinds = ("Patient", "Encounter", "Condition")
    return Counter({kind: len(clinic.get(f"/{kind}?_count=1000").ids) for kind in kinds})
