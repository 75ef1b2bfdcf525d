"""A search parameter that a later release adds, and visits that it matches."""

from typing import Any

from shared.catalog.parameters import Index, SearchParam
from tests.support import care

WARD = SearchParam(
    "Encounter",
    "ward",
    "reference",
    "Encounter.location.location",
    targets=("Location",),
    index=Index.ROW,
    needs_reindexing=True,
)


def in_ward(ward: str, **more: Any) -> dict[str, Any]:
    return care.visit(location=[{"location": care.reference(f"Location/{ward}")}], **more)
