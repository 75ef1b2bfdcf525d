"""The kinds into which the rows of a type are divided, by status and by having a `partOf`.

A row's sort key begins with its kind, so that a search which names one reads nothing else. Kinds
are as fine as the questions inboxes ask: what is open, in preparation, closed, or was never done.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

from shared.catalog.parameters import SEARCH_PARAMS
from shared.index.values import values

type Resource = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind: the prefix of its sort keys, the statuses it has, and the listing of its own.

    `part` tells whether `part-of` has a value; None where that makes no difference.
    """

    prefix: str
    statuses: frozenset[str]
    part: bool | None = None
    listing: str = ""


def _kind(prefix: str, statuses: str, *, part: bool | None = None, listing: str = "") -> Kind:
    return Kind(prefix, frozenset(statuses.split()), part, listing)


# In order of their prefixes, those that are often read together beside each other: the inbox of
# everything that is not over is `h#n#` to `h#p#` in one Query. What was never done has a kind of
# its own because inboxes ask for "not completed, stopped, ...", which leaves it in; for them it is
# listed with what is open.
KINDS: dict[str, tuple[Kind, ...]] = {
    "Encounter": (
        _kind("", "finished cancelled entered-in-error"),
        _kind("", "planned arrived triaged in-progress onleave unknown", listing="open"),
    ),
    "Communication": (
        _kind("d#", "preparation", part=True),
        _kind(
            "h#c#",
            "completed stopped entered-in-error unknown",
            part=False,
            listing="closed-threads",
        ),
        _kind("h#n#", "not-done", part=False, listing="open-threads"),
        _kind("h#o#", "in-progress on-hold", part=False, listing="open-threads"),
        _kind("h#p#", "preparation", part=False, listing="open-threads"),
        _kind(
            "m#",
            "completed stopped entered-in-error unknown not-done in-progress on-hold",
            part=True,
        ),
    ),
}


@cache
def _by_state(resource_type: str) -> dict[tuple[bool | None, str], Kind]:
    return {(kind.part, status): kind for kind in KINDS[resource_type] for status in kind.statuses}


def kind_of(resource: Resource) -> Kind:
    """Give the kind of a resource."""
    resource_type = resource["resourceType"]
    part: bool | None = None
    if resource_type == "Communication":
        part = bool(values(resource, SEARCH_PARAMS.of(resource_type)["part-of"]))
    return _by_state(resource_type)[part, resource["status"]]
