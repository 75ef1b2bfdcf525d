"""Whether the caller may write a resource so; whether they see it has been asked before."""

from typing import Any

from shared.access import own_care
from shared.errors import BusinessRule, Forbidden
from shared.sessions import kinds, policies
from shared.store.work import Work

type Resource = dict[str, Any]


def check(work: Work, before: Resource, after: Resource | None, *, is_new: bool) -> None:
    """Raise Forbidden where a write is not the caller's; `after` is None where it deletes.

    Scopes must be for what a resource was, and for what it becomes.
    """
    caller = work.actor
    letter = "d" if after is None else "c" if is_new else "u"
    for content in (before, after):
        if content:
            check_scopes(work, letter, content)
    if after and kinds.header(after) != kinds.header(before) and work.sight.limits():
        _header(work, after)
    if not caller.is_cared_for:
        return
    if after is None:
        own_care.check_deleted(caller, before, _header(work, before))
    elif before:
        own_care.check_changed(caller, before, after, _header(work, before))
    else:
        own_care.check_sender(caller, after)
        own_care.check_created(caller, after, _header(work, after))
        _check_policy(after)


def check_scopes(work: Work, letter: str, resource: Resource) -> None:
    """Raise Forbidden where no scope of the caller is for a resource."""
    if not work.sight.may(letter, resource):
        resource_type = resource["resourceType"]
        raise Forbidden(
            f"No scope of the token is for this {resource_type}",
            expression=resource_type,
            diagnostics=f"It would be one such as user/{resource_type}.{letter}",
        )


def check_searched(work: Work, resource_type: str) -> None:
    """Raise Forbidden where no scope of the caller lets them search a type: a condition does."""
    if not work.sight.may_search(resource_type):
        raise Forbidden(
            f"A query for one {resource_type} needs a scope",
            expression=resource_type,
            diagnostics=f"As user/{resource_type}.s",
        )


def _header(work: Work, message: Resource) -> Resource | None:
    """Give a message's header. Raises BusinessRule where the caller sees none."""
    header_id = kinds.header(message)
    if not header_id:
        return None
    header = work.header(header_id)
    if header is None or not work.sight.sees(header.resource):
        raise BusinessRule(
            f"Communication/{header_id} does not exist", expression="Communication.partOf"
        )
    return header.resource


def _check_policy(header: Resource) -> None:
    """Leave it to the clinic how sessions of a thread begin and end."""
    urls = (str(one.get("url", "")) for one in header.get("extension", ()))
    if any(url.endswith(policies.EXTENSION) for url in urls):
        raise Forbidden(
            "Patients and related persons set no session policy",
            expression="Communication.extension",
        )
