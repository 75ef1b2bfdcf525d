"""The writes about their own care that patients and related persons may make."""

from collections.abc import Iterable
from typing import Any

from shared.access import identity_elements
from shared.access.caller import Caller
from shared.catalog.types import SESSION_TYPES
from shared.errors import Forbidden, Issue
from shared.fhir.meta import SET_BY_SERVER
from shared.fhir.references import comparable_reference
from shared.rules.classification import ENTERED_IN_ERROR

type Resource = dict[str, Any]

SENT, READ = "in-progress", "completed"


def check_sender(caller: Caller, resource: Resource) -> None:
    """Raise Forbidden unless a resource is a Communication whose sender is the caller."""
    if resource["resourceType"] != "Communication":
        raise _not_theirs(resource["resourceType"])
    if comparable_reference(resource.get("sender")) not in caller.own_references:
        raise Forbidden(
            "The sender must be the caller",
            expression="Communication.sender",
            diagnostics=f"The caller is {_listed(caller.own_references)}",
        )


def _not_theirs(resource_type: str) -> Forbidden:
    return Forbidden(
        f"Patients and related persons cannot write this {resource_type}",
        expression=resource_type,
        diagnostics="They may write threads and messages (Communication), and open sessions by "
        "$open-session",
    )


def check_creation(caller: Caller, resource: Resource, header: Resource | None) -> None:
    """Raise Forbidden if a new thread or message is not one that the caller may create.

    A thread must be about one of the caller's patients. Neither may have identifiers, or a link to
    a session other than its header's. `header` is that of a message, None for a new thread.
    """
    identity_elements.forbid_identifiers(resource)
    if header is None and comparable_reference(resource.get("subject")) not in caller.patients:
        raise Forbidden(
            "Patients and related persons can begin threads only about their own patients",
            expression="Communication.subject",
            diagnostics=f"The caller's patients are: {_listed(caller.patients)}",
        )
    if "encounter" in resource and resource["encounter"] != (header or {}).get("encounter"):
        raise Forbidden(
            "Patients and related persons cannot link a thread or message to an Encounter",
            expression="Communication.encounter",
            diagnostics="Leave encounter out, and use $open-session to open a session for a thread",
        )


def check_change(
    caller: Caller, before: Resource, after: Resource, header: Resource | None
) -> None:
    """Raise Forbidden naming each changed element that the caller may not change.

    The caller may retract their own messages, mark messages addressed to them as received and
    read, and leave a thread by removing themselves from its recipients. `header` is that of a
    message, None if the resource is a thread header.
    """
    if after["resourceType"] not in SESSION_TYPES:
        raise _not_theirs(after["resourceType"])
    old, new = _content(before), _content(after)
    changed = {name for name in old | new if old.get(name) != new.get(name)}
    allowed: set[str] = set()
    if header is None and _leaves(caller, before, after):
        allowed = {"recipient"}
    elif header is not None and comparable_reference(before.get("sender")) in caller.own_references:
        allowed = {"status"} if after.get("status") == ENTERED_IN_ERROR else set()
    elif header is not None and _is_addressed(caller, before, header):
        allowed = {"received"}
        if (before.get("status"), after.get("status")) == (SENT, READ):
            allowed.add("status")
    if refused := sorted(changed - allowed):
        raise Forbidden(issues=[_refusal(after["resourceType"], name) for name in refused])


def _content(resource: Resource) -> Resource:
    """Return a resource without the version and time that the server sets in its meta."""
    meta = {
        name: value for name, value in resource.get("meta", {}).items() if name not in SET_BY_SERVER
    }
    return resource | {"meta": meta}


def _refusal(resource_type: str, element: str) -> Issue:
    return Issue(
        Forbidden.code,
        f"Patients and related persons cannot change {element} in this way",
        f"{resource_type}.{element}",
        "In a message addressed to them they may set received, and change status from in-progress "
        "to completed. In their own message they may set status to entered-in-error. In a thread "
        "they may remove themselves from recipient",
    )


def check_session_subjects(caller: Caller, subjects: Iterable[Resource | None]) -> None:
    """Raise Forbidden unless a session and its threads are about the caller's patients only."""
    patients = {comparable_reference(subject) for subject in subjects}
    if not patients or not patients <= caller.patients:
        raise Forbidden(
            "Patients and related persons can open sessions only for their own patients",
            expression="patient",
            diagnostics=f"The caller's patients are: {_listed(caller.patients)}",
        )


def _leaves(caller: Caller, before: Resource, after: Resource) -> bool:
    """Return whether a write changes a thread's recipients only by removing the caller."""
    old, new = before.get("recipient", []), after.get("recipient", [])
    removed = [recipient for recipient in old if recipient not in new]
    remaining = [recipient for recipient in old if recipient in new]
    return remaining == new and {*map(comparable_reference, removed)} <= caller.own_references


def _is_addressed(caller: Caller, message: Resource, header: Resource) -> bool:
    """Return whether a message is addressed to the caller.

    A message without recipients is addressed to all recipients of its thread.
    """
    recipients = message.get("recipient") or header.get("recipient", [])
    return not caller.compartment_owners.isdisjoint(map(comparable_reference, recipients))


def _listed(names: frozenset[str]) -> str:
    return ", ".join(sorted(names)) or "none"
