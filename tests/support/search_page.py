"""A page of a search, asked of the search itself rather than over HTTP."""

from collections.abc import Sequence
from datetime import UTC, tzinfo

from shared.access.caller import Caller
from shared.access.visibility import Visibility
from shared.catalog.roles import DRAFT_READERS
from shared.fhir import references
from shared.search.run.search import Result, search

BASE = "https://fhir.example.org/fhir/R4"


def full_visibility(caller_id: str = "me", tenant: str = "-") -> Visibility:
    """Return the visibility of a caller who sees everything of a tenant."""
    return Visibility(Caller(caller_id, roles=DRAFT_READERS, tenant=tenant))


def search_page(
    resource_type: str,
    query: Sequence[tuple[str, str]],
    visibility: Visibility | None = None,
    *,
    zone: tzinfo = UTC,
    lenient: bool = False,
) -> Result:
    """Return a page of a search. Without a visibility, the caller sees everything."""
    seen, token = visibility or full_visibility(), references.BASE.set(BASE)
    try:
        return search(resource_type, query, visibility=seen, zone=zone, lenient=lenient)
    finally:
        references.BASE.reset(token)
