"""Every answer is read by the models of fhir.resources, a second opinion on what R4 allows.

The package has R4B, whose elements are R4's but for `DIFFERENCES`.
"""

from collections.abc import Callable
from decimal import Decimal
from math import isfinite
from typing import Any

from fhir.resources.R4B import get_fhir_model_class

type Json = dict[str, Any]


def _has_property(name: str) -> Callable[[Any], bool]:
    """Return a function that says whether an object has a property, at any depth."""

    def is_in(value: Any) -> bool:
        if isinstance(value, dict):
            return name in value or any(map(is_in, value.values()))
        return isinstance(value, list) and any(map(is_in, value))

    return is_in


def _has_value_of_extensions_only(value: Any) -> bool:
    """Return whether a choice has only extensions of its primitive, at any depth."""
    if isinstance(value, dict):
        alone = (
            name[1:] not in value for name in value if name.startswith(("_value", "_contentString"))
        )
        return any(alone) or any(map(_has_value_of_extensions_only, value.values()))
    return isinstance(value, list) and any(map(_has_value_of_extensions_only, value))


def _has_vast_number(value: Any) -> bool:
    """Return whether a number is beyond those of a float, at any depth."""
    if isinstance(value, dict | list):
        return any(map(_has_vast_number, value.values() if isinstance(value, dict) else value))
    return isinstance(value, Decimal) and not isfinite(float(value))


# What R4 allows and the models refuse: the reason, and what tells that a resource has it.
DIFFERENCES: dict[str, Callable[[Any], bool]] = {
    "R4B took valueMeta out of Extension": _has_property("valueMeta"),
    "the models require a choice's value, where R4 is content with its extensions": (
        _has_value_of_extensions_only
    ),
    "the models read numbers as floats": _has_vast_number,
}


def check(resource: Json, text: bytes) -> None:
    """Raise ValidationError unless the models take a resource, or it has a known difference."""
    if not any(differs(resource) for differs in DIFFERENCES.values()):
        get_fhir_model_class(resource["resourceType"]).model_validate_json(text)
