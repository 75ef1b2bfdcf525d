"""What patients and related persons write of their own care; all else is the clinic's."""

from collections.abc import Iterable
from typing import Any

from shared import references
from shared.access import naming
from shared.access.actor import Actor
from shared.catalog.types import CARE
from shared.errors import Forbidden, Issue

type Resource = dict[str, Any]

RETRACTED, SENT, READ = "entered-in-error", "in-progress", "completed"
_SERVERS = frozenset({"versionId", "lastUpdated"})


def check_sender(caller: Actor, resource: Resource) -> None:
    """Raise Forbidden where a resource is none that they send, or says that another sent it."""
    if resource["resourceType"] != "Communication":
        raise _not_theirs(resource["resourceType"])
    if _name(resource.get("sender")) not in caller.selves:
        raise Forbidden(
            "The sender is not the caller",
            expression="Communication.sender",
            diagnostics=f"The caller is {_listed(caller.selves)}",
        )


def _not_theirs(resource_type: str) -> Forbidden:
    return Forbidden(
        "Patients and related persons write threads and messages, and open sessions by "
        "$open-session",
        expression=resource_type,
        diagnostics=f"They do not write this {resource_type}",
    )


def check_created(caller: Actor, resource: Resource, header: Resource | None) -> None:
    """Raise Forbidden if a thread is not about them, or if they link or set an identifier.

    `header` is a message's.
    """
    naming.check_identifiers(resource)
    if header is None and _name(resource.get("subject")) not in caller.patients:
        raise Forbidden(
            "Patients and related persons begin threads about themselves or their patients",
            expression="Communication.subject",
            diagnostics=f"The caller's are {_listed(caller.patients)}",
        )
    if "encounter" in resource and resource["encounter"] != (header or {}).get("encounter"):
        raise Forbidden(
            "Patients and related persons do not link",
            expression="Communication.encounter",
            diagnostics="$open-session opens a session for a thread",
        )


def check_changed(
    caller: Actor, before: Resource, after: Resource, header: Resource | None
) -> None:
    """Raise Forbidden naming each element that is not theirs to change.

    They retract what they sent themselves, say that they received and read what is addressed to
    them, and leave a thread by taking themselves off its recipients.
    """
    if after["resourceType"] not in CARE:
        raise _not_theirs(after["resourceType"])
    was, now = _content(before), _content(after)
    changed = {name for name in was | now if was.get(name) != now.get(name)}
    allowed: set[str] = set()
    if header is None and _leaves(caller, before, after):
        allowed = {"recipient"}
    elif header is not None and _is_own(caller, before):
        allowed = {"status"} if after.get("status") == RETRACTED else set()
    elif header is not None and _is_addressed(caller, before, header):
        allowed = {"received"}
        if (before.get("status"), after.get("status")) == (SENT, READ):
            allowed.add("status")
    if refused := sorted(changed - allowed):
        raise Forbidden(issues=[_refusal(after["resourceType"], name) for name in refused])


def _content(resource: Resource) -> Resource:
    """Give a resource without what the server says of its version."""
    meta = {name: each for name, each in resource.get("meta", {}).items() if name not in _SERVERS}
    return resource | {"meta": meta}


def _refusal(resource_type: str, element: str) -> Issue:
    return Issue(
        Forbidden.code,
        f"Patients and related persons do not change {element} so",
        f"{resource_type}.{element}",
        "Of a message addressed to them they change status, from in-progress to completed, and "
        "received; of one of their own status, to entered-in-error; of a thread they leave, "
        "recipient",
    )


def check_opened(caller: Actor, subjects: Iterable[Resource | None]) -> None:
    """Raise Forbidden where a session, or a thread linked to it, is about anybody else."""
    asked = {_name(one) for one in subjects}
    if not asked or not asked <= caller.patients:
        raise Forbidden(
            "Patients and related persons open sessions for themselves or their patients",
            expression="patient",
            diagnostics=f"The caller's are {_listed(caller.patients)}",
        )


def _leaves(caller: Actor, before: Resource, after: Resource) -> bool:
    """Return whether all that a write takes off a thread's recipients are the caller."""
    was, now = before.get("recipient", []), after.get("recipient", [])
    left = [one for one in was if one not in now]
    return [one for one in was if one in now] == now and {*map(_name, left)} <= caller.selves


def _is_own(caller: Actor, message: Resource) -> bool:
    return _name(message.get("sender")) in caller.selves


def _is_addressed(caller: Actor, message: Resource, header: Resource) -> bool:
    """Tell whether a message is to the caller; one to nobody by name is to all of the thread."""
    recipients = message.get("recipient") or header.get("recipient", [])
    return bool({_name(one) for one in recipients} & caller.people)


def _name(element: Any) -> str:
    text = element.get("reference", "") if isinstance(element, dict) else ""
    return references.canonical(text)


def _listed(names: frozenset[str]) -> str:
    return ", ".join(sorted(names)) or "none"
