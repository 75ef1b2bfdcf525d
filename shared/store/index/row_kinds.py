"""The kinds of a type's index rows, by status and by whether `partOf` is present.

A row's sort key begins with the prefix of its kind, so that a search for one kind reads no other.
The kinds are those that inboxes ask for: open, in preparation, closed, or never done.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

from shared.catalog.parameters import SEARCH_PARAMS
from shared.catalog.types import DIRECTORY_TYPES, RECORD_TYPES, SERVICE_TYPES
from shared.fhir.search_values import Reference, values
from shared.rules.classification import DRAFT
from shared.store.index.partitions import is_keyed

type Resource = dict[str, Any]

# The common prefix of all kinds of headers.
HEADER_PREFIX = "h#"


@dataclass(frozen=True, slots=True)
class RowKind:
    """A kind: the prefix of its sort keys, its statuses, and the name of its listing.

    `part` says whether `part-of` has a value, and is None if that makes no difference. `listing` is
    empty if the kind has none; of the Communications only messages have none.
    """

    prefix: str
    statuses: frozenset[str]
    part: bool | None = None
    listing: str = ""


def _kind(prefix: str, statuses: str, *, part: bool | None = None, listing: str = "") -> RowKind:
    return RowKind(prefix, frozenset(statuses.split()), part, listing)


_OVER = "completed stopped entered-in-error unknown"


# In order of prefixes, so that kinds that are often read together are adjacent: an inbox of
# everything that is not over reads `h#n#` to `h#p#` in one Query. `not-done` has a kind of its own,
# because inboxes ask for "not completed, stopped, ...", which includes it; it is listed among the
# open ones for the same reason. A header whose `partOf` is no Communication has the prefix of
# messages, and listings of its own.
KINDS: dict[str, tuple[RowKind, ...]] = {
    "Encounter": (
        _kind("", "finished cancelled entered-in-error"),
        _kind("", "planned arrived triaged in-progress onleave unknown", listing="open"),
    ),
    # Other types have one kind, whatever the status.
    **dict.fromkeys(
        ("AuditEvent", *DIRECTORY_TYPES, *RECORD_TYPES, *SERVICE_TYPES),
        (RowKind("", frozenset({""})),),
    ),
    "Communication": (
        _kind("d#", DRAFT, part=True),
        _kind("d#", DRAFT, part=True, listing="open-parts"),
        _kind("h#c#", _OVER, part=False, listing="closed-threads"),
        _kind("h#n#", "not-done", part=False, listing="open-threads"),
        _kind("h#o#", "in-progress on-hold", part=False, listing="open-threads"),
        _kind("h#p#", DRAFT, part=False, listing="open-threads"),
        _kind("m#", f"{_OVER} not-done in-progress on-hold", part=True),
        _kind("m#", _OVER, part=True, listing="closed-parts"),
        _kind("m#", "not-done in-progress on-hold", part=True, listing="open-parts"),
    ),
}


def has_several_kinds(resource_type: str) -> bool:
    """Return whether a type has different kinds of rows."""
    return len(KINDS[resource_type]) > 1


@cache
def _by_state(resource_type: str) -> dict[tuple[bool | None, bool, str], RowKind]:
    return {
        (kind.part, bool(kind.listing), status): kind
        for kind in KINDS[resource_type]
        for status in kind.statuses
    }


def row_kind(resource: Resource) -> RowKind:
    """Return the kind of a resource's rows."""
    resource_type = resource["resourceType"]
    if not has_several_kinds(resource_type):
        return KINDS[resource_type][0]
    kinds, status = _by_state(resource_type), resource["status"]
    if resource_type == "Encounter":
        return kinds.get((None, True, status)) or kinds[None, False, status]
    param = SEARCH_PARAMS.of(resource_type)["part-of"]
    parts = values(resource, param)
    is_message = any(isinstance(part, Reference) and is_keyed(param, part) for part in parts)
    return kinds[bool(parts), not is_message, status]
