"""Issues as FHIR writes them.

https://hl7.org/fhir/R4/operationoutcome.html
"""

import re
from collections.abc import Iterable
from itertools import islice
from typing import Any

from shared.errors import Issue

type Json = dict[str, Any]

# An answer lists no more issues, and of a text, which may repeat what was sent, no more characters.
MOST_ISSUES, LONGEST = 100, 2000
_MORE = Issue(
    "informational",
    "There are more issues",
    diagnostics=f"Only the first {MOST_ISSUES} are listed: mend these and send it again",
    severity="information",
)
# What FHIR allows in no string; names of parameters and elements are repeated as they came.
_CONTROL = re.compile(r"[\x00-\x1f]")


def operation_outcome(issues: Iterable[Issue]) -> Json:
    """Return an OperationOutcome with these issues, at least one.

    `details.text` says what is wrong. `diagnostics` says all there is to say, for many clients show
    nothing else: what is wrong, what was expected or can be done, and at which element.
    """
    return {"resourceType": "OperationOutcome", "issue": [*map(_issue, bounded(issues))]}


def bounded(issues: Iterable[Issue]) -> list[Issue]:
    """Return as many issues as an answer lists, and one more that says so if there are others."""
    first = [*islice(issues, MOST_ISSUES + 1)]
    return first if len(first) <= MOST_ISSUES else [*first[:MOST_ISSUES], _MORE]


def _issue(issue: Issue) -> Json:
    text, place = shown(issue.text) or issue.code, shown(issue.expression)
    written: Json = {"severity": issue.severity, "code": issue.code, "details": {"text": text}}
    written["diagnostics"] = issue.data or _located(sentence(issue), place)
    if place:
        written["expression"] = [place]
    return written


def sentence(issue: Issue) -> str:
    """Return what is wrong, with what more there is to say of it."""
    text = issue.text or issue.code
    return shown(f"{text}: {issue.diagnostics}" if issue.diagnostics else text)


def _located(text: str, place: str) -> str:
    return text if not place or place in text else f"{text} ({place})"


def moved(written: Json, place: str) -> Json:
    """Return an issue as one about another place, as that of a Bundle's entry in the Bundle."""
    before = written.get("expression", [""])[0]
    text = written["diagnostics"].removesuffix(f" ({before})")
    return written | {"diagnostics": f"{text} ({place})", "expression": [place]}


def shown(text: str) -> str:
    """Return a text without what no string of FHIR's may have, cut where it is too long."""
    return _CONTROL.sub("?", text if len(text) <= LONGEST else f"{text[:LONGEST]}...")
