"""The extension by which a header sets the policy and limits of its thread's sessions."""

from collections.abc import Callable
from dataclasses import replace
from datetime import tzinfo
from functools import partial
from typing import Any
from zoneinfo import ZoneInfoNotFoundError

from shared.catalog.policies import BY_PATIENT, EXTENSION_PATH, POLICIES
from shared.errors import BusinessRule
from shared.fhir import instants
from shared.rules.policies import DAY_MINUTES, Policy

_MOST_MINUTES = 366 * DAY_MINUTES


def policy_of(header: dict[str, Any], deployed: Policy) -> Policy:
    """Return the policy of a thread. Raises BusinessRule if its header's extension is wrong."""
    fields: dict[str, Any] | None = None
    for index, extension in enumerate(header.get("extension", ())):
        if str(extension.get("url", "")).endswith(EXTENSION_PATH):
            path = f"Communication.extension[{index}]"
            if fields is not None:
                raise BusinessRule("A thread has one session policy", expression=path)
            fields = _fields(extension, path)
    if fields and deployed.scope == BY_PATIENT:
        # The day of a patient is one for all their threads.
        fields.pop("zone", None)
    return replace(deployed, **fields) if fields else deployed


def _fields(extension: dict[str, Any], path: str) -> dict[str, Any]:
    """Return the fields of Policy that an extension sets. Raises BusinessRule for a wrong part."""
    for name in extension:
        if name.removeprefix("_").startswith("value"):
            text = f"A session policy has parts ({', '.join(_PARTS)}), and no value beside: {name}"
            raise BusinessRule(text, expression=path)
    fields: dict[str, Any] = {}
    for index, part in enumerate(extension.get("extension", ())):
        url, place = part.get("url"), f"{path}.extension[{index}]"
        if url not in _PARTS:
            raise BusinessRule(
                f"{url!r} is none of what a session policy says: {', '.join(_PARTS)}",
                expression=place,
            )
        field, element, parse, refusal = _PARTS[url]
        try:
            value = parse(part.get(element))
        except (ValueError, ZoneInfoNotFoundError):
            raise BusinessRule(f"{_value(part)} {refusal}", expression=place) from None
        if field in fields:
            raise BusinessRule(f"A session policy says {url} once", expression=place)
        fields[field] = value
    return fields


def _value(part: dict[str, Any]) -> str:
    """Return the value of an extension as text, of any type and cut to 60 characters."""
    values = [value for name, value in part.items() if name.startswith("value")]
    return repr(values[0])[:60] if values else "Nothing"


def _policy_name(value: object) -> object:
    if value not in POLICIES:
        raise ValueError
    return value


def _number(value: object, most: int) -> int:
    if not isinstance(value, int) or value > most:
        raise ValueError
    return value


def _zone(value: object) -> tzinfo:
    return instants.zone(str(value or ""))


# By url: the field of Policy, the element of the value, how that is parsed, and the refusal of one
# for which that raises ValueError.
_PARTS: dict[str, tuple[str, str, Callable[[object], object], str]] = {
    "policy": (
        "name",
        "valueCode",
        _policy_name,
        f"is no policy: there are {', '.join(POLICIES)}, as valueCode",
    ),
    "idleMinutes": (
        "idle_minutes",
        "valueUnsignedInt",
        partial(_number, most=_MOST_MINUTES),
        "are no idleMinutes: they are a valueUnsignedInt, a year at most",
    ),
    "maxHours": (
        "max_hours",
        "valuePositiveInt",
        partial(_number, most=_MOST_MINUTES // 60),
        "are no maxHours: they are a valuePositiveInt, a year at most",
    ),
    "timeZone": ("zone", "valueCode", _zone, "is no IANA time zone, as valueCode"),
}
