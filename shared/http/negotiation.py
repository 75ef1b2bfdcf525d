"""Content negotiation and conditional reads: what the request's headers say of the response.

https://hl7.org/fhir/R4/http.html#general
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache

from shared.catalog.controls import CONTROLS_BY_INTERACTION, FORMAT, PRETTY
from shared.catalog.interactions import Interaction
from shared.errors import Invalid, Issue, NotAcceptable
from shared.fhir import instants

JSON_TYPES = frozenset({"application/fhir+json", "application/json", "text/json"})
# The formats of FHIR, which a client names to get a Binary as a resource.
FHIR_TYPES = frozenset({"application/fhir+json", "application/fhir+xml"})
# The media types that the plain-JSON API accepts.
PLAIN_JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
PLAIN_PATCHES = frozenset({PLAIN_JSON, "application/merge-patch+json"})
FHIR_VERSION = "4.0"
FHIR_VERSIONS = frozenset({FHIR_VERSION, "4.0.1"})
# FHIR is in UTF-8, which includes ASCII: https://hl7.org/fhir/R4/json.html
CHARSETS = frozenset({"utf-8", "utf8", "us-ascii"})
_ANY_JSON = frozenset({*JSON_TYPES, "json", "*/*", "application/*", "text/*"})


def check_format(accept: str, query: Iterable[tuple[str, str]]) -> None:
    """Raise NotAcceptable unless `_format`, or else Accept, allows JSON of FHIR R4."""
    formats = [value for name, value in query if name == FORMAT.name]
    for wanted in formats or [accept]:
        if wanted.strip() and not any(map(_is_json, wanted.split(","))):
            raise NotAcceptable(
                "This server answers in application/fhir+json only",
                expression=FORMAT.name if formats else "",
                diagnostics=f"Request JSON, with fhirVersion {FHIR_VERSION} if any",
            )


def _is_json(media_range: str) -> bool:
    name, parameters = media_type(media_range)
    try:
        is_wanted = float(parameters.get("q", "1")) > 0
    except ValueError:
        is_wanted = True
    version = parameters.get("fhirversion", FHIR_VERSION)
    return name in _ANY_JSON and is_wanted and version in FHIR_VERSIONS


def media_type(text: str) -> tuple[str, dict[str, str]]:
    """Return a media type and its parameters, both in lower case."""
    name, *parameters = text.lower().split(";")
    pairs = (part.strip().partition("=") for part in parameters)
    return name.strip(), {parameter: value.strip('"') for parameter, _, value in pairs}


def check_parameters(
    interaction: Interaction, query: Iterable[tuple[str, str]], *, lenient: bool
) -> None:
    """Raise Invalid for a parameter that an interaction does not have, or a bad `_pretty`."""
    # The query of a conditional interaction holds search parameters.
    controls = () if interaction.conditional else CONTROLS_BY_INTERACTION.get(interaction.code, ())
    taken = [control.name for control in controls]
    unknown = dict.fromkeys(name for name, _ in query if name not in taken)
    if taken and unknown and not lenient:
        text = f"There is no such parameter: {interaction.code} takes {', '.join(taken)}"
        raise Invalid(issues=[Issue("invalid", text, expression=name) for name in unknown])
    if any(name == PRETTY.name and value not in ("true", "false") for name, value in query):
        raise Invalid("_pretty must be true or false", expression=PRETTY.name)


@lru_cache(maxsize=64)
def preferences(text: str) -> frozenset[str]:
    """Return the preferences of a Prefer header, such as `return=minimal`.

    https://www.rfc-editor.org/rfc/rfc7240
    """
    parts = (part.partition("=") for part in text.replace(";", ",").split(","))
    return frozenset(
        f"{name.strip().lower()}={value.strip().strip('"')}" for name, _, value in parts
    )


def entity_tags(text: str) -> Iterator[str]:
    """Yield the version ids of a header's entity tags: `W/"1"`, `"1"` and `1` are the same."""
    for tag in text.split(","):
        yield tag.strip().removeprefix("W/").strip('"')


def is_not_modified(headers: Mapping[str, str], version: int | str, updated: str = "") -> bool:
    """Return whether the caller has this version. If-None-Match precedes If-Modified-Since.

    https://www.rfc-editor.org/rfc/rfc9110#section-13.2.2
    """
    if "if-none-match" in headers:
        return not {"*", str(version)}.isdisjoint(entity_tags(headers["if-none-match"]))
    since = _http_date(headers.get("if-modified-since", "")) if updated else None
    # An HTTP date has whole seconds only.
    return since is not None and instants.from_text(updated).replace(microsecond=0) <= since


def _http_date(text: str) -> datetime | None:
    """Return an HTTP date, or None if the text is empty or not a date."""
    try:
        date = parsedate_to_datetime(text) if text else None
    except (ValueError, OverflowError):
        return None
    if date is None:
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)
