"""Splitting a session that gets a second patient: what moves to the first patient's encounter.

Every patient with a medical encounter in a session sees the session. Only elements that say
nothing about a particular patient stay on it.
"""

from typing import Any

from shared.fhir.fhirjson import Resource
from shared.fhir.meta import SET_BY_SERVER

STAYING = frozenset(
    {
        "status",
        "statusHistory",
        "class",
        "type",
        "participant",
        "period",
        "length",
        "location",
        "serviceProvider",
    }
)
_SERVERS = frozenset({"resourceType", "id", "subject"})
_EXTENDS = frozenset({"extension", "modifierExtension"})


def split(session: Resource) -> tuple[Resource, Resource]:
    """Return the session without its patient's elements, and those that move to that patient.

    The subject is in neither. A part of a staying element that has extensions moves with them;
    a copy without them stays unless it would mean something else. A part that refers to a
    contained resource moves, as contained resources do.
    """
    kept: Resource = {name: session[name] for name in ("resourceType", "id") if name in session}
    moved: Resource = {}
    for name, value in session.items():
        if name in STAYING:
            parts = value if isinstance(value, list) else [value]
            bare = [_bare(part) for part in parts if not _is_bound(part)]
            private = [part for part in parts if _is_bound(part) or _bare(part) != part]
            _put(kept, name, bare, like=value)
            _put(moved, name, private, like=value)
        elif name == "meta":
            _put(moved, name, [_clients_meta(value)], like=value)
        elif name not in _SERVERS:
            moved[name] = value
    return kept, moved


def _put(resource: Resource, name: str, parts: list[Any], *, like: Any) -> None:
    """Set an element to the parts that are not empty, as a list if `like` is one.

    Without any such part the element is left out.
    """
    parts = [part for part in parts if part not in ({}, None)]
    if parts:
        resource[name] = parts if isinstance(like, list) else parts[0]


def _clients_meta(meta: Resource) -> Resource:
    return {name: value for name, value in meta.items() if name not in SET_BY_SERVER}


def _bare(value: Any) -> Any:
    """Return a value without extensions, at any depth."""
    if isinstance(value, list):
        return [_bare(part) for part in value]
    if not isinstance(value, dict):
        return value
    return {
        name: _bare(part)
        for name, part in value.items()
        if name not in _EXTENDS and not name.startswith("_")
    }


def _is_bound(part: Any) -> bool:
    """Return whether a part depends on something that moves.

    This is a modifier extension or a reference to a contained resource.
    """
    if isinstance(part, list):
        return any(map(_is_bound, part))
    if not isinstance(part, dict):
        return False
    if "modifierExtension" in part or str(part.get("reference", "")).startswith("#"):
        return True
    return any(_is_bound(value) for name, value in part.items() if name != "extension")
