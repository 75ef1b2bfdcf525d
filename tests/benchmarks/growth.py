"""The cost of operations as the partitions that they touch grow."""

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from unittest.mock import patch

from functions import closing_scheduler
from shared.access.caller import Caller
from shared.fhir import instants
from shared.interactions.create import create
from shared.local.schedule import event
from shared.store import dynamodb, transactions
from tests.benchmarks.endpoint import Endpoint
from tests.benchmarks.figures import Figure
from tests.benchmarks.practice import Practice, Request, deployed, typical
from tests.benchmarks.warm import silent
from tests.support import care
from tests.support.memory_database import Database

SIZES, QUICK_SIZES = (1_000, 10_000, 100_000), (1_000, 10_000)
HEADER = "long-thread"


@dataclass(frozen=True, slots=True)
class Operation:
    """A request whose cost should not depend on how much is stored."""

    name: str
    prepare: Callable[[Practice], Request]


def _get(practice: Practice) -> Request:
    return practice.clinic.handler_and_event("GET", "/Encounter/first")


def _page(practice: Practice) -> Request:
    return practice.clinic.handler_and_event(
        "GET", f"/Encounter?practitioner={care.ALICE}&_count=20"
    )


def _thread_page(practice: Practice) -> Request:
    query = f"part-of=Communication/{HEADER}&_sort=-sent&_count=20"
    return practice.clinic.handler_and_event("GET", f"/Communication?{query}")


def _message(practice: Practice) -> Request:
    return practice.clinic.handler_and_event("POST", "/Communication", practice.message(HEADER))


def _closing_run(_: Practice) -> Request:
    return closing_scheduler.handler, event(instants.now())


OPERATIONS = (
    Operation("get", _get),
    Operation("page20", _page),
    Operation("thread_page20", _thread_page),
    Operation("message", _message),
    Operation("closing_run", _closing_run),
)


def figures(*, quick: bool) -> Iterator[Figure]:
    """Measure units and rows of each operation at each size."""
    endpoint = Endpoint()
    with deployed(endpoint, CLOSING_QUEUE_URL="http://127.0.0.1:9/unused") as practice, silent():
        filling = _filling(practice)
        measured: list[Figure] = []
        stored = 0
        for size in QUICK_SIZES if quick else SIZES:
            with _without_a_wire(endpoint.database):
                deque(islice(filling, size - stored), maxlen=0)
            stored = size
            for operation in OPERATIONS:
                measured += _measured(operation, practice, endpoint, size)
    smallest = {figure.name: figure.value for figure in measured}
    for figure in measured:
        beginning, _, _ = figure.name.rpartition(".")
        yield replace(figure, floor=smallest[f"{beginning}.{SIZES[0]}"], bound=1)


@contextmanager
def _without_a_wire(database: Database) -> Iterator[None]:
    """Let the store write to the database directly, which takes a third of the time."""
    database.made = -(10**9)
    with (
        patch.object(dynamodb, "client", lambda: database),
        patch.object(transactions, "client", lambda: database),
    ):
        yield


def _filling(practice: Practice) -> Iterator[None]:
    """Yield after adding a session of the one practitioner and a message of the one thread."""
    practice.clinic.put(f"/Communication/{HEADER}", typical("header") | {"id": HEADER})
    practice.clinic.put("/Encounter/first", typical("session") | {"id": "first"})
    caller = Caller(subject="benchmark", roles=frozenset({"practitioner"}))
    number = 0
    while number := number + 1:
        create(caller, "Encounter", typical("session"))
        create(caller, "Communication", practice.message(HEADER, number))
        yield


def _measured(
    operation: Operation, practice: Practice, endpoint: Endpoint, size: int
) -> Iterator[Figure]:
    handler, request = operation.prepare(practice)
    endpoint.calls.clear()
    before = endpoint.database.rows
    answer = handler(request, None)
    assert answer.get("statusCode", 200) in (200, 201), answer
    units = sum(call.read_units + call.write_units for call in endpoint.calls)
    rows = endpoint.database.rows - before
    yield Figure(f"growth.{operation.name}.{size}", "units", units)
    yield Figure(f"growth.{operation.name}.rows.{size}", "rows", rows)
