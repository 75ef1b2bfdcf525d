"""The kinds into which the rows of a type are divided, by status and by having a `partOf`.

A row's sort key begins with its kind, so that a search which names one reads nothing else. Kinds
are as fine as the questions inboxes ask: what is open, in preparation, closed, or was never done.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

from shared.catalog.parameters import SEARCH_PARAMS
from shared.catalog.types import DIRECTORY, RECORDS
from shared.fhir.search_values import Reference, values
from shared.store.index.partitions import is_keyed

type Resource = dict[str, Any]

# What the kinds of headers begin with.
HEADERS = "h#"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind: the prefix of its sort keys, the statuses it has, and the listing of its own.

    `part` tells whether `part-of` has a value; None where that makes no difference. What is no
    message has a listing.
    """

    prefix: str
    statuses: frozenset[str]
    part: bool | None = None
    listing: str = ""


def _kind(prefix: str, statuses: str, *, part: bool | None = None, listing: str = "") -> Kind:
    return Kind(prefix, frozenset(statuses.split()), part, listing)


_OVER = "completed stopped entered-in-error unknown"


# In order of their prefixes, those that are often read together beside each other: the inbox of
# everything that is not over is `h#n#` to `h#p#` in one Query. What was never done has a kind of
# its own because inboxes ask for "not completed, stopped, ...", which leaves it in; for them it is
# listed with what is open. A header that is part of something else than a Communication is among
# the messages, and has listings of its own.
KINDS: dict[str, tuple[Kind, ...]] = {
    "Encounter": (
        _kind("", "finished cancelled entered-in-error"),
        _kind("", "planned arrived triaged in-progress onleave unknown", listing="open"),
    ),
    # All others are of one kind, whatever their status is.
    **dict.fromkeys(("AuditEvent", *DIRECTORY, *RECORDS), (Kind("", frozenset({""})),)),
    "Communication": (
        _kind("d#", "preparation", part=True),
        _kind("d#", "preparation", part=True, listing="open-parts"),
        _kind("h#c#", _OVER, part=False, listing="closed-threads"),
        _kind("h#n#", "not-done", part=False, listing="open-threads"),
        _kind("h#o#", "in-progress on-hold", part=False, listing="open-threads"),
        _kind("h#p#", "preparation", part=False, listing="open-threads"),
        _kind("m#", f"{_OVER} not-done in-progress on-hold", part=True),
        _kind("m#", _OVER, part=True, listing="closed-parts"),
        _kind("m#", "not-done in-progress on-hold", part=True, listing="open-parts"),
    ),
}


def are_by_status(resource_type: str) -> bool:
    """Tell whether the rows of a type are divided by status."""
    return len(KINDS[resource_type]) > 1


@cache
def _by_state(resource_type: str) -> dict[tuple[bool | None, bool, str], Kind]:
    return {
        (kind.part, bool(kind.listing), status): kind
        for kind in KINDS[resource_type]
        for status in kind.statuses
    }


def kind_of(resource: Resource) -> Kind:
    """Give the kind of a resource."""
    resource_type = resource["resourceType"]
    if not are_by_status(resource_type):
        return KINDS[resource_type][0]
    known, status = _by_state(resource_type), resource["status"]
    if resource_type == "Encounter":
        return known.get((None, True, status)) or known[None, False, status]
    param = SEARCH_PARAMS.of(resource_type)["part-of"]
    parts = values(resource, param)
    is_message = any(isinstance(one, Reference) and is_keyed(param, one) for one in parts)
    return known[bool(parts), not is_message, status]
