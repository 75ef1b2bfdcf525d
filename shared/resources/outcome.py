"""Issues as FHIR writes them.

https://hl7.org/fhir/R4/operationoutcome.html
"""

from collections.abc import Iterable
from typing import Any

from shared.errors import Issue


def operation_outcome(issues: Iterable[Issue]) -> dict[str, Any]:
    """Give an OperationOutcome with these issues, at least one."""
    return {"resourceType": "OperationOutcome", "issue": [_issue(each) for each in issues]}


def _issue(issue: Issue) -> dict[str, Any]:
    written: dict[str, Any] = {
        "severity": issue.severity,
        "code": issue.code,
        "details": {"text": issue.text or issue.code},
    }
    if issue.diagnostics:
        written["diagnostics"] = issue.diagnostics
    if issue.expression:
        written["expression"] = [issue.expression]
    return written
