"""Which parameters there are that say how to answer: reading and documents follow.

https://hl7.org/fhir/R4/http.html#parameters
"""

from dataclasses import dataclass

from shared.errors import Invalid


@dataclass(frozen=True, slots=True)
class Control:
    """A parameter; `type` is its FHIR data type."""

    name: str
    type: str
    documentation: str
    example: str = ""


FORMAT = Control("_format", "code", "The answer's format, before Accept: json, or 406", "json")
PRETTY = Control("_pretty", "boolean", "Indented for people to read", "true")
FORMATS = (FORMAT, PRETTY)
DEFAULT_COUNT, LARGEST_COUNT = 20, 1000
COUNT = Control("_count", "unsignedInt", "How many entries a page has", str(DEFAULT_COUNT))
OFFSET = Control("_offset", "unsignedInt", "How many entries come before the page", "0")
SINCE = Control("_since", "instant", "Only what was changed since", "2026-11-21T00:00:00Z")
SUMMARY = Control("_summary", "code", "Only a part: true, text, data or false", "true")
ELEMENTS = Control("_elements", "string", "Only these elements of the resource", "status,period")

# By interaction: what is not here is refused, but for `Prefer: handling=lenient`.
TAKEN = {
    "read": (SUMMARY, ELEMENTS, *FORMATS),
    "vread": (SUMMARY, ELEMENTS, *FORMATS),
    "history-instance": (COUNT, OFFSET, SINCE, *FORMATS),
    "update": FORMATS,
    "patch": FORMATS,
    "delete": FORMATS,
    "batch": FORMATS,
    "transaction": FORMATS,
}
# What is longer is beyond the end of every page and history.
_LONGEST_NUMBER = len("100000000")


def page_size(text: str | None) -> int:
    """Read `_count`: how many entries a page has, at most the largest. Raises Invalid."""
    return DEFAULT_COUNT if text is None else min(number(COUNT, text), LARGEST_COUNT)


def number(control: Control, text: str) -> int:
    """Read a number from 0 on, of a long one its beginning. Raises Invalid naming the control."""
    if not text.isascii() or not text.isdigit():
        raise Invalid(f"{control.name}={text} is no number from 0 on", expression=control.name)
    return int(text[:_LONGEST_NUMBER])
