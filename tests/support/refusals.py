"""The check of every refusal: a valid OperationOutcome that says what is wrong and where."""

from shared.fhir import fhirjson
from shared.fhir.validation.validation import issues
from tests.support import response_checks
from tests.support.api_client import Answer


def check(answer: Answer, status: int, code: str, *expressions: str) -> None:
    """Raise AssertionError unless a response refuses with this status, code and expressions."""
    assert answer.status == status, answer.text
    assert answer.headers["Content-Type"] == "application/fhir+json; charset=utf-8"
    outcome = fhirjson.loads(answer.text)
    assert issues(outcome, "OperationOutcome") == []
    assert {issue["code"] for issue in outcome["issue"]} == {code}, answer.text
    assert {issue["severity"] for issue in outcome["issue"]} == {"error"}
    for issue in outcome["issue"]:
        assert issue["details"]["text"].strip()
        response_checks.check_issue(issue)
    assert answer.expressions == list(expressions), answer.text
