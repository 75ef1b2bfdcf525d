"""Whom patients and related persons may address: staff, their own people, who is in the thread."""

from collections.abc import Iterable, Iterator
from typing import Any

from shared import references
from shared.errors import Forbidden, Issue
from shared.interactions import referring
from shared.references import Literal
from shared.store.work import Work

type Resource = dict[str, Any]

# Whoever reads anything of the tenant sees these, so that to address them tells nothing.
STAFF = frozenset({"Practitioner", "PractitionerRole", "Organization"})
# Of these only whom the caller sees: who is in the same compartment.
_NEAR = frozenset({"Patient", "RelatedPerson", "CareTeam"})


def check_recipients(work: Work, resource: Resource, header: Resource | None) -> None:
    """Raise Forbidden naming each recipient whom the caller may not address.

    `header` is a message's.
    """
    named = enumerate(resource.get("recipient", ()))
    elements = [(f"Communication.recipient[{number}]", element) for number, element in named]
    check(work, elements, [header] if header else [])


def check(
    work: Work, elements: Iterable[tuple[str, Resource]], headers: Iterable[Resource]
) -> None:
    """Raise Forbidden naming, by its path, each Reference to somebody the caller may not address.

    Who is in the threads of `headers` may be. The refusal is the same whether they exist or not.
    """
    known = work.actor.people | {name for header in headers for name in _people(header)}
    issues = [
        Issue(
            Forbidden.code,
            "Patients and related persons do not address this",
            f"{path}.reference",
            "They address staff of the directory, themselves and their own people, and who is in "
            "the thread",
        )
        for path, element in elements
        if _name(element) not in known and not _may_be_addressed(work, element)
    ]
    if issues:
        raise Forbidden(issues=issues)


def _people(header: Resource) -> Iterator[str]:
    for element in (header.get("subject"), header.get("sender"), *header.get("recipient", ())):
        if name := _name(element):
            yield name


def _name(element: Any) -> str:
    text = element.get("reference", "") if isinstance(element, dict) else ""
    return references.canonical(text)


def _may_be_addressed(work: Work, element: Resource) -> bool:
    target = referring.named(work.tenant, element)
    if target is None:
        return False
    return target.type in STAFF or (target.type in _NEAR and _is_near(work, target))


def _is_near(work: Work, target: Literal) -> bool:
    """Return whether the caller sees somebody in the directory who is in use."""
    record = work.resource(*target)
    if record is None or not work.sight.sees(record.resource):
        return False
    if target.type != "RelatedPerson":
        return record.resource.get("active") is not False
    from shared.interactions import families  # noqa: PLC0415 - few threads name relatives

    return families.is_relative(record.resource)
