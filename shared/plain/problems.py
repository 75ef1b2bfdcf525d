"""Errors of the plain-JSON API as problem documents.

https://www.rfc-editor.org/rfc/rfc9457
"""

from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Any

from shared.errors import FhirError, Issue
from shared.fhir import fhirjson
from shared.fhir.bundles import IF_MATCH, IF_NONE_MATCH
from shared.fhir.outcome import first_issues, issue_text, printable
from shared.http.bodies import CONTENT_ENCODING
from shared.http.responses import Response, error_headers
from shared.http.statuses import status_of

type Json = dict[str, Any]

PROBLEM_JSON = "application/problem+json"
_HEADERS = frozenset({CONTENT_ENCODING, IF_MATCH, IF_NONE_MATCH})


def refused(error: FhirError) -> Response:
    """Return the problem document of an error.

    Its `errors` name each field, parameter or header that is wrong.
    """
    return _problem(status_of(error), error.issues, error_headers(error))


def broken(request_id: str) -> Response:
    """Return the response to an internal error, without details about it."""
    return _problem(500, [Issue("exception", "Internal error", "", f"Request {request_id}")], {})


def _problem(status: int, all_issues: Sequence[Issue], headers: dict[str, str]) -> Response:
    issues = first_issues(all_issues)
    several = f"There are {len(issues)} problems, listed in errors"
    problem: Json = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": several if len(issues) > 1 else printable(_detail(issues[0])),
        "code": issues[0].code,
    }
    if errors := [*_errors(issues)]:
        problem["errors"] = errors
    return Response(status, fhirjson.dumps(problem), {"Content-Type": PROBLEM_JSON, **headers})


def _detail(issue: Issue) -> str:
    # Beside a pointer, the diagnostics are left out: they explain errors in terms of FHIR elements.
    return (issue.text or issue.code) if issue.expression.startswith("#") else issue_text(issue)


def _errors(issues: Sequence[Issue]) -> Iterator[Json]:
    for issue in issues:
        place = printable(issue.expression)
        location = {_location_kind(place): place} if place else {}
        if location or len(issues) > 1:
            yield location | {"detail": printable(_detail(issue))}


def _location_kind(place: str) -> str:
    """Return the member of an error that names a place.

    An `element` is one of the FHIR resource that no field of the collection shows.
    """
    if place.startswith("#"):
        return "pointer"
    if place in _HEADERS:
        return "header"
    return "element" if place[:1].isupper() else "parameter"
