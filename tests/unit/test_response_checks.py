"""The checks of all responses in tests detect invalid ones."""

import json
from typing import Any

import pytest

from tests.support import care, response_checks

AT = "https://fhir.example.org/fhir/R4/Encounter/a"
STORED = {**care.session(), "id": "a", "meta": {"versionId": "1"}}


def bundle(kind: str, *entries: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": kind, "entry": [*entries], **more}


def match(**more: Any) -> dict[str, Any]:
    return {"fullUrl": AT, "resource": STORED, "search": {"mode": "match"}, **more}


REQUEST: dict[str, Any] = {"request": {"method": "GET", "url": "x"}, "response": {"status": "200"}}


def outcome(**more: Any) -> dict[str, Any]:
    issue = {"severity": "error", "code": "deleted", "details": {"text": "Gone"}, **more}
    return {"resourceType": "OperationOutcome", "issue": [issue]}


REFUSED = {"status": "410", "outcome": outcome()}


@pytest.mark.parametrize(
    "body",
    [
        STORED,
        bundle("searchset", match(), total=1),
        bundle("history", {"fullUrl": AT, **REQUEST}, {"fullUrl": AT, **REQUEST}, total=2),
        bundle("batch-response", {"response": {"status": "200"}, "resource": STORED}),
        {"swagger": "no resource"},
        outcome(diagnostics="Gone: it was deleted (Encounter)", expression=["Encounter"]),
        outcome(severity="information", diagnostics="{}"),
    ],
)
def test_a_valid_answer_passes(body: dict[str, Any]) -> None:
    response_checks.check(json.dumps(body))


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("Encounter.status", STORED | {"status": "done"}),
        ("Encounter.status", bundle("searchset", match(resource=STORED | {"status": "done"}))),
        ("Bundle.type", bundle("search")),
        ("bdl-1", bundle("batch-response", total=1)),
        ("bdl-2", bundle("history", match(**REQUEST))),
        ("bdl-3", bundle("searchset", match(request=REQUEST["request"]))),
        ("bdl-4", bundle("searchset", match(response=REQUEST["response"]))),
        ("bdl-5", bundle("searchset", {"fullUrl": AT})),
        ("bdl-7", bundle("searchset", match(), match())),
        ("bdl-8", bundle("searchset", match(fullUrl=f"{AT}/_history/1"))),
        ("diagnostics", outcome()),
        ("diagnostics", outcome(diagnostics="It was deleted")),
        ("diagnostics", outcome(diagnostics="Gone", expression=["Encounter"])),
        ("diagnostics", bundle("batch-response", {"response": REFUSED})),
    ],
)
def test_an_invalid_answer_is_reported(what: str, body: dict[str, Any]) -> None:
    with pytest.raises((AssertionError, KeyError), match=what):
        response_checks.check(json.dumps(body))
