"""What a summary of each type that is searched shows."""

import json

import pytest

from shared.catalog.interactions import AUDIT_EVENT
from shared.catalog.types import TYPES
from shared.resources import subsets


@pytest.mark.parametrize("resource_type", [*TYPES, AUDIT_EVENT])
@pytest.mark.parametrize("summary", ["true", "text", "data"])
def test_every_type_that_is_searched_has_a_summary(resource_type: str, summary: str) -> None:
    resource = {"resourceType": resource_type, "id": "1", "meta": {}, "language": "en"}
    subset = subsets.asked(resource_type, {"_summary": summary})
    assert subset
    cut = json.loads(subset.cut(json.dumps(resource).encode()))
    assert ("language" in cut) is (summary == "data")
    assert cut["meta"]["tag"][0]["code"] == "SUBSETTED"
