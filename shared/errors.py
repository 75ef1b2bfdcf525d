"""What can go wrong, named by FHIR issue type; http turns it into an OperationOutcome.

FhirError
├── Invalid                the content or a parameter is not what FHIR allows
│   ├── Malformed          the body is no JSON object of the expected shape
│   └── TooCostly          what is asked would take more than one request may
├── NotFound               unknown resource, version or path
├── Deleted                the resource was there and is gone
├── NotSupported           the method does not exist here
│   ├── UnsupportedMedia   the body's media type is not accepted
│   └── NotAcceptable      the answer's media type is not offered
├── BusinessRule           valid FHIR that a rule of this service refuses
├── Conflict               somebody else changed the resource meanwhile
│   └── PreconditionFailed the If-Match of the request does not hold
├── TooLong                larger than one item can hold
├── Login                  the token is not an access token
├── Forbidden              the caller may not do this
├── Throttled              the caller has done this too often: try again later
└── Transient              the database is busy: try again later

Issue types: https://hl7.org/fhir/R4/valueset-issue-type.html
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Issue:
    """One issue of an OperationOutcome; `expression` is the FHIRPath of the element concerned.

    `text` says what is wrong, `diagnostics` what more there is to say: what was expected, what to
    do. `data` is for a program, and stands in place of both.
    """

    code: str
    text: str
    expression: str = ""
    diagnostics: str = ""
    severity: str = "error"
    data: str = ""


class FhirError(Exception):
    """A refusal with one or more issues; `code` is the FHIR issue type of its class."""

    code = "exception"

    def __init__(
        self,
        text: str = "",
        *,
        expression: str = "",
        diagnostics: str = "",
        issues: Sequence[Issue] = (),
    ) -> None:
        """Take one issue as text, or several as `issues`."""
        self.issues = tuple(issues) or (Issue(self.code, text, expression, diagnostics),)
        super().__init__(self.issues[0].text)


class Invalid(FhirError):
    """The content or a parameter is not what FHIR allows."""

    code = "invalid"


class Malformed(Invalid):
    """The body is no JSON object of the expected shape."""

    code = "structure"


class TooCostly(Invalid):
    """What is asked would take more reading or work than one request may."""

    code = "too-costly"


class NotFound(FhirError):
    """Unknown resource, version or path."""

    code = "not-found"


class Deleted(FhirError):
    """The resource was there and is gone."""

    code = "deleted"


class NotSupported(FhirError):
    """The method does not exist here."""

    code = "not-supported"


class UnsupportedMedia(NotSupported):
    """The body's media type is not accepted."""


class NotAcceptable(NotSupported):
    """The answer's media type is not offered."""


class BusinessRule(FhirError):
    """Valid FHIR that a rule of this service refuses."""

    code = "business-rule"


class Conflict(FhirError):
    """Somebody else changed the resource meanwhile."""

    code = "conflict"


class PreconditionFailed(Conflict):
    """The If-Match of the request does not hold."""


class TooLong(FhirError):
    """Larger than one item can hold."""

    code = "too-long"


class Login(FhirError):
    """The token is not an access token."""

    code = "login"


class Forbidden(FhirError):
    """The caller may not do this."""

    code = "forbidden"


class Throttled(FhirError):
    """The caller has done this too often; `seconds` is after how many they may again."""

    code = "throttled"

    def __init__(
        self, text: str, seconds: int, *, expression: str = "", diagnostics: str = ""
    ) -> None:
        """Take one issue as text, and how long to wait."""
        super().__init__(text, expression=expression, diagnostics=diagnostics)
        self.seconds = seconds


class Transient(FhirError):
    """The database is busy: try again later."""

    code = "transient"
