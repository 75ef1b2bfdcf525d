"""`diagnostics` is understandable alone, as many clients show nothing else of an issue."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared import errors
from shared.errors import FhirError, Issue, OutOfRange, Throttled
from shared.fhir.fhirjson import loads
from shared.fhir.outcome import operation_outcome, with_expression
from shared.fhir.validation.validation import issues
from shared.http.bodies import UnsupportedCoding
from shared.http.responses import error_response, internal_error_response
from shared.http.routing import MethodNotAllowed
from shared.http.statuses import STATUS_BY_ERROR
from tests.support import response_checks

PACKAGE = Path(errors.__file__).parent
ELEMENT = "Encounter.status"


def written_outcome(*said: Issue) -> list[dict[str, Any]]:
    outcome = operation_outcome(said)
    assert issues(outcome, "OperationOutcome") == []
    made: list[dict[str, Any]] = outcome["issue"]
    return made


@pytest.mark.parametrize(
    ("issue", "diagnostics"),
    [
        (Issue("required", "A status is needed"), "A status is needed"),
        (Issue("required", "A status is needed", ELEMENT), f"A status is needed ({ELEMENT})"),
        (Issue("conflict", "It is done", "", "Open it"), "It is done: Open it"),
        (
            Issue("value", "It is no code", ELEMENT, "Send one"),
            f"It is no code: Send one ({ELEMENT})",
        ),
        (Issue("value", "_summary=some is none", "_summary"), "_summary=some is none"),
        (Issue("conflict", "", "", "Open it"), "conflict: Open it"),
        (Issue("value", "It has a\nline", "a\tb"), "It has a?line (a?b)"),
        (Issue("informational", "How", data='{"a":1}', severity="information"), '{"a":1}'),
    ],
)
def test_diagnostics_contain_the_text_the_details_and_the_location(
    issue: Issue, diagnostics: str
) -> None:
    (made,) = written_outcome(issue)
    assert made["diagnostics"] == diagnostics
    response_checks.check_issue(made)


# Refusals with a text of their own, which lists the supported methods or codings, or has a number.
SPEAK_FOR_THEMSELVES = (MethodNotAllowed, OutOfRange, Throttled, UnsupportedCoding)


def kinds(of: type[FhirError] = FhirError) -> Iterator[type[FhirError]]:
    yield of
    for kind in of.__subclasses__():
        yield from kinds(kind)


@pytest.mark.parametrize("kind", [kind for kind in kinds() if kind not in SPEAK_FOR_THEMSELVES])
def test_every_kind_of_refusal_states_what_is_wrong(kind: type[FhirError]) -> None:
    response = error_response(
        kind("It cannot be done", expression=ELEMENT, diagnostics="Do another")
    )
    assert response.status in STATUS_BY_ERROR.values()
    (issue,) = loads(response.body)["issue"]
    assert issue["details"]["text"] == "It cannot be done"
    assert issue["diagnostics"] == f"It cannot be done: Do another ({ELEMENT})"


def test_an_unsupported_method_is_named_with_the_supported_ones() -> None:
    (issue,) = loads(error_response(MethodNotAllowed("PUT", ["GET", "HEAD"])).body)["issue"]
    assert issue["diagnostics"] == "PUT is not supported at this path: The path supports GET, HEAD"


def test_an_internal_error_states_only_the_request_id() -> None:
    (issue,) = loads(internal_error_response("request-1").body)["issue"]
    assert issue["diagnostics"] == "Internal error: Request request-1"


@pytest.mark.parametrize("expression", ["", ELEMENT])
def test_an_issue_of_an_entry_is_located_in_the_bundle_only(expression: str) -> None:
    place = "Bundle.entry[1].resource.status"
    (issue,) = written_outcome(Issue("required", "A status is needed", expression))
    assert with_expression(issue, place)["diagnostics"] == f"A status is needed ({place})"
    assert with_expression(issue, place)["expression"] == [place]


def test_no_refusal_lacks_a_text() -> None:
    names = {kind.__name__ for kind in kinds()}
    silent = [
        f"{file.relative_to(PACKAGE)}:{call.lineno}"
        for file in PACKAGE.rglob("*.py")
        for call in ast.walk(ast.parse(file.read_text()))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id in names
        and not call.args
        and not {"issues", "text"} & {keyword.arg for keyword in call.keywords}
    ]
    assert silent == []
