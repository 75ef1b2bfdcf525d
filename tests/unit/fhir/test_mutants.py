"""Every element path of the stored types, with a valid value and with each mistake."""

from collections import Counter

import pytest

from shared.catalog.types import DIRECTORY_TYPES, RECORD_TYPES, SESSION_TYPES
from shared.fhir.empties import strip
from shared.fhir.validation.schema import type_named
from shared.fhir.validation.validation import issues
from tests.support import variants

# The depth to which data types are followed; they are the same everywhere.
DEPTHS = dict.fromkeys(SESSION_TYPES, variants.DEEPEST) | dict.fromkeys(
    (*DIRECTORY_TYPES, *RECORD_TYPES), 3
)


@pytest.mark.parametrize(("root", "deepest"), DEPTHS.items())
def test_a_valid_element_is_accepted_at_every_path_and_each_mistake_is_refused_there(
    root: str, deepest: int
) -> None:
    tried: Counter[str] = Counter()
    for way in variants.paths(root, deepest):
        resource = variants.valid_resource(way)
        assert issues(resource, root) == [], variants.expression(way)
        assert strip(resource).resource == resource
        for mutant in variants.mutants(way):
            problems = {(issue.code, issue.expression) for issue in issues(mutant.resource, root)}
            assert (mutant.code, mutant.expression) in problems, mutant
            tried[mutant.what] += 1
    assert set(tried) == variants.MISTAKES
    assert tried.total() > 3000


@pytest.mark.parametrize(("root", "deepest"), DEPTHS.items())
def test_every_reachable_element_has_a_path(root: str, deepest: int) -> None:
    followed = {
        (step.kind.name, step.name) for way in variants.paths(root, deepest) for step in way
    }
    own = {name for name in (kind for kind, _ in followed) if name.startswith(root)}
    for kind in own:
        expected = {(kind, name) for name in type_named(kind).elements}
        assert expected - followed <= {(root, "contained")}
