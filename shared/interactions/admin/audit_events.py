"""Reading and searching the audit trail as AuditEvents.

https://hl7.org/fhir/R4/auditevent.html
"""

from shared.access.caller import Caller
from shared.catalog.types import AUDIT_EVENT
from shared.errors import Invalid, NotFound
from shared.fhir import subsets
from shared.interactions.search import search as search_type
from shared.search.run.search import Result


def read(caller: Caller, event_id: str) -> bytes:
    """Return an event as an AuditEvent in JSON. Raises NotFound."""
    from shared.audit import event_lookup  # noqa: PLC0415 - most requests are searches

    event = event_lookup.json_by_id(caller.tenant, [event_id]).get(event_id)
    if event is None:
        raise NotFound(f"{AUDIT_EVENT}/{event_id} does not exist")
    return event


def search(caller: Caller, query: list[tuple[str, str]], *, lenient: bool) -> Result:
    """Return a page of the events that match a query. Raises Invalid and TooCostly."""
    for name, value in query:
        if name in subsets.NAMES and value not in ("false", subsets.COUNT):
            raise Invalid(
                f"{AUDIT_EVENT}s are always returned in full",
                expression=name,
                diagnostics=f"Leave {name} out, or use _summary=count",
            )
    return search_type(caller, AUDIT_EVENT, query, lenient=lenient)
