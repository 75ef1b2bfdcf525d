"""Whether a write changes anything."""

from typing import Any

from shared.fhirjson import canonical

_SERVERS = frozenset({"versionId", "lastUpdated"})


def same(a: dict[str, Any], b: dict[str, Any]) -> bool:
    """Tell whether two resources are equal token by token, version and instant aside.

    The order of properties says nothing in FHIR; `1.50` and `1.5` differ in precision.
    https://hl7.org/fhir/R4/json.html
    """
    return canonical(_content(a)) == canonical(_content(b))


def _content(resource: dict[str, Any]) -> dict[str, Any]:
    meta = resource.get("meta", {})
    kept = {name: each for name, each in meta.items() if name not in _SERVERS}
    return {**{name: each for name, each in resource.items() if name != "meta"}, "meta": kept}
