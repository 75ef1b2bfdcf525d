"""Query parameters that control a response, and the interactions that accept each.

https://hl7.org/fhir/R4/http.html#parameters
"""

from dataclasses import dataclass

from shared.errors import Invalid


@dataclass(frozen=True, slots=True)
class Control:
    """A query parameter; `type` is its FHIR data type."""

    name: str
    type: str
    documentation: str
    example: str = ""


FORMAT = Control(
    "_format",
    "code",
    "The format of the response, instead of Accept. Only JSON is supported: others answer 406",
    "json",
)
PRETTY = Control("_pretty", "boolean", "Whether to indent the response for people to read", "true")
FORMATS = (FORMAT, PRETTY)
DEFAULT_COUNT, LARGEST_COUNT = 20, 1000
COUNT = Control("_count", "unsignedInt", "The number of entries on a page", str(DEFAULT_COUNT))
OFFSET = Control("_offset", "unsignedInt", "The number of entries before the page", "0")
SINCE = Control("_since", "instant", "Only versions since this instant", "2026-11-21T00:00:00Z")
SUMMARY = Control(
    "_summary", "code", "How much of the resource to return: true, text, data or false", "true"
)
ELEMENTS = Control(
    "_elements", "string", "Return only these elements of the resource", "status,period"
)

# By interaction. Other parameters are refused unless the request has `Prefer: handling=lenient`.
CONTROLS_BY_INTERACTION = {
    "read": (SUMMARY, ELEMENTS, *FORMATS),
    "vread": (SUMMARY, ELEMENTS, *FORMATS),
    "history-instance": (COUNT, OFFSET, SINCE, *FORMATS),
    "update": FORMATS,
    "patch": FORMATS,
    "delete": FORMATS,
    "batch": FORMATS,
    "transaction": FORMATS,
}
# A number with more digits would be beyond the end of every page and history anyway.
_LONGEST_NUMBER = len("100000000")


def page_size(text: str | None) -> int:
    """Return the number of entries on a page by `_count`, at most LARGEST_COUNT. Raises Invalid."""
    return DEFAULT_COUNT if text is None else min(parse_number(COUNT, text), LARGEST_COUNT)


def parse_number(control: Control, text: str) -> int:
    """Return the value of an unsigned integer, truncated to a maximal number of digits.

    Raises Invalid naming the control.
    """
    if not text.isascii() or not text.isdigit():
        raise Invalid(
            f"{control.name}={text} is not valid: use a whole number of 0 or more",
            expression=control.name,
        )
    return int(text[:_LONGEST_NUMBER])
