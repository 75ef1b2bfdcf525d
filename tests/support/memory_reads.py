"""In-memory reads of DynamoDB that count read units.

It replaces moto, which walks a whole table for every Query. The cost of a read:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
"""

from bisect import bisect_left, bisect_right, insort
from collections import defaultdict
from collections.abc import Callable
from itertools import islice
from math import ceil
from typing import Any
from zlib import crc32

type Item = dict[str, dict[str, Any]]

UNIT = 4096
PAGE = 1024 * 1024


def size(item: Item) -> int:
    """Return the size of an item: that of its names and its values."""
    return sum(len(name.encode()) + _weight(value) for name, value in item.items())


def _weight(value: dict[str, Any]) -> int:
    ((kind, content),) = value.items()
    return _WEIGHTS[kind](content)


_WEIGHTS: dict[str, Callable[[Any], int]] = {
    "S": lambda text: len(text.encode()),
    "B": len,
    "N": lambda digits: ceil(len(digits) / 2) + 1,
    "BOOL": lambda _: 1,
    "SS": lambda texts: sum(len(text.encode()) for text in texts),
    "L": lambda values: 3 + sum(1 + _weight(one) for one in values),
    "M": lambda parts: 3 + sum(1 + len(name) + _weight(one) for name, one in parts.items()),
}


class Memory:
    """A client whose tables are created by the first write."""

    def __init__(self) -> None:
        self.items: dict[tuple[str, str], dict[str, Item]] = defaultdict(dict)
        self.order: dict[tuple[str, str], list[str]] = defaultdict(list)
        self._sizes: dict[tuple[tuple[str, str], str], int] = {}
        self.units = self.calls = self.rows = self.writes = 0

    def clear(self) -> None:
        self.units = self.calls = self.rows = 0

    def copy_items(self, other: "Memory") -> None:
        """Hold what another memory holds. No item is copied, because none is ever changed."""
        for place, partition in other.items.items():
            self.items[place], self.order[place] = dict(partition), list(other.order[place])

    def get_item(self, *, TableName: str, Key: Item, **_: Any) -> dict[str, Any]:
        item = self.items[TableName, Key["pk"]["S"]].get(Key["sk"]["S"])
        return {"Item": item} if item else {}

    def put_item(self, *, TableName: str, Item: Item) -> None:
        place, sort = (TableName, Item["pk"]["S"]), Item["sk"]["S"]
        if sort not in self.items[place]:
            insort(self.order[place], sort)
        self.items[place][sort] = Item
        self.writes += 1
        self._sizes.pop((place, sort), None)

    def delete_item(self, *, TableName: str, Key: Item) -> None:
        place, sort = (TableName, Key["pk"]["S"]), Key["sk"]["S"]
        del self.items[place][sort]
        self.writes += 1
        self._sizes.pop((place, sort), None)
        self.order[place].remove(sort)

    def query(self, **request: Any) -> dict[str, Any]:
        assert request["ConsistentRead"]
        values = request["ExpressionAttributeValues"]
        low, high = values[":low"]["S"], values[":high"]["S"]
        assert low, "DynamoDB refuses an empty key"
        assert low <= high, "DynamoDB refuses a range that ends before it begins"
        place = (request["TableName"], values[":pk"]["S"])
        order = self.order.get(place, [])
        found = order[bisect_left(order, low) : bisect_right(order, high)]
        if not request["ScanIndexForward"]:
            found.reverse()
        if start := request.get("ExclusiveStartKey"):
            last, forward = start["sk"]["S"], request["ScanIndexForward"]
            found = [one for one in found if (one > last if forward else one < last)]
        return self._page(place, found, request.get("Limit", len(found) + 1))

    def scan(self, *, TableName: str, Limit: int, **request: Any) -> dict[str, Any]:
        assert request["ConsistentRead"]
        part, parts = request["Segment"], request["TotalSegments"]
        start = request.get("ExclusiveStartKey", {"pk": {"S": ""}, "sk": {"S": ""}})
        last = start["pk"]["S"], start["sk"]["S"]
        left = (
            self.items[place][sort]
            for place in sorted(self.items)
            if place[0] == TableName and crc32(place[1].encode()) % parts == part
            for sort in self.order[place]
            if (place[1], sort) > last
        )
        items = list(islice(left, Limit))
        key = {name: items[-1][name] for name in ("pk", "sk")} if len(items) == Limit else None
        return {"Items": items} | ({"LastEvaluatedKey": key} if key else {})

    def _page(self, place: tuple[str, str], found: list[str], limit: int) -> dict[str, Any]:
        items: list[Item] = []
        weight = 0
        for sort in found:
            if len(items) == limit or weight > PAGE:
                break
            items.append(self.items[place][sort])
            weight += self._size(place, sort)
        self.calls += 1
        self.rows += len(items)
        self.units += max(1, ceil(weight / UNIT))
        # DynamoDB returns a last key even if nothing follows a full page.
        is_cut = len(items) < len(found) or len(items) == limit
        last = {"pk": items[-1]["pk"], "sk": items[-1]["sk"]} if is_cut and items else None
        return {"Items": items} | ({"LastEvaluatedKey": last} if last else {})

    def _size(self, place: tuple[str, str], sort: str) -> int:
        """Compute the size of an item once."""
        cached = self._sizes.get((place, sort))
        if cached is None:
            cached = self._sizes[place, sort] = size(self.items[place][sort])
        return cached

    def batch_get_item(self, *, RequestItems: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, list[Item]] = {}
        for table, request in RequestItems.items():
            items = [
                item
                for key in request["Keys"]
                if (item := self.items[table, key["pk"]["S"]].get(key["sk"]["S"]))
            ]
            self.calls += 1
            self.units += sum(max(1, ceil(size(item) / UNIT)) for item in items)
            answer[table] = items
        return {"Responses": answer, "UnprocessedKeys": {}}
