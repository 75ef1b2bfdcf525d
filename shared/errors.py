"""The errors that a request can end in, by FHIR issue type; `http` renders them for the client.

FhirError
├── Invalid                the content or a parameter is not valid
│   ├── Malformed          the body does not have the expected JSON structure
│   ├── TooCostly          the request would take more work than one request may
│   └── OutOfRange         the range that is asked for begins beyond the end of the content
├── NotFound               the resource, version or path does not exist
├── Deleted                the resource has been deleted
├── NotSupported           the method or feature is not supported here
│   ├── UnsupportedMedia   the media type of the body is not accepted
│   ├── NotAcceptable      the media type asked for in the answer is not offered
│   └── Unimplemented      the operation is in the catalogue, but nothing implements it
├── BusinessRule           valid FHIR that a rule of this service refuses
├── Conflict               another request has changed the resource in the meantime
│   └── PreconditionFailed a condition of the request does not hold, such as If-Match
├── TooLong                the content is larger than one request, answer or item may be
├── Unauthenticated        the token is not a valid access token
├── Forbidden              the caller is not allowed to do this
├── Throttled              the caller has done this too often and may try again later
└── Transient              a temporary failure, such as a busy database: try again later

Issue types: https://hl7.org/fhir/R4/valueset-issue-type.html
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Issue:
    """One issue of an OperationOutcome.

    `expression` is the FHIRPath of the element concerned. `text` says what is wrong, `diagnostics`
    what was expected or what to do. `data` is meant for a program, and replaces both in the
    `diagnostics` of the answer.
    """

    code: str
    text: str
    expression: str = ""
    diagnostics: str = ""
    severity: str = "error"
    data: str = ""


class FhirError(Exception):
    """An error that is answered with one or more issues; `code` is the class's FHIR issue type."""

    code = "exception"

    def __init__(
        self,
        text: str = "",
        *,
        expression: str = "",
        diagnostics: str = "",
        issues: Sequence[Issue] = (),
    ) -> None:
        """Create the error with one issue, given as text, or with several, given as `issues`."""
        self.issues = tuple(issues) or (Issue(self.code, text, expression, diagnostics),)
        super().__init__(self.issues[0].text)


class Invalid(FhirError):
    """The content or a parameter is not valid."""

    code = "invalid"


class Malformed(Invalid):
    """The body does not have the expected JSON structure."""

    code = "structure"


class TooCostly(Invalid):
    """The request would take more reading or work than one request may."""

    code = "too-costly"


class OutOfRange(Invalid):
    """The range of bytes that is asked for begins beyond the end of the content."""

    code = "value"

    def __init__(self, size: int) -> None:
        """Name the size of the content in bytes."""
        self.size = size
        super().__init__(f"The content has only {size} bytes", expression="Range")


class NotFound(FhirError):
    """The resource, version or path does not exist."""

    code = "not-found"


class Deleted(FhirError):
    """The resource has been deleted."""

    code = "deleted"


class NotSupported(FhirError):
    """The method or feature is not supported here."""

    code = "not-supported"


class UnsupportedMedia(NotSupported):
    """The media type of the body is not accepted."""


class NotAcceptable(NotSupported):
    """The media type asked for in the answer is not offered."""


class Unimplemented(NotSupported):
    """The operation is in the catalogue, but nothing implements it."""


class BusinessRule(FhirError):
    """Valid FHIR that a rule of this service refuses."""

    code = "business-rule"


class Conflict(FhirError):
    """Another request has changed the resource in the meantime."""

    code = "conflict"


class PreconditionFailed(Conflict):
    """A condition of the request does not hold, such as If-Match."""


class TooLong(FhirError):
    """The content is larger than one request, answer or item may be."""

    code = "too-long"


class Unauthenticated(FhirError):
    """The token is not a valid access token."""

    code = "login"


class Forbidden(FhirError):
    """The caller is not allowed to do this."""

    code = "forbidden"


class Throttled(FhirError):
    """The caller has done this too often, and may do it again after `seconds`."""

    code = "throttled"

    def __init__(
        self, text: str, seconds: int, *, expression: str = "", diagnostics: str = ""
    ) -> None:
        """Create the error with one issue and the number of seconds to wait."""
        super().__init__(text, expression=expression, diagnostics=diagnostics)
        self.retry_after = seconds


class Transient(FhirError):
    """A temporary failure, such as a busy database: try again later."""

    code = "transient"
