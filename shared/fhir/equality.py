"""Comparison of resources, to tell whether a write changes anything."""

from typing import Any

from shared.fhir.fhirjson import canonical
from shared.fhir.meta import SET_BY_SERVER


def has_same_content(a: dict[str, Any], b: dict[str, Any]) -> bool:
    """Return whether two resources have the same content, apart from version and `lastUpdated`.

    The order of properties has no meaning in FHIR. `1.50` and `1.5` differ, in precision.
    https://hl7.org/fhir/R4/json.html
    """
    return canonical(_content(a)) == canonical(_content(b))


def _content(resource: dict[str, Any]) -> dict[str, Any]:
    meta = resource.get("meta", {})
    kept = {name: value for name, value in meta.items() if name not in SET_BY_SERVER}
    return {**{name: value for name, value in resource.items() if name != "meta"}, "meta": kept}
