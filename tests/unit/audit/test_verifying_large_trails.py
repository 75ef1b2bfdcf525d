"""Verification holds only a page and a part in memory, however large the trail is."""

from collections import UserDict
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from weakref import WeakSet

from shared.audit.chains import NO_RESOURCE
from shared.catalog import access_patterns as patterns
from shared.fhir import fhirjson, instants, ulids
from shared.local.spooling import PARTS, Spool
from shared.local.verifying import MOST_PROBLEMS, verify_once
from shared.store import codec

PAGES, PAGE = 40, 50
AT = "2021-01-01T00:00:00.000Z"
MILLISECONDS = round(instants.from_text(AT).timestamp() * 1000)
NAMES = {table: table for table in patterns.TABLES}


class Item(UserDict[str, Any]):
    """An item that can be referenced weakly, so that its release is noticed."""

    __hash__ = object.__hash__


class Table:
    """A client of a table of events about deleted resources; counts the items held."""

    def __init__(self) -> None:
        self.held: WeakSet[Item] = WeakSet()
        self.most = 0

    def get_paginator(self, _operation: str) -> "Table":
        return self

    def paginate(self, **request: Any) -> Iterator[dict[str, Any]]:
        for number in range(PAGES if request["TableName"] == patterns.AUDIT else 0):
            page = [self._event(f"Encounter/{number}-{row}") for row in range(PAGE)]
            yield {"Items": page}
            del page
            self.most = max(self.most, len(self.held))

    def _event(self, reference: str) -> Item:
        event = {
            "at": AT,
            "written": [[reference, 1, "C", ""]],
            "contents": [""],
            "keeps": 0,
        }
        item = Item(
            pk={"S": f"-#{ulids.new(MILLISECONDS)}"},
            sk={"S": "event"},
            event={"B": codec.pack(fhirjson.canonical(event))},
        )
        self.held.add(item)
        return item


def test_at_most_two_pages_of_a_table_are_held() -> None:
    table = Table()
    resources, problems = verify_once(table, NAMES)
    assert resources == 0
    assert {problem.problem for problem in problems} == {NO_RESOURCE}
    assert len(problems) == MOST_PROBLEMS < PAGES * PAGE
    assert 0 < table.most <= 2 * PAGE


def test_each_part_gets_about_its_share_of_the_resources(tmp_path: Path) -> None:
    with ExitStack() as files:
        spool = Spool(tmp_path, files)
        for number in range(100 * PARTS):
            spool.add(("-", f"Encounter/{number}"), ["step"])
        sizes = [sum(1 for _ in part) for part in spool.parts()]
    assert sum(sizes) == 100 * PARTS
    assert max(sizes) < 200
