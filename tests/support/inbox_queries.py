"""The queries that real inboxes make, their limits of cost, and stores to run them on."""

from dataclasses import dataclass
from typing import Any

from tests.support import care
from tests.support.memory_reads import Memory
from tests.support.search_page import search_page
from tests.support.stored_clinic import StoredClinic, instant_at

BASE = "https://fhir.example.org/fhir/R4"
CLOSED_STATUSES = "completed,entered-in-error,stopped,unknown"
SYSTEM = "https://twilio.com"
OPEN = 20
# The units of a page that reads one partition or listing, of a page that merges two, and of each
# partition that includes, `_has` or a chain add: one for each of the 20 on the page, or that are
# open.
PAGE, MERGED, OF_EACH = 5, 10, 20
# The limit for a total: all rows that a request may read, where each may be another partition.
ALL = 1000

INBOX: dict[str, int] = {
    "Communication?part-of:missing=true": MERGED,
    "Communication?part-of=Communication/long&_sort=sent": PAGE,
    "Communication?part-of=Communication/long&_sort=-sent": PAGE,
    "Communication?part-of=Communication/long&_sort=sent&sent:missing=false": PAGE,
    f"Communication?part-of:missing=true&status:not={CLOSED_STATUSES}&_sort=-_lastUpdated": MERGED,
    f"Communication?part-of:missing=true&subject={care.HOMER}": PAGE,
    f"Communication?part-of:missing=true&recipient={care.ALICE}&status:not={CLOSED_STATUSES}": PAGE,
    f"Communication?recipient={care.ALICE}&part-of:missing=false&_sort=-sent": PAGE,
    f"Communication?sender={care.ALICE}&status=preparation": PAGE,
    "Communication?part-of:missing=true&status=in-progress"
    f"&_lastUpdated=lt{instant_at(10**6)}": PAGE,
    f"Communication?identifier={SYSTEM}|CH5&part-of:missing=true": PAGE,
    "Communication?part-of:missing=true&_revinclude=Communication:part-of": MERGED + OF_EACH,
    f"Communication?sent=lt{instant_at(10**6)}&part-of:Communication.status=in-progress": MERGED
    + OF_EACH,
    "Communication?part-of:missing=true&identifier:not=x"
    "&_has:Communication:part-of:_id:not=null&_offset=0&_count=20&_total=accurate": ALL,
    "Communication?encounter=Encounter/e1&part-of:missing=true": PAGE,
    f"Encounter?class={care.ACT_CODE}|VR": PAGE,
    "Encounter?class=VR": PAGE,
    "Encounter?class=|VR": PAGE,
    f"Encounter?patient={care.HOMER}&status=finished&date=ge2026-01-01&date=le2027-03-31"
    "&_sort=-date&_count=20": PAGE,
    "Encounter?part-of=Encounter/e1": PAGE,
    "Encounter?appointment=Appointment/1": PAGE,
    "Encounter?length=gt10": PAGE,
    "Encounter?_id=e1&_revinclude=Communication:encounter"
    "&_revinclude:iterate=Communication:part-of": PAGE,
}


@dataclass(frozen=True)
class Cost:
    """The cost of the first page of a query: read units, rows read, and resources returned."""

    units: int
    rows: int
    found: int
    included: int
    goes_on: bool


def cost(memory: Memory, query: str) -> Cost:
    kind, _, text = query.partition("?")
    pairs = [(name, value) for name, _, value in (pair.partition("=") for pair in text.split("&"))]
    memory.clear()
    page = search_page(kind, pairs)
    matched, included = len(page.resources), len(page.included)
    return Cost(memory.units, memory.rows, matched, included, page.next is not None)


def fill(archive: StoredClinic, size: int) -> None:
    """Store `size` resources, nearly all of one practitioner and one patient.

    Half are messages, a tenth of these in one thread; a twentieth are closed threads; the rest are
    sessions. The numbers of open resources, of those linked to `e1` and of those in preparation do
    not depend on `size`.
    """
    closed, messages = size // 20, size // 2
    minutes = iter(range(10**6))
    for number in range(closed):
        archive.header(f"closed{number}", next(minutes), status="completed")
    for number in range(messages):
        thread = "long" if number % 10 == 0 else f"closed{number % closed}"
        archive.message(thread, next(minutes), **identified(number, size))
    for number in range(size - closed - messages - 8 * OPEN):
        archive.encounter(f"e{number}", next(minutes), **finished(number))
    for number in range(OPEN):
        linked = {"encounter": care.reference("Encounter/e1")} if number == 3 else {}
        identifier = [{"system": SYSTEM, "value": f"CH{number}"}]
        archive.header(f"open{number}", next(minutes), identifier=identifier, **linked)
        for _ in range(6):
            archive.message(f"open{number}", next(minutes))
        draft: dict[str, Any] = {"status": "preparation", "sender": care.reference(care.ALICE)}
        archive.message(f"open{number}", next(minutes), **draft)


def identified(number: int, size: int) -> dict[str, Any]:
    """Return an identifier for the first hundredth of all resources, nothing for others."""
    if number >= size // 100:
        return {}
    return {"identifier": [{"system": SYSTEM, "value": f"SM{number}"}]}


def finished(number: int) -> dict[str, Any]:
    """Return a past session. One in fifty is part of another; one in fifty has the appointment."""
    more: dict[str, Any] = {
        "status": "finished",
        "period": {"start": instant_at(number), "end": instant_at(number)},
    }
    more["length"] = {"value": 5 + number % 30}
    if number % 50 == 2:
        more["partOf"] = care.reference("Encounter/e1")
    if number % 50 == 3:
        more["appointment"] = [care.reference("Appointment/1")]
    return more


def resource_count(memory: Memory) -> int:
    """Return the number of stored resources."""
    return sum(
        sort in ("current", "header") or sort.startswith("m#")
        for place, order in memory.order.items()
        for sort in order
        if place[0] != "SearchTable"
    )
