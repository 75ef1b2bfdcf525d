"""The rules of Subscriptions: what a client may ask for, and the status that follows.

https://hl7.org/fhir/R4/subscription.html
"""

from datetime import UTC, datetime
from typing import Any

from shared.catalog.subscriptions import (
    ACTIVE,
    ERROR,
    OFF,
    PAYLOAD,
    REQUESTED,
    REST_HOOK,
)
from shared.errors import BusinessRule, Issue
from shared.fhir import instants
from shared.fhir.fhirjson import Resource
from shared.rules import endpoints, subscription_extensions

# The elements that decide where and what is sent: a change of one needs a new handshake.
_DECISIVE = ("criteria", "channel")
# In addition, what only its maker changes. The secret is an extension.
_MAKERS = (*_DECISIVE, "end")
# A larger text costs every change of its type.
LONGEST_CRITERIA = 2000


def check(before: Resource, after: Resource, *, allows_local: bool = False) -> None:
    """Raise BusinessRule naming everything in a Subscription that is not offered.

    What was offered once may stay: criteria and channel are looked at only if `needs_check`.
    `allows_local` permits endpoints on this machine.
    """
    issues = [*_missing(after), *_reference_issues(after)]
    if needs_check(before, after):
        issues += _criteria_issues(after)
        issues += _channel_issues(after.get("channel", {}), allows_local=allows_local)
    if issues:
        raise BusinessRule(issues=issues)


def _missing(subscription: Resource) -> list[Issue]:
    """Return an issue for each required element that has an extension in place of its value."""
    channel = subscription.get("channel", {})
    present = {
        "Subscription.status": "status" in subscription,
        "Subscription.criteria": "criteria" in subscription,
        "Subscription.channel.type": "type" in channel,
        "Subscription.channel.endpoint": "endpoint" in channel,
    }
    return [_issue("A value is required", path) for path, given in present.items() if not given]


def needs_check(before: Resource, after: Resource) -> bool:
    """Return whether a write says anew what is to be sent where, or asks for a new start.

    `off` of what is there must be possible whatever has become of its criteria or endpoint.
    """
    is_changed = any(
        _checked_parts(before)[name] != part for name, part in _checked_parts(after).items()
    )
    is_on, was_on = (each.get("status") in (REQUESTED, ACTIVE) for each in (after, before))
    return is_changed or (is_on and not was_on)


def _checked_parts(subscription: Resource) -> dict[str, Any]:
    """Return what is checked. Headers are not: their values are never in what is stored."""
    channel = subscription.get("channel", {})
    parts = {f"channel.{name}": channel.get(name) for name in ("type", "payload", "endpoint")}
    return parts | {name: subscription.get(name) for name in ("criteria", "end")}


def _criteria_issues(subscription: Resource) -> list[Issue]:
    if len(subscription.get("criteria", "")) <= LONGEST_CRITERIA:
        return []
    text = f"Criteria have at most {LONGEST_CRITERIA} characters"
    return [_issue(text, "Subscription.criteria")]


def _channel_issues(channel: Resource, *, allows_local: bool) -> list[Issue]:
    issues = []
    if channel.get("type", REST_HOOK) != REST_HOOK:
        text = f"{channel['type']} is not offered; use {REST_HOOK}"
        issues.append(_issue(text, "Subscription.channel.type"))
    if channel.get("payload", PAYLOAD) != PAYLOAD:
        text = f"{channel['payload']} is not offered; use {PAYLOAD}, or leave payload out"
        issues.append(_issue(text, "Subscription.channel.payload"))
    if "endpoint" in channel:
        try:
            endpoints.parse(channel["endpoint"], allows_local=allows_local)
        except endpoints.Unsuitable as problem:
            issues.append(_issue(f"The endpoint {problem}", "Subscription.channel.endpoint"))
    return issues


def _reference_issues(subscription: Resource) -> list[Issue]:
    """Return an issue for each extension with a Reference that is not the owner's."""
    return [
        _issue("An extension of a Subscription cannot be a Reference", f"{path}.value")
        for index, extension in enumerate(subscription.get("extension", ()))
        if "valueReference" in extension
        and not subscription_extensions.is_owner(extension)
        and (path := f"Subscription.extension[{index}]")
    ]


def _issue(text: str, path: str) -> Issue:
    return Issue(BusinessRule.code, text, path)


def with_status(before: Resource, after: Resource, now: datetime) -> Resource:
    """Return a client's Subscription with the status that it gets, and the server's `error`.

    A handshake is asked for by `requested` (or `active`, of one that is not), and left out if an
    active one keeps criteria and channel. Raises BusinessRule if the status is not a client's to
    set, or `end` is over.
    """
    rest = {name: value for name, value in after.items() if name not in ("error", "_error")}
    status = _status(before, after)
    if status == ERROR:
        return rest | {"error": before["error"]}
    if status != OFF and is_over(after, now):
        raise BusinessRule(
            "The end is over",
            expression="Subscription.end",
            diagnostics="Set a later one, leave it out, or set status to off",
        )
    return rest | {"status": status}


def _status(before: Resource, after: Resource) -> str:
    wanted, present = after["status"], before.get("status")
    if wanted == OFF or wanted == present == ERROR:
        return str(wanted)
    if wanted == ERROR:
        raise BusinessRule(
            "Only the server sets the status error",
            expression="Subscription.status",
            diagnostics=f"Use {REQUESTED} or {OFF}",
        )
    return ACTIVE if present == ACTIVE and not is_changed(before, after) else REQUESTED


def is_on(subscription: Resource) -> bool:
    """Return whether a Subscription is not off, and neither new nor deleted."""
    return bool(subscription.get("status", OFF) != OFF)


def asks_for_handshake(before: Resource, after: Resource) -> bool:
    """Return whether a write, whose status the server has set, leads to a new handshake."""
    is_new = before.get("status") != REQUESTED or is_changed(before, after)
    return bool(after["status"] == REQUESTED and is_new)


def is_over(subscription: Resource, now: datetime) -> bool:
    """Return whether the `end` of a Subscription has passed."""
    end = subscription.get("end")
    return end is not None and instants.parse(end, UTC).low <= instants.to_nanoseconds(now)


def is_changed(before: Resource, after: Resource) -> bool:
    """Return whether a write changes what is sent, or where."""
    return any(before.get(name) != after.get(name) for name in _DECISIVE)


def is_the_makers(before: Resource, after: Resource) -> bool:
    """Return whether a write changes what only the maker of a Subscription may change.

    That is what is sent where, how it is signed, and for how long.
    """
    if any(before.get(name) != after.get(name) for name in _MAKERS):
        return True
    old, new = map(subscription_extensions.secrets, (before, after))
    return old != new
