"""Session policies: the deployment's, what a thread's header overrides, and the bounds of days."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfoNotFoundError

from shared.errors import BusinessRule
from shared.fhir import instants, ulids

EXPLICIT, THREAD, DAILY = "explicit", "thread", "daily"
POLICIES = (EXPLICIT, THREAD, DAILY)
# The end of the extension's URL. The server's base URL stands before it, and is not compared.
EXTENSION = "/StructureDefinition/session-policy"
DAY_MINUTES = 24 * 60
# A year: no session is meant to last longer, and large numbers would overflow a datetime.
_MOST_MINUTES = 366 * DAY_MINUTES


@dataclass(frozen=True, slots=True)
class Policy:
    """A session policy with its limits.

    A session closes after `idle_minutes` without a message (0: no limit) and `max_hours` after it
    was opened, as far as its policy says so.
    """

    name: str = EXPLICIT
    scope: str = "thread"
    zone: tzinfo = UTC
    idle_minutes: int = 0
    max_hours: int = 168


def deployed(name: str, scope: str, zone: tzinfo, idle: int | None, max_hours: int) -> Policy:
    """Return the deployment's policy. If `idle` is None, idle minutes default by its name."""
    return Policy(name, scope, zone, _default_idle(name) if idle is None else idle, max_hours)


def _default_idle(name: str) -> int:
    return DAY_MINUTES if name == THREAD else 0


def of(header: dict[str, Any], deployed: Policy) -> Policy:
    """Return a thread's policy: the deployment's, with what the header's extension overrides.

    Raises BusinessRule naming the part of the extension that is wrong.
    """
    overrides: dict[str, Any] | None = None
    for index, extension in enumerate(header.get("extension", ())):
        if str(extension.get("url", "")).endswith(EXTENSION):
            path = f"Communication.extension[{index}]"
            if overrides is not None:
                raise BusinessRule("A thread can have only one session policy", expression=path)
            overrides = _overrides(extension, path)
    return deployed if overrides is None else _overridden(overrides, deployed)


def _overrides(extension: dict[str, Any], path: str) -> dict[str, Any]:
    """Return the fields of a Policy that an extension sets. Raises BusinessRule."""
    for name in extension:
        if name.removeprefix("_").startswith("value"):
            raise BusinessRule(
                f"A session policy has parts ({', '.join(_PARTS)}) and no value of its own: "
                f"remove {name}",
                expression=path,
            )
    overrides: dict[str, Any] = {}
    for index, part in enumerate(extension.get("extension", ())):
        url, part_path = part.get("url"), f"{path}.extension[{index}]"
        if url not in _PARTS:
            raise BusinessRule(
                f"{url!r} is not a part of a session policy, which has only {', '.join(_PARTS)}",
                expression=part_path,
            )
        name, value = _PARTS[url](part, part_path)
        if name in overrides:
            raise BusinessRule(
                f"A session policy can have the part {url} only once", expression=part_path
            )
        overrides[name] = value
    return overrides


def _overridden(overrides: dict[str, Any], deployed: Policy) -> Policy:
    if "name" in overrides and not deployed.idle_minutes:
        overrides.setdefault("idle_minutes", _default_idle(overrides["name"]))
    if deployed.scope == "patient":
        # All threads of a patient share one day, and so one time zone.
        overrides.pop("zone", None)
    return replace(deployed, **overrides)


def _value(part: dict[str, Any]) -> str:
    """Return the value of an extension, whatever its type, shortened for an error text."""
    values = [value for name, value in part.items() if name.startswith("value")]
    return repr(values[0])[:60] if values else "Nothing"


def _policy(part: dict[str, Any], path: str) -> tuple[str, Any]:
    value = part.get("valueCode")
    if value not in POLICIES:
        text = f"{_value(part)} is not a session policy: use a valueCode of {', '.join(POLICIES)}"
        raise BusinessRule(text, expression=path)
    return "name", value


def _minutes(part: dict[str, Any], path: str) -> tuple[str, Any]:
    value = part.get("valueUnsignedInt")
    if not isinstance(value, int) or value > _MOST_MINUTES:
        raise BusinessRule(
            f"{_value(part)} is not valid as idleMinutes: use a valueUnsignedInt of at most "
            f"{_MOST_MINUTES}, which is a year",
            expression=path,
        )
    return "idle_minutes", value


def _hours(part: dict[str, Any], path: str) -> tuple[str, Any]:
    value = part.get("valuePositiveInt")
    if not isinstance(value, int) or value > _MOST_MINUTES // 60:
        raise BusinessRule(
            f"{_value(part)} is not valid as maxHours: use a valuePositiveInt of at most "
            f"{_MOST_MINUTES // 60}, which is a year",
            expression=path,
        )
    return "max_hours", value


def _zone(part: dict[str, Any], path: str) -> tuple[str, Any]:
    try:
        return "zone", instants.zone(str(part.get("valueCode", "")))
    except (ZoneInfoNotFoundError, ValueError):
        text = f"{_value(part)} is not an IANA time zone: use a valueCode such as Europe/Berlin"
        raise BusinessRule(text, expression=path) from None


_PARTS = {"policy": _policy, "idleMinutes": _minutes, "maxHours": _hours, "timeZone": _zone}


def day_of(at: datetime, zone: tzinfo) -> str:
    """Return the local date of an instant, as in 2026-11-21."""
    return instants.wall_clock(at, zone).date().isoformat()


def day_bounds(day: str, zone: tzinfo) -> tuple[datetime, datetime]:
    """Return the first instant of a local day and that of the next day."""
    start, end = (instants.from_nanoseconds(bound) for bound in instants.parse(day, zone))
    return start, end


def day_keys(day: str, zone: tzinfo) -> tuple[str, str]:
    """Return the lowest and highest sort key that a local day's messages can have in a thread."""
    start, end = (
        instants.nanoseconds(bound) // instants.MILLISECOND for bound in day_bounds(day, zone)
    )
    return f"m#{ulids.prefix(start)}", f"m#{ulids.prefix(end - 1)}~"
