"""R4's invariants, each on an element that satisfies it and on one that violates it."""

from typing import Any

import pytest

from shared.fhir.validation import fhirpath, schema
from tests.support.invariant_examples import EXAMPLES, NEVER_BROKEN, WITHIN

CONTAINED = schema._file("contained")
RULES: dict[str, list[str]] = CONTAINED["invariants"]
OF_TYPES = {
    key: name for name, row in CONTAINED["types"].items() for key in row.get("!", "").split()
}


def holds(key: str, element: dict[str, Any]) -> bool:
    resource = WITHIN.get(key, element)
    kind = schema.type_named(OF_TYPES[key])
    return fhirpath.holds(RULES[key][1], element, resource, kind=kind)


def test_every_invariant_is_tried() -> None:
    assert EXAMPLES.keys() | NEVER_BROKEN.keys() == RULES.keys() == OF_TYPES.keys()
    assert all(holds(key, element) for key, element in NEVER_BROKEN.items())


@pytest.mark.parametrize("key", EXAMPLES)
def test_an_invariant_holds_for_its_valid_example_only(key: str) -> None:
    kept, broken = EXAMPLES[key]
    assert holds(key, kept)
    assert not holds(key, broken)


@pytest.mark.parametrize("key", EXAMPLES)
def test_the_examples_have_only_elements_of_their_type(key: str) -> None:
    kind = schema.type_named(OF_TYPES[key])
    for example in EXAMPLES[key]:
        assert example.keys() <= kind.elements.keys()
