"""OperationOutcomes, which report issues to the client.

https://hl7.org/fhir/R4/operationoutcome.html
"""

import re
from collections.abc import Iterable
from itertools import islice
from typing import Any

from shared.errors import Issue

type Json = dict[str, Any]

# The most issues in one answer, and the most characters in one text: texts may repeat what the
# client sent, and an answer has to stay small.
MOST_ISSUES, LONGEST_ISSUE = 100, 2000
_MORE = Issue(
    "informational",
    "There are more issues",
    diagnostics=f"Only the first {MOST_ISSUES} are listed: fix them and send the request again",
    severity="information",
)
# Characters that FHIR allows in no string. Texts may quote names of parameters and elements as the
# client sent them.
_CONTROL = re.compile(r"[\x00-\x1f]")


def operation_outcome(issues: Iterable[Issue]) -> Json:
    """Return an OperationOutcome with the issues, of which there must be at least one.

    `details.text` says what is wrong. `diagnostics` is complete, because many clients show nothing
    else: what is wrong, what was expected or what to do, and which element is concerned.
    """
    return {"resourceType": "OperationOutcome", "issue": [*map(_issue, first_issues(issues))]}


def first_issues(issues: Iterable[Issue]) -> list[Issue]:
    """Return the issues up to the limit, and one that says so if there are more."""
    first = [*islice(issues, MOST_ISSUES + 1)]
    return first if len(first) <= MOST_ISSUES else [*first[:MOST_ISSUES], _MORE]


def _issue(issue: Issue) -> Json:
    text, expression = printable(issue.text) or issue.code, printable(issue.expression)
    written: Json = {"severity": issue.severity, "code": issue.code, "details": {"text": text}}
    written["diagnostics"] = issue.data or _located(issue_text(issue), expression)
    if expression:
        written["expression"] = [expression]
    return written


def issue_text(issue: Issue) -> str:
    """Return the text of an issue, followed by its diagnostics if it has any."""
    text = issue.text or issue.code
    return printable(f"{text}: {issue.diagnostics}" if issue.diagnostics else text)


def _located(text: str, expression: str) -> str:
    """Return a text that ends with the expression of its element, unless it mentions it already."""
    return text if not expression or expression in text else f"{text} ({expression})"


def with_expression(written: Json, place: str) -> Json:
    """Return a written issue with another expression, such as one within a Bundle."""
    before = written.get("expression", [""])[0]
    text = written["diagnostics"].removesuffix(f" ({before})")
    return written | {"diagnostics": f"{text} ({place})", "expression": [place]}


def printable(text: str) -> str:
    """Return a text without control characters, truncated if it is too long."""
    return _CONTROL.sub("?", text if len(text) <= LONGEST_ISSUE else f"{text[:LONGEST_ISSUE]}...")
