"""The extension by which a header sets the policy and limits of its thread's sessions."""

from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfoNotFoundError

from shared.catalog.policies import BY_PATIENT, EXTENSION_PATH, POLICIES
from shared.errors import BusinessRule
from shared.fhir import instants
from shared.rules.policies import DAY_MINUTES, Policy

_MOST_MINUTES = 366 * DAY_MINUTES


def policy_of(header: dict[str, Any], deployed: Policy) -> Policy:
    """Return the policy of a thread. Raises BusinessRule if its header's extension is wrong."""
    said: dict[str, Any] | None = None
    for index, extension in enumerate(header.get("extension", ())):
        if str(extension.get("url", "")).endswith(EXTENSION_PATH):
            path = f"Communication.extension[{index}]"
            if said is not None:
                raise BusinessRule("A thread has one session policy", expression=path)
            said = _said(extension, path)
    return deployed if said is None else _overridden(said, deployed)


def _said(extension: dict[str, Any], path: str) -> dict[str, Any]:
    """Return the fields of Policy that an extension sets. Raises BusinessRule for a wrong part."""
    for name in extension:
        if name.removeprefix("_").startswith("value"):
            text = f"A session policy has parts ({', '.join(_PARTS)}), and no value beside: {name}"
            raise BusinessRule(text, expression=path)
    said: dict[str, Any] = {}
    for index, part in enumerate(extension.get("extension", ())):
        url, place = part.get("url"), f"{path}.extension[{index}]"
        if url not in _PARTS:
            raise BusinessRule(
                f"{url!r} is none of what a session policy says: {', '.join(_PARTS)}",
                expression=place,
            )
        name, value = _PARTS[url](part, place)
        if name in said:
            raise BusinessRule(f"A session policy says {url} once", expression=place)
        said[name] = value
    return said


def _overridden(said: dict[str, Any], deployed: Policy) -> Policy:
    if deployed.scope == BY_PATIENT:
        # The day of a patient is one for all their threads.
        said.pop("zone", None)
    return replace(deployed, **said)


def _value(part: dict[str, Any]) -> str:
    """Return the value of an extension as text, of any type and cut to 60 characters."""
    said = [value for name, value in part.items() if name.startswith("value")]
    return repr(said[0])[:60] if said else "Nothing"


def _policy(part: dict[str, Any], path: str) -> tuple[str, Any]:
    value = part.get("valueCode")
    if value not in POLICIES:
        text = f"{_value(part)} is no policy: there are {', '.join(POLICIES)}, as valueCode"
        raise BusinessRule(text, expression=path)
    return "name", value


def _minutes(part: dict[str, Any], path: str) -> tuple[str, Any]:
    value = part.get("valueUnsignedInt")
    if not isinstance(value, int) or value > _MOST_MINUTES:
        text = f"{_value(part)} are no idleMinutes: they are a valueUnsignedInt, a year at most"
        raise BusinessRule(text, expression=path)
    return "idle_minutes", value


def _hours(part: dict[str, Any], path: str) -> tuple[str, Any]:
    value = part.get("valuePositiveInt")
    if not isinstance(value, int) or value > _MOST_MINUTES // 60:
        text = f"{_value(part)} are no maxHours: they are a valuePositiveInt, a year at most"
        raise BusinessRule(text, expression=path)
    return "max_hours", value


def _zone(part: dict[str, Any], path: str) -> tuple[str, Any]:
    try:
        return "zone", instants.zone(str(part.get("valueCode", "")))
    except (ZoneInfoNotFoundError, ValueError):
        text = f"{_value(part)} is no IANA time zone, as valueCode"
        raise BusinessRule(text, expression=path) from None


_PARTS = {"policy": _policy, "idleMinutes": _minutes, "maxHours": _hours, "timeZone": _zone}
