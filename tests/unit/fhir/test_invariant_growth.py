"""Every invariant of every type of R4, on bodies of one size and of three times that size."""

from collections import Counter
from datetime import UTC, tzinfo
from typing import Any

import pytest

from shared.fhir.validation import walk as walks
from shared.fhir.validation.schema import Element, Type, resource_types, type_named, value_set_codes
from shared.fhir.validation.walk import Walk
from tests.support import growth

type Json = dict[str, Any]

# The depth of nesting, and the number of items in the arrays of one level.
DEEP, FEW, MANY = 3, 8, 24
LEFT_OUT = frozenset({"extension", "modifierExtension", "contained", "meta", "text"})
VALUES = {
    "base64Binary": "QUJD",
    "boolean": True,
    "date": "2026-01-01",
    "dateTime": "2026-01-01",
    "decimal": 1,
    "instant": "2026-01-01T00:00:00Z",
    "integer": 1,
    "oid": "urn:oid:1.2",
    "positiveInt": 1,
    "time": "10:00:00",
    "unsignedInt": 1,
    "uuid": "urn:uuid:c757873d-ec9a-4326-a141-556f43239520",
    "xhtml": '<div xmlns="http://www.w3.org/1999/xhtml">x</div>',
}


class Made:
    """Generates elements whose arrays have many items at one level and one item elsewhere."""

    def __init__(self, size: int, level: int) -> None:
        self.size, self.level, self.values = size, level, 0

    def complex(self, kind: Type, level: int = 0, deep: int = DEEP) -> Json:
        made: Json = {}
        choices = set[str]()
        for name, element in kind.elements.items():
            is_left_out = name in LEFT_OUT or (element.choice and element.choice in choices)
            if is_left_out or not (element.primitive or deep):
                continue
            choices.add(element.choice)
            count = self.size if element.is_array and level == self.level else 1
            items = [self._one(element, level + element.is_array, deep - 1) for _ in range(count)]
            if None not in items:
                made[name] = items if element.is_array else items[0]
        return made

    def _one(self, element: Element, level: int, deep: int) -> Any:
        self.values += 1
        if element.primitive:
            codes = value_set_codes(element.value_set) if element.value_set else []
            text = codes[self.values % len(codes)] if codes else f"x{self.values}"
            return VALUES.get(element.type, text)
        if element.type in ("Resource", "Extension"):
            return None
        return self.complex(type_named(element.type), level, deep)


class Measured(Walk):
    """A validation that counts the steps of each invariant."""

    def __init__(self, resource: Json, zone: tzinfo, counter: growth.Counter) -> None:
        super().__init__(resource, zone)
        self.counter, self.steps = counter, Counter[str]()

    def _holds(self, key: str, value: Json, kind: Type) -> bool:
        before = self.counter.steps
        kept = super()._holds(key, value, kind)
        self.steps[key] += self.counter.steps - before
        return kept


def measured(resource_type: str, size: int, level: int) -> tuple[int, Counter[str]]:
    """Return the number of values in a resource of a type, and the steps of each invariant."""
    made = Made(size, level)
    inner = {"resourceType": resource_type, "id": "a", **made.complex(type_named(resource_type))}
    around = {"resourceType": "Encounter", "contained": [inner]}
    with growth.counting() as counter:
        walk = Measured(around, UTC, counter)
        walk.resource(around, type_named("Encounter"), "Encounter")
        walk.contained(around, "Encounter")
    return made.values, walk.steps


@pytest.fixture(autouse=True)
def every_issue(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lift the limit on issues: the resources are invalid, and every rule must still run."""
    monkeypatch.setattr(walks, "MOST_ISSUES", 10**9)


@pytest.mark.parametrize("level", [0, 1])
@pytest.mark.parametrize("resource_type", sorted(resource_types()))
def test_the_work_of_each_invariant_grows_linearly_with_the_resource(
    resource_type: str, level: int
) -> None:
    measured(resource_type, 1, level)
    few, before = measured(resource_type, FEW, level)
    many, after = measured(resource_type, MANY, level)
    allowed = growth.SLACK * MANY / FEW if many > few else growth.SLACK
    assert [key for key in after if after[key] > allowed * before[key]] == []
