"""Our verdicts compared with those of fhirkit, whose types are generated from R4 4.0.1 itself.

Every `FHIRKIT_STRIDE`th element path is tried: the 10th by default, 1 for all.
"""

import os
from collections.abc import Iterator
from itertools import count

import fhirkit
import pytest

from shared.catalog.types import STORED_TYPES
from shared.fhir.validation.validation import issues
from tests.support import variants
from tests.support.variants import Json, Mutant, PathStep

STRIDE = int(os.environ.get("FHIRKIT_STRIDE", "10"))
# Mistakes that fhirkit does not refuse, or not always, with the reason. Ours are all refused.
UNJUDGED = {
    "a reference elsewhere": "it does not know which types a reference may name",
    "an unknown code": "it does not know the codes of value sets",
    "an empty object": "it takes objects without any element, unless one is required",
    "an id alone": "as an empty object: an id is no content",
    "bad extensions": "it does not know ext-1: an extension has a value or extensions",
    "an empty array": "it takes empty arrays of primitives that may have extensions",
    "another form": "it takes spaces in an extension's URL, and any text as an id",
    "extensions of none": "it takes extensions beside XHTML, which has none",
}


def takes(resource: Json) -> bool:
    return not fhirkit.validate(resource)


def sampled(kind: str) -> Iterator[list[PathStep]]:
    """Yield a part of a type's element paths; each type begins at another one."""
    paths = variants.paths(kind, 3)
    yield from paths[STORED_TYPES.index(kind) % STRIDE :: STRIDE]


@pytest.mark.parametrize("kind", STORED_TYPES)
def test_fhirkit_takes_what_we_take(kind: str) -> None:
    tried = count()
    for path in sampled(kind):
        resource = variants.valid_resource(path)
        assert issues(resource, kind) == []
        assert takes(resource), fhirkit.validate(resource)
        next(tried)
    assert next(tried) > 10


@pytest.fixture(scope="module")
def taken() -> list[Mutant]:
    """Return the mutants that fhirkit takes. We take none of them."""
    mutants = [
        mutant
        for kind in STORED_TYPES
        for path in sampled(kind)
        for mutant in variants.mutants(path)
        if takes(mutant.resource)
    ]
    assert all(issues(mutant.resource, mutant.resource["resourceType"]) for mutant in mutants)
    return mutants


def test_fhirkit_refuses_what_we_refuse_but_for_known_mistakes(taken: list[Mutant]) -> None:
    unexpected = [mutant for mutant in taken if mutant.what not in UNJUDGED]
    assert unexpected == []


@pytest.mark.parametrize("mistake", UNJUDGED)
def test_a_known_difference_still_is_one(taken: list[Mutant], mistake: str) -> None:
    assert any(mutant.what == mistake for mutant in taken)
