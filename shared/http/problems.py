"""Refusals of the plain-JSON face.

https://www.rfc-editor.org/rfc/rfc9457
"""

from collections.abc import Iterator, Sequence
from http import HTTPStatus
from typing import Any

from shared import fhirjson
from shared.errors import FhirError, Issue
from shared.http.bodies import ENCODING
from shared.http.responses import Response, refusal_headers, status_of
from shared.resources.bundles import IF_MATCH, IF_NONE_MATCH
from shared.resources.outcome import bounded, sentence, shown

type Json = dict[str, Any]

PROBLEM_JSON = "application/problem+json"
_HEADERS = frozenset({ENCODING, IF_MATCH, IF_NONE_MATCH})


def refused(error: FhirError) -> Response:
    """Answer a refusal: `errors` names each field, parameter or header that is wrong."""
    status = status_of(error)
    return _problem(status, error.issues, refusal_headers(error))


def broken(request_id: str) -> Response:
    """Answer an error of our own, saying nothing about it."""
    return _problem(500, [Issue("exception", "Internal error", "", f"Request {request_id}")], {})


def _problem(status: int, found: Sequence[Issue], headers: dict[str, str]) -> Response:
    issues = bounded(found)
    several = f"{len(issues)} problems: errors says which"
    problem: Json = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": several if len(issues) > 1 else shown(_detail(issues[0])),
        "code": issues[0].code,
    }
    if errors := [*_errors(issues)]:
        problem["errors"] = errors
    return Response(status, fhirjson.dumps(problem), {"Content-Type": PROBLEM_JSON, **headers})


def _detail(issue: Issue) -> str:
    # What names an element explains itself in FHIR's terms.
    return (issue.text or issue.code) if issue.expression.startswith("#") else sentence(issue)


def _errors(issues: Sequence[Issue]) -> Iterator[Json]:
    for issue in issues:
        place = shown(issue.expression)
        where = {_where(place): place} if place else {}
        if where or len(issues) > 1:
            yield where | {"detail": shown(_detail(issue))}


def _where(place: str) -> str:
    """Tell what kind of place it is; an `element` is FHIR's, of which there is no field."""
    if place.startswith("#"):
        return "pointer"
    if place in _HEADERS:
        return "header"
    return "element" if place[:1].isupper() else "parameter"
