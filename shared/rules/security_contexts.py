"""Security contexts: what a Binary belongs to, which its readers follow from.

https://hl7.org/fhir/R4/binary.html#security-context
"""

from typing import Any

from shared.catalog.compartments import SEEN_BY_ALL
from shared.catalog.types import BINARY, STORED_TYPES
from shared.errors import BusinessRule, Forbidden
from shared.fhir import references
from shared.fhir.references import Literal

type Resource = dict[str, Any]

PATH = f"{BINARY}.securityContext"


def with_kept_context(before: Resource, after: Resource, *, may_change: bool) -> Resource:
    """Return a Binary with the security context that it had, unless that may be changed.

    Otherwise a file that others have seen could be hidden from them. Raises BusinessRule.
    """
    kept = before.get("securityContext")
    if kept is None:
        return after
    context = after.get("securityContext", kept)
    if not may_change and references.target(context) != references.target(kept):
        raise BusinessRule(
            "The security context stays as it is",
            expression=PATH,
            diagnostics="Leave it out. Only administrators change it",
        )
    return after | {"securityContext": context}


def named_context(binary: Resource, *, is_patient_or_relative: bool) -> Literal | None:
    """Return the resource here that a Binary is to belong to, or None if it names none.

    Raises BusinessRule if it names anything else, and Forbidden if a patient or related person
    names what everybody sees.
    """
    if "securityContext" not in binary:
        return None
    target = references.target(binary["securityContext"])
    if target is None or target.type not in STORED_TYPES:
        raise BusinessRule(
            "The security context must be a resource on this server",
            expression=PATH,
            diagnostics="Name a message, a thread, an Encounter, a record or a person: who sees it "
            f"sees the {BINARY}",
        )
    if is_patient_or_relative and target.type in SEEN_BY_ALL:
        raise Forbidden(
            f"Patients and related persons cannot show a {BINARY} to everybody",
            expression=PATH,
            diagnostics="Name a thread or a message",
        )
    return target
