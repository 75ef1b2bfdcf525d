"""Issues as FHIR writes them.

https://hl7.org/fhir/R4/operationoutcome.html
"""

import re
from collections.abc import Iterable
from typing import Any

from shared.errors import Issue

# What FHIR allows in no string; names of parameters and elements are repeated as they came.
_CONTROL = re.compile(r"[\x00-\x1f]")


def operation_outcome(issues: Iterable[Issue]) -> dict[str, Any]:
    """Give an OperationOutcome with these issues, at least one."""
    return {"resourceType": "OperationOutcome", "issue": [_issue(each) for each in issues]}


def _issue(issue: Issue) -> dict[str, Any]:
    written: dict[str, Any] = {
        "severity": issue.severity,
        "code": issue.code,
        "details": {"text": shown(issue.text) or issue.code},
    }
    if issue.diagnostics:
        written["diagnostics"] = shown(issue.diagnostics)
    if issue.expression:
        written["expression"] = [shown(issue.expression)]
    return written


def shown(text: str) -> str:
    """Give a text without what no string of FHIR's may have."""
    return _CONTROL.sub("?", text)
