"""The people whom patients and related persons may address: staff, their own and a thread's."""

from collections.abc import Iterable, Iterator
from typing import Any

from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.errors import Forbidden, Issue
from shared.fhir.references import Literal, comparable_reference
from shared.references import targets

type Resource = dict[str, Any]

# Every caller of the tenant sees these types, so addressing one reveals nothing.
STAFF = frozenset({"Practitioner", "PractitionerRole", "Organization"})
# Of these types a caller may address only those they see, by a shared compartment.
_IF_SEEN = frozenset({"Patient", "RelatedPerson", "CareTeam"})


def check_recipients(work: AuditedUnitOfWork, resource: Resource, header: Resource | None) -> None:
    """Raise Forbidden naming each recipient whom the caller may not address.

    `header` is the header of a message, None for a header itself.
    """
    recipients = enumerate(resource.get("recipient", ()))
    elements = [(f"Communication.recipient[{number}]", element) for number, element in recipients]
    check(work, elements, [header] if header else [])


def check(
    work: AuditedUnitOfWork, elements: Iterable[tuple[str, Resource]], headers: Iterable[Resource]
) -> None:
    """Raise Forbidden naming, by its path, each Reference to somebody the caller may not address.

    The people of the threads of `headers` may be addressed. The error is the same whether somebody
    exists or not.
    """
    allowed = work.caller.compartment_owners | {
        name for header in headers for name in _people(header)
    }
    issues = [
        Issue(
            Forbidden.code,
            "Patients and related persons may not address this recipient or participant",
            f"{path}.reference",
            "They may address staff in the directory, themselves, their own people, and the people "
            "of the thread",
        )
        for path, element in elements
        if comparable_reference(element) not in allowed and not _may_be_addressed(work, element)
    ]
    if issues:
        raise Forbidden(issues=issues)


def _people(header: Resource) -> Iterator[str]:
    for element in (header.get("subject"), header.get("sender"), *header.get("recipient", ())):
        if name := comparable_reference(element):
            yield name


def _may_be_addressed(work: AuditedUnitOfWork, element: Resource) -> bool:
    target = targets.target_of(work.tenant, element)
    if target is None:
        return False
    return target.type in STAFF or (target.type in _IF_SEEN and _is_seen(work, target))


def _is_seen(work: AuditedUnitOfWork, target: Literal) -> bool:
    """Return whether a person or team is active in the directory and the caller sees them."""
    record = work.resource(*target)
    if record is None or not work.visibility.sees(record.resource):
        return False
    if target.type != "RelatedPerson":
        return record.resource.get("active") is not False
    from shared.references import families  # noqa: PLC0415 - few threads name relatives

    return families.is_relative(record.resource)
