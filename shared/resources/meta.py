"""What of `meta` is the client's and what the server's.

https://hl7.org/fhir/R4/resource.html#Meta
"""

from collections.abc import Callable, Hashable
from typing import Any

from shared.errors import BusinessRule
from shared.fhirjson import canonical

OBSERVATION_VALUE = "http://terminology.hl7.org/CodeSystem/v3-ObservationValue"
SUBSETTED = {"system": OBSERVATION_VALUE, "code": "SUBSETTED"}
_SERVERS = frozenset({"versionId", "lastUpdated"})
_MEDPLUMS = frozenset({"project", "author", "onBehalfOf", "account", "accounts", "compartment"})


def meta_as_written(resource: dict[str, Any]) -> dict[str, Any]:
    """Give the resource with what its writer may say in `meta`; the rest is dropped, not refused.

    Raises BusinessRule for what was read in part (`_elements`, `_summary`): storing it loses data.
    """
    meta = resource.get("meta")
    if not isinstance(meta, dict):
        return resource
    _refuse_subset(meta, f"{resource.get('resourceType')}.meta.tag")
    dropped = _SERVERS | _MEDPLUMS
    kept = {name: each for name, each in meta.items() if name.removeprefix("_") not in dropped}
    rest = {name: each for name, each in resource.items() if name != "meta"}
    return {**resource, "meta": kept} if kept else rest


def as_stamped(resource: dict[str, Any]) -> dict[str, Any]:
    """Return a resource as it is checked: an id alone is no `meta` until the server adds to it."""
    meta = resource.get("meta")
    if not isinstance(meta, dict) or meta.keys() != {"id"}:
        return resource
    return {**resource, "meta": {**meta, "versionId": "1"}}


def _refuse_subset(meta: dict[str, Any], expression: str) -> None:
    tags = meta.get("tag")
    for index, tag in enumerate(tags if isinstance(tags, list) else []):
        if isinstance(tag, dict) and SUBSETTED.items() <= tag.items():
            raise BusinessRule(
                "A resource that was read in part (tag SUBSETTED) cannot be stored",
                expression=f"{expression}[{index}]",
                diagnostics="Read it without _elements and _summary, change it, and write it whole",
            )


def without_repeats(resource: dict[str, Any]) -> dict[str, Any]:
    """Return a valid resource with each tag, security label and profile once: the first stays.

    They are sets: https://hl7.org/fhir/R4/resource.html#Meta
    """
    meta = resource.get("meta", {})
    once = {name: _once(meta[name], _coding_key) for name in ("tag", "security") if name in meta}
    # What extends a profile has its place in another array.
    if "profile" in meta and "_profile" not in meta:
        once["profile"] = _once(meta["profile"], str)
    repeats = {name: each for name, each in once.items() if len(each) < len(meta[name])}
    return {**resource, "meta": {**meta, **repeats}} if repeats else resource


def _once(items: list[Any], key: Callable[[Any], Hashable]) -> list[Any]:
    """Return the first of the items of each key, in their order."""
    first: dict[Hashable, Any] = {}
    for item in items:
        first.setdefault(key(item), item)
    return [*first.values()]


def _coding_key(coding: dict[str, Any]) -> Hashable:
    """Return what makes two codings one: their system and code, or all that they say."""
    if "code" in coding:
        return coding.get("system"), coding["code"]
    return canonical(coding)


def stamp(resource: dict[str, Any], version: int, updated: str) -> dict[str, Any]:
    """Give the resource as stored: type, id and meta first, with its version and instant."""
    meta = {name: each for name, each in resource.get("meta", {}).items() if name not in _SERVERS}
    return {
        "resourceType": resource["resourceType"],
        "id": resource["id"],
        "meta": {"versionId": str(version), "lastUpdated": updated, **meta},
        **{name: each for name, each in resource.items() if name not in _FIRST},
    }


_FIRST = frozenset({"resourceType", "id", "meta"})
