"""Tasks by which staff are asked to look at a thread: at most one open one for each reason."""

from collections.abc import Iterator

from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.catalog.channels import TASK_SYSTEM, TaskCode
from shared.errors import PreconditionFailed
from shared.fhir import references
from shared.fhir.fhirjson import Resource
from shared.interactions.create import create_new, validated_new_resource
from shared.interactions.write import write
from shared.references.conditional import find_match, find_several
from shared.search.query.operands import escaped

TASK = "Task"
COMPLETED = "completed"
_OVER = ("rejected", "cancelled", "failed", COMPLETED, "entered-in-error")
_OWNERS = frozenset({"Organization", "CareTeam", "PractitionerRole", "Practitioner"})


def ask(work: AuditedUnitOfWork, header: Resource, code: TaskCode) -> None:
    """Create a Task about a thread, unless an open one asks the same already."""
    try:
        is_asked = find_match(work, TASK, _open(header["id"], code), claimed=True) is not None
    except PreconditionFailed:
        # Staff have copied the Task, with its identifier.
        is_asked = True
    if not is_asked:
        create_new(work, validated_new_resource(_task(header, code, work.instant), TASK))


def complete(work: AuditedUnitOfWork, header_id: str, *codes: TaskCode) -> None:
    """Complete the open Tasks about a thread that have one of some codes."""
    for code in codes:
        for target in find_several(work, TASK, _open(header_id, code)):
            record = work.resource(*target)
            if record and not record.deleted:
                done = record.resource | {"status": COMPLETED, "lastModified": work.instant}
                write(work, target, lambda *_, done=done: done)


def _open(header_id: str, code: TaskCode) -> list[tuple[str, str]]:
    """Return the query of the open Tasks about a thread that have a code."""
    identifier = f"{escaped(TASK_SYSTEM)}|{escaped(_value(header_id, code))}"
    return [("identifier", identifier), ("status:not", ",".join(_OVER))]


def _value(header_id: str, code: TaskCode) -> str:
    return f"{header_id}/{code.code}"


def _task(header: Resource, code: TaskCode, at: str) -> Resource:
    coding = {"system": TASK_SYSTEM, "code": code.code, "display": code.text}
    task = {
        "resourceType": TASK,
        "identifier": [{"system": TASK_SYSTEM, "value": _value(header["id"], code)}],
        "status": "requested",
        "intent": "order",
        "code": {"coding": [coding], "text": code.text},
        "focus": references.to("Communication", header["id"]),
        "authoredOn": at,
    }
    subject = {"for": header["subject"]} if "subject" in header else {}
    owner = next(_owners(header), None)
    return task | subject | ({"owner": owner} if owner else {})


def _owners(header: Resource) -> Iterator[Resource]:
    """Yield those of a thread who can own a Task: the clinic's, not the contact."""
    for element in (*header.get("recipient", ()), header.get("sender", {})):
        if references.type_of(element.get("reference")) in _OWNERS:
            yield element
