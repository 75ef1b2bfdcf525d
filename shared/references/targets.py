"""The targets of References: resources here, or on the server that keeps those that are not."""

from shared.fhir import references
from shared.fhir.fhirjson import Resource
from shared.fhir.references import Literal, Local
from shared.settings import REMOTE, settings


def target_of(tenant: str, element: Resource) -> Literal | None:
    """Return the target of a Reference element, on this server or on the one that is asked."""
    if settings().reference_checks == REMOTE:
        return remote_target(tenant, element) or references.target(element)
    return references.target(element)


def remote_target(tenant: str, element: Resource) -> Literal | None:
    """Return the target of a Reference element if the other server keeps it.

    That is an absolute reference below that server's base, or a relative one to a type that is not
    kept here.
    """
    text, base = element.get("reference"), remote_base(tenant)
    if isinstance(text, str) and base:
        from shared.fhir import urls  # noqa: PLC0415 - few deployments ask another server

        below = urls.relative_to(text, base)
        if below is not None:
            reference = references.parse_relative(below)
            return reference.target if isinstance(reference, Local) else None
    target = references.parse_literal(text)
    return target if target and target.type not in settings().locally_checked_types else None


def remote_base(tenant: str) -> str:
    """Return the base URL of the server that keeps a tenant's other resources, "" if none."""
    return settings().reference_base_url.replace("{tenant}", tenant)
