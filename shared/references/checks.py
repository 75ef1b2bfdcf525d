"""Referential integrity: the targets of references that a write adds must exist.

With reference checks off, only Encounters and Communications are looked up, by reading them. With
checks on, targets kept here must still exist when the write commits. The first attempt trusts that
they do (`defers_existence_checks`) and leaves the check to the transaction, which costs no read. If
that fails, and for callers who do not see all of a type, each target is read, so that the error
names it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress

from shared.access.caller import Caller
from shared.access.visibility import Visibility
from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.catalog.types import BINARY
from shared.errors import BusinessRule, Invalid, Issue, Transient
from shared.fhir import fhirjson, references
from shared.fhir.elements import attachment_elements, reference_elements
from shared.fhir.fhirjson import Resource
from shared.fhir.references import Conditional, Literal
from shared.references import targets
from shared.rules.compartments import is_draft
from shared.settings import NONE, REMOTE, settings

# Each reference costs a search, a read or an item of the transaction. This bounds a write's time.
MOST_ADDED = 100
_URN = "urn:uuid:"
# What the JSON of a resource that names a Binary contains, in lower case.
_BINARIES = f"{BINARY}/".lower().encode()


def resolve_conditionals(work: AuditedUnitOfWork, resource: Resource) -> Resource:
    """Return a resource with each conditional reference (`Encounter?identifier=...`) made literal.

    Raises BusinessRule naming each that does not match exactly one resource, or if there are too
    many.
    https://hl7.org/fhir/R4/http.html#trules
    """
    if not _may_name(resource, b"?"):
        return resource
    conditionals = {
        path: element["reference"]
        for element, path in reference_elements(resource, resource["resourceType"])
        if isinstance(references.parse(element["reference"]), Conditional)
    }
    if not conditionals:
        return resource
    if len({*conditionals.values()}) > MOST_ADDED:
        raise BusinessRule(
            f"A write may contain at most {MOST_ADDED} conditional references",
            expression=resource["resourceType"],
            diagnostics="Use literal references for the others",
        )
    from shared.references import conditional_references  # noqa: PLC0415 - few writes search

    return conditional_references.resolved(work, resource, conditionals)


def check_urns(resource: Resource) -> None:
    """Raise Invalid naming each reference (`urn:uuid:...`) to an entry that the Bundle lacks."""
    if not _may_name(resource, _URN.encode()):
        return
    issues = [
        Issue("not-found", "No entry of the Bundle has this fullUrl", path, element["reference"])
        for element, path in reference_elements(resource, resource["resourceType"])
        if str(element["reference"]).lower().startswith(_URN)
    ]
    if issues:
        raise Invalid(issues=issues)


def _may_name(resource: Resource, mark: bytes) -> bool:
    """Return whether a text occurs in a resource, which is known sooner than its references."""
    return mark in fhirjson.dumps(resource).lower()


def require_targets(work: AuditedUnitOfWork, before: Resource, after: Resource) -> None:
    """Raise BusinessRule naming each reference that a write adds and whose target does not exist.

    An Attachment's `url` that names a Binary on this server is a reference, too, and shares the
    file. Those of a draft are added again, and shared, when it is sent. A resource may name itself.
    The deployment's settings decide which types are checked beside Encounters and Communications,
    and where. Raises Transient if another server, which keeps the target, gave no answer.
    """
    own = Literal(after["resourceType"], after["id"])
    added = _added(before, after, _checked_target)
    if _is_sent_now(before, after):
        # Until now, the files of the draft were its sender's.
        added |= _added({}, after, _binary_target)
    added.pop(own, None)
    if len(added) > MOST_ADDED:
        raise BusinessRule(
            f"A write may add at most {MOST_ADDED} references to resources on this server",
            expression=own.type,
            diagnostics="Add the others in further updates",
        )
    missing = _missing(work, added)
    if missing and work.defers_existence_checks:
        # Read all targets now, so that the error names each one that does not exist.
        work.defers_existence_checks = False
        missing = _missing(work, added)
    if settings().reference_checks == REMOTE:
        missing += _missing_elsewhere(work, before, after)
    if missing:
        raise BusinessRule(
            issues=[
                Issue("business-rule", f"{target} does not exist", path) for target, path in missing
            ]
        )
    if _may_name(after, _BINARIES):
        from shared.references import attachments  # noqa: PLC0415 - few writes attach files

        attachments.require_versions(work, before, after)
        if not is_draft(after):
            attachments.share(work, (target for target in added if target.type == BINARY), own)


def _missing(work: AuditedUnitOfWork, added: Mapping[Literal, str]) -> list[tuple[Literal, str]]:
    return [(target, path) for target, path in added.items() if not _is_there(work, target)]


def _checked_target(element: Resource) -> Literal | None:
    target = references.target(element) or references.attached_binary(element)
    return target if target and target.type in settings().locally_checked_types else None


def _binary_target(element: Resource) -> Literal | None:
    target = _checked_target(element)
    return target if target and target.type == BINARY else None


def _is_sent_now(before: Resource, after: Resource) -> bool:
    # Of an operation, `before` may be no more than some elements.
    return "resourceType" in before and is_draft(before) and not is_draft(after)


def _added(
    before: Resource, after: Resource, target_of: Callable[[Resource], Literal | None]
) -> dict[Literal, str]:
    """Return the targets that a write adds, each with the FHIRPath of its reference."""
    present = {target_of(element) for element, _ in _naming_elements(before, "")}
    elements = _naming_elements(after, after["resourceType"])
    targets = ((target_of(element), path) for element, path in elements)
    return {target: path for target, path in targets if target and target not in present}


def _naming_elements(resource: Resource, path: str) -> Iterator[tuple[Resource, str]]:
    """Yield the References and the Attachments of Binaries, each with the FHIRPath of its text."""
    yield from reference_elements(resource, path, with_contained=False)
    if _may_name(resource, _BINARIES):
        yield from attachment_elements(resource, path)


def _is_there(work: AuditedUnitOfWork, target: Literal) -> bool:
    """Return whether a target exists here and the caller sees it.

    With reference checks on, the commit fails if it is deleted meanwhile.
    """
    if work.planned_writes.get(target):
        return True
    is_checked = settings().reference_checks != NONE
    if (
        is_checked
        and not work.visibility.is_partial((target.type,))
        and work.require_existing_unread(target)
    ):
        return True
    record = work.resource(target.type, target.id)
    if record is None or record.deleted or not work.visibility.sees_record(record):
        return False
    if is_checked:
        work.require_existing(record)
    return True


def _missing_elsewhere(
    work: AuditedUnitOfWork, before: Resource, after: Resource
) -> list[tuple[Literal, str]]:
    """Return the targets that a write adds and the other server does not have.

    For a caller who does not see everybody, these are the targets that they may not name.
    """
    from shared.references import remote  # noqa: PLC0415 - few deployments ask another server

    added = _added(before, after, lambda element: targets.remote_target(work.tenant, element))
    if work.visibility.is_partial({target.type for target in added}):
        from shared.references import target_access  # noqa: PLC0415 - few callers are limited

        if forbidden := target_access.forbidden_targets(work, after, added):
            # Do not ask the other server: the error must not tell whether they exist.
            return [(target, added[target]) for target in forbidden]
    server = targets.remote_base(work.tenant)
    return [(target, added[target]) for target in remote.missing(added, server)]


def prefetch_remote(caller: Caller, resources: Sequence[Resource]) -> None:
    """Ask the other server, if there is one, about all targets that several resources name.

    The answers are then known when each resource is checked. If that server gives no answer, the
    check raises the error. Types that the caller does not see in full are left to the checks.
    """
    if settings().reference_checks != REMOTE:
        return
    from shared.references import remote  # noqa: PLC0415 - few deployments ask another server

    tenant, visibility = caller.tenant, Visibility(caller)
    elements = reference_elements(resources, "", with_contained=False)
    remote_targets = {targets.remote_target(tenant, element) for element, _ in elements}
    asked = [
        target for target in remote_targets if target and not visibility.is_partial((target.type,))
    ]
    with suppress(Transient):
        remote.missing(asked, targets.remote_base(tenant))
