"""The metadata of resources: what clients may write in `meta`, and what the server sets.

https://hl7.org/fhir/R4/resource.html#Meta
"""

from collections.abc import Callable, Collection, Hashable
from typing import Any

from shared.errors import BusinessRule
from shared.fhir.fhirjson import canonical

OBSERVATION_VALUE = "http://terminology.hl7.org/CodeSystem/v3-ObservationValue"
SUBSETTED = {"system": OBSERVATION_VALUE, "code": "SUBSETTED"}
SET_BY_SERVER = frozenset({"versionId", "lastUpdated"})
_SET_BY_MEDPLUM = frozenset(
    {"project", "author", "onBehalfOf", "account", "accounts", "compartment"}
)


def with_client_meta(resource: dict[str, Any]) -> dict[str, Any]:
    """Return a resource without the parts of `meta` that a client may not set.

    They are ignored rather than refused. Raises BusinessRule for a resource that was read in part
    (`_elements`, `_summary`), since storing it would lose data.
    """
    meta = resource.get("meta")
    if not isinstance(meta, dict):
        return resource
    _refuse_subset(meta, f"{resource.get('resourceType')}.meta.tag")
    dropped = SET_BY_SERVER | _SET_BY_MEDPLUM
    kept = {name: value for name, value in meta.items() if name.removeprefix("_") not in dropped}
    return {**resource, "meta": kept} if kept else _without(resource, ("meta",))


def with_placeholder_version(resource: dict[str, Any]) -> dict[str, Any]:
    """Return a resource with the version that the server will add, if its `meta` has only an id.

    An element with nothing but an id would fail validation.
    """
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
                diagnostics="Read it without _elements and _summary, change it, and send all of it",
            )


def without_repeated_meta(resource: dict[str, Any]) -> dict[str, Any]:
    """Return a valid resource without repeated tags, security labels and profiles.

    The first of equal ones stays. They are sets: https://hl7.org/fhir/R4/resource.html#Meta
    """
    meta = resource.get("meta", {})
    once = {name: _once(meta[name], _coding_key) for name in ("tag", "security") if name in meta}
    # The extensions of profiles refer to them by index, in a parallel array.
    if "profile" in meta and "_profile" not in meta:
        once["profile"] = _once(meta["profile"], str)
    shorter = {name: items for name, items in once.items() if len(items) < len(meta[name])}
    return {**resource, "meta": {**meta, **shorter}} if shorter else resource


def _once(items: list[Any], key: Callable[[Any], Hashable]) -> list[Any]:
    """Return the first item of each key, in their order."""
    first: dict[Hashable, Any] = {}
    for item in items:
        first.setdefault(key(item), item)
    return [*first.values()]


def _coding_key(coding: dict[str, Any]) -> Hashable:
    """Return a key that is equal for equal codings: system and code, or all of a coding."""
    if "code" in coding:
        return coding.get("system"), coding["code"]
    return canonical(coding)


def has_same_content(a: dict[str, Any], b: dict[str, Any]) -> bool:
    """Return whether two resources have the same content, apart from version and `lastUpdated`.

    The order of properties has no meaning in FHIR. `1.50` and `1.5` differ, in precision.
    https://hl7.org/fhir/R4/json.html
    """
    return canonical(_content(a)) == canonical(_content(b))


def _content(resource: dict[str, Any]) -> dict[str, Any]:
    return resource | {"meta": _without(resource.get("meta", {}), SET_BY_SERVER)}


def _without(members: dict[str, Any], names: Collection[str]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if name not in names}


def stamp(resource: dict[str, Any], version: int, updated: str) -> dict[str, Any]:
    """Return a resource as it is stored, with `versionId` and `lastUpdated` in its `meta`.

    Type, id and `meta` come first.
    """
    client_meta = _without(resource.get("meta", {}), SET_BY_SERVER)
    return {
        "resourceType": resource["resourceType"],
        "id": resource["id"],
        "meta": {"versionId": str(version), "lastUpdated": updated, **client_meta},
        **_without(resource, ("resourceType", "id", "meta")),
    }
