"""Asking staff to look at a thread, by a Task that stays open until they have done so."""

from shared.audit.unit_of_work import AuditedUnitOfWork
from shared.catalog.channels import TASK_SYSTEM, TaskCode
from shared.fhir import references
from shared.fhir.fhirjson import Resource
from shared.interactions.create import create_new
from shared.references.conditional import find_match

# A Task of one of these is over, so that the same is asked again.
_OVER = "completed,cancelled,rejected,failed,entered-in-error"


def ask(work: AuditedUnitOfWork, header: Resource, code: TaskCode) -> None:
    """Save a Task about a thread, unless one with the same code is open."""
    identifier = {"system": TASK_SYSTEM, "value": f"{header['id']}/{code.code}"}
    token = f"{identifier['system']}|{identifier['value']}"
    if find_match(work, "Task", [("identifier", token), ("status:not", _OVER)], claimed=True):
        return
    subject = {"for": header["subject"]} if "subject" in header else {}
    task = {
        "resourceType": "Task",
        "identifier": [identifier],
        "status": "requested",
        "intent": "order",
        "code": {"coding": [{"system": TASK_SYSTEM, "code": code.code}], "text": code.text},
        "focus": references.to("Communication", header["id"]),
        "authoredOn": work.instant,
        **subject,
    }
    create_new(work, task)
