"""Concurrent writes of references and deletions of their targets: none is written dangling.

Each interleaving has several requests about the same few people, some of them slow, some killed.
The transactions made are then repeated in memory in an order that was possible, and checked one
after the other. `REFERENCES_AT_RANDOM` sets the number of interleavings.
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
    VersionedRecord,
)
from tests.integration.journal import Items, Journal, Made, in_order
from tests.integration.test_at_once import Killed, killed
from tests.support import care, consistency
from tests.support.api_client import Answer, ApiClient
from tests.support.bundles import bundle, entry, urn
from tests.support.memory_database import Database

INTERLEAVINGS = int(os.environ.get("REFERENCES_AT_RANDOM", "200"))
AT_ONCE, BETWEEN_LOOKS, LONGEST_SLEEP = 4, 20, 0.02
PEOPLE = ("Patient/p", "Patient/q", "Practitioner/d", "RelatedPerson/r")
ENCOUNTER = "Encounter/e"
KINDS: dict[str, Callable[[Any], VersionedRecord]] = {
    patterns.ENCOUNTER: EncounterRecord.from_item,
    patterns.THREAD: CommunicationRecord.from_item,
    patterns.RESOURCE: ResourceRecord.from_item,
}

type Resource = dict[str, Any]


@pytest.fixture(autouse=True)
def _local(function_environment: None, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    """Check references locally, on top of the functions' environment."""
    monkeypatch.setenv("REFERENCE_CHECKS", "local")
    settings.settings.cache_clear()


# ---- The requests of a clinic ----------------------------------------------------------------


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
    """Requests of each kind. The people that they name are chosen at random each time."""

    def __init__(self) -> None:
        self.everybody = ApiClient(role="admin")  # may delete, too
        # A caller who may see only a part of a type has references checked by reading their
        # targets.
        scope = "user/Patient.rs?gender=female user/Practitioner.r user/Condition.cruds"
        self.narrow = replace(self.everybody, claims={"scope": scope})

    def make(self) -> Answer:
        reference = random.choice(PEOPLE)
        return self.everybody.put(
            f"/{reference}", person(reference) | {"language": random.choice(["en", "de"])}
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
        """Create somebody and refer to them and another, and sometimes delete somebody as well."""
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


# ---- Slow and killed requests ----------------------------------------------------------------


@dataclass
class Fates:
    """Delay transactions at random, and kill some requests at a call."""

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
        fatal_moment, calls_left = getattr(self._thread, "fate", ("", 0))
        if fatal_moment == moment:
            self._thread.fate = fatal_moment, calls_left - 1
            if calls_left == 1:
                raise Killed

    def run(self, request: Callable[[], Answer]) -> str:
        """Make a request, and kill one of ten. Return its status, or "killed"."""
        if random.random() < 0.1:
            self._thread.fate = random.choice(["before", "after"]), random.randint(1, 3)
        try:
            return str(request().status)
        except Killed:
            return "killed"
        finally:
            self._thread.fate = "", 0


class Looking:
    """Repeats the transactions in memory, and checks each reference when it is written."""

    def __init__(self) -> None:
        self.memory, self.journal = Database(), Journal()
        self.seen = Counter[str]()
        self._there: dict[Literal, frozenset[Literal]] = {}

    def look(self) -> None:
        """Check every transaction made since the last time."""
        for transaction in in_order(self.memory, self.journal.take(), _stored()):
            self.memory.made = 0
            self.memory.transact_write_items(
                TransactItems=transaction.operations, ClientRequestToken=transaction.token
            )
            self._check(transaction)

    def _check(self, transaction: Made) -> None:
        written = [record for record in map(_record, transaction.operations) if record]
        references_before = dict(self._there)
        for record in written:
            reference = Literal(record.type, record.id)
            if record.deleted:
                self._there.pop(reference, None)
                self.seen["deleted"] += 1
            else:
                self._there[reference] = frozenset(_literal_references(record.resource))
        for record in written:
            reference = Literal(record.type, record.id)
            added = self._there.get(reference, frozenset()) - references_before.get(
                reference, frozenset()
            )
            self.seen["added"] += len(added)
            dangling = [str(target) for target in added if target not in self._there]
            assert not dangling, f"{reference} names {dangling} when it is written"


def _record(operation: dict[str, dict[str, Any]]) -> VersionedRecord | None:
    """Return the current record that an operation writes, or None."""
    ((kind, body),) = operation.items()
    item = body.get("Item", {}) if kind == "Put" else {}
    tables = {dynamodb.table_name(table): from_item for table, from_item in KINDS.items()}
    from_item = tables.get(body["TableName"])
    is_current = from_item and "chain" in item and "version" in item
    return from_item(item) if from_item and is_current else None


def _literal_references(value: Any) -> Iterator[Literal]:
    """Yield all literal references."""
    if isinstance(value, dict):
        if target := references.target(value):
            yield target
        for member in value.values():
            yield from _literal_references(member)
    elif isinstance(value, list):
        for member in value:
            yield from _literal_references(member)


def _stored() -> Items:
    return {
        (dynamodb.table_name(table), item["pk"]["S"], item["sk"]["S"]): item
        for table in patterns.TABLES
        for item in consistency.scan(table)
    }


def test_no_reference_is_written_dangling(record_property: Callable[..., None]) -> None:
    clinic, fates, looking = Clinic(), Fates(), Looking()
    events = dynamodb.client().meta.events
    fates.attach(events)
    looking.journal.attach(events)
    for reference in PEOPLE:
        clinic.everybody.put(f"/{reference}", person(reference))
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


def test_a_bundle_killed_at_any_call_writes_all_or_nothing(clinic: ApiClient) -> None:
    for reference in PEOPLE:
        assert clinic.put(f"/{reference}", person(reference)).status == 201
    entries = [
        entry("POST", "Patient", {"resourceType": "Patient"}, urn(1)),
        entry("POST", "Encounter", care.session(subject=care.reference(urn(1)), participant=[])),
        entry("POST", "Condition", condition("Patient?identifier=https://mrn.example|p")),
        entry("POST", "Condition", condition("Patient/q")),
    ]
    for number in range(1, 100):
        count_before = _count_resources(clinic)
        try:
            with killed("after", number):
                answer = clinic.post("", bundle("transaction", *entries))
        except Killed:
            consistency.check()
            created = _count_resources(clinic) - count_before
            assert created in (Counter(), Counter(Patient=1, Encounter=1, Condition=2))
        else:
            assert answer.status == 200, answer.text
            assert number > 1
            return
    pytest.fail("the request never ends")


def _count_resources(clinic: ApiClient) -> Counter[str]:
    kinds = ("Patient", "Encounter", "Condition")
    return Counter({kind: len(clinic.get(f"/{kind}?_count=1000").ids) for kind in kinds})
