"""How sessions begin and end: the deployment's policy, and what a thread's header says instead."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfoNotFoundError

from shared import instants, ulids
from shared.errors import BusinessRule

EXPLICIT, THREAD, DAILY = "explicit", "thread", "daily"
POLICIES = (EXPLICIT, THREAD, DAILY)
# The last part of the extension's URL; what is before it is the base of the server.
EXTENSION = "/StructureDefinition/session-policy"
DAY_MINUTES = 24 * 60
_MOST_MINUTES = 366 * DAY_MINUTES


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy with its limits: minutes without a message (0: none) and hours from opening."""

    name: str = EXPLICIT
    scope: str = "thread"
    zone: tzinfo = UTC
    idle_minutes: int = 0
    max_hours: int = 168


def deployed(name: str, scope: str, zone: tzinfo, idle: int | None, max_hours: int) -> Policy:
    """Give the policy a deployment sets; without a number of minutes that of the policy."""
    return Policy(name, scope, zone, _default_idle(name) if idle is None else idle, max_hours)


def _default_idle(name: str) -> int:
    return DAY_MINUTES if name == THREAD else 0


def of(header: dict[str, Any], deployed: Policy) -> Policy:
    """Return the policy of a thread. Raises BusinessRule naming what its extension says wrongly."""
    said: dict[str, Any] | None = None
    for index, extension in enumerate(header.get("extension", ())):
        if str(extension.get("url", "")).endswith(EXTENSION):
            path = f"Communication.extension[{index}]"
            if said is not None:
                raise BusinessRule("A thread has one session policy", expression=path)
            said = _said(extension, path)
    return deployed if said is None else _overridden(said, deployed)


def _said(extension: dict[str, Any], path: str) -> dict[str, Any]:
    """Return what the parts of a policy's extension say. Raises BusinessRule naming one."""
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
    if "name" in said and not deployed.idle_minutes:
        said.setdefault("idle_minutes", _default_idle(said["name"]))
    if deployed.scope == "patient":
        # The day of a patient is one for all their threads.
        said.pop("zone", None)
    return replace(deployed, **said)


def _value(part: dict[str, Any]) -> str:
    """Give what stands in an extension, whatever its type; nothing long."""
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


def day_of(at: datetime, zone: tzinfo) -> str:
    """Return the local date of an instant."""
    return instants.wall_clock(at, zone).date().isoformat()


def day_bounds(day: str, zone: tzinfo) -> tuple[datetime, datetime]:
    """Return the first instant of a local day and that of the next."""
    first, after = (instants.from_nanoseconds(bound) for bound in instants.parse(day, zone))
    return first, after


def day_keys(day: str, zone: tzinfo) -> tuple[str, str]:
    """Give the sort keys between which a local day's messages stand in their threads."""
    first, after = (
        instants.nanoseconds(bound) // instants.MILLISECOND for bound in day_bounds(day, zone)
    )
    return f"m#{ulids.prefix(first)}", f"m#{ulids.prefix(after - 1)}~"
