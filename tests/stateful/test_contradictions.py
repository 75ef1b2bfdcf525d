"""The check of the tables notices every kind of contradiction, also one made since it last ran."""

from collections.abc import Callable
from typing import Any

import pytest

from shared.catalog import access_patterns as patterns
from shared.store import codec, dynamodb
from tests.stateful.place import Place
from tests.support import care
from tests.support.memory_reads import Item

type Change = Callable[[Item], Item]
OTHER = codec.pack(b'{"resourceType":"Encounter"}')


def with_attribute(**attributes: Any) -> Change:
    return lambda item: item | attributes


def without(name: str) -> Change:
    return lambda item: {key: value for key, value in item.items() if key != name}


# The item is the first of its table whose keys contain the two texts.
CHANGES: dict[str, tuple[str, str, str, Change]] = {
    "a row with another resource": (
        patterns.SEARCH,
        "?",
        "",
        with_attribute(resource={"B": OTHER}),
    ),
    "a record with other rows": (
        patterns.ENCOUNTER,
        "",
        "current",
        with_attribute(resource={"B": OTHER}),
    ),
    "a record whose chain is broken": (
        patterns.ENCOUNTER,
        "",
        "current",
        with_attribute(chain={"B": b"x"}),
    ),
    "an Encounter that is not due": (patterns.ENCOUNTER, "", "current", without("due")),
    "an Encounter without its slot": (patterns.ENCOUNTER, "", "current", without("slots")),
    "an Encounter with a closing": (
        patterns.ENCOUNTER,
        "",
        "current",
        with_attribute(closing={"M": {}}),
    ),
    "an Encounter with long rows only by name": (
        patterns.ENCOUNTER,
        "",
        "current",
        with_attribute(is_long={"BOOL": True}),
    ),
    "a version that is missing": (
        patterns.THREAD,
        "",
        "header",
        with_attribute(version={"N": "9"}),
    ),
    "a slot that is closed": (patterns.THREAD, "", "state", without("open")),
    "a guard that counts too many": (
        patterns.SEARCH,
        "!identifier=",
        "guard",
        with_attribute(count={"N": "2"}),
    ),
    "an event with other contents": (
        patterns.AUDIT,
        "",
        "event",
        with_attribute(event={"B": codec.pack(b'{"written":[]}')}),
    ),
}


@pytest.mark.parametrize("contradiction", CHANGES)
def test_a_contradiction_is_noticed(places: Callable[..., Place], contradiction: str) -> None:
    place = places(SESSION_POLICY="thread")
    body = care.header(identifier=[{"system": "urn:example", "value": "1"}])
    header = place.answer("POST", "/Communication", body).id
    place.answer("POST", "/Communication", care.message(header))
    place.check()

    table, partition, sort, change = CHANGES[contradiction]
    name = dynamodb.table_name(table)
    item = next(
        item
        for item in place.database.all_items(name)
        if partition in item["pk"]["S"] and sort in item["sk"]["S"]
    )
    place.database.put_item(TableName=name, Item=change(item))
    with pytest.raises(AssertionError):
        place.check()

    place.database.put_item(TableName=name, Item=item)
    place.check()


@pytest.mark.parametrize("table", patterns.TABLES)
def test_an_item_that_is_gone_is_noticed(places: Callable[..., Place], table: str) -> None:
    place = places(SESSION_POLICY="thread")
    header = place.answer("POST", "/Communication", care.header()).id
    place.answer("POST", "/Communication", care.message(header))
    place.answer("POST", "/Patient", {"resourceType": "Patient"})
    place.check()

    name = dynamodb.table_name(table)
    for item in list(place.database.all_items(name)):
        key = {"pk": item["pk"], "sk": item["sk"]}
        place.database.delete_item(TableName=name, Key=key)
        if item["sk"]["S"].startswith("t#"):  # the invariants of sessions look at spans
            place.check()
        else:
            with pytest.raises((AssertionError, KeyError)):
                place.check()
        place.database.put_item(TableName=name, Item=item)
        place.check()
