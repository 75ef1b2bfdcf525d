"""References as FHIR writes them.

https://hl7.org/fhir/R4/references.html#literal
"""

import re
from contextvars import ContextVar
from typing import NamedTuple
from urllib.parse import unquote

from shared.errors import Invalid

ID = re.compile(r"[A-Za-z0-9.-]{1,64}", re.ASCII)
_RELATIVE = re.compile(
    r"(?P<type>[A-Z][A-Za-z]{1,63})/(?P<id>[A-Za-z0-9.-]{1,64})(?:/_history/[A-Za-z0-9.-]{1,64})?",
    re.ASCII,
)

# The absolute URL of this server's base, without a trailing slash; set for each request.
BASE: ContextVar[str] = ContextVar("BASE", default="")


class Literal(NamedTuple):
    """A reference to a resource under this server's own base."""

    type: str
    id: str

    def __str__(self) -> str:
        """Write it relative to the base."""
        return f"{self.type}/{self.id}"


def literal(text: object) -> Literal | None:
    """Read a relative reference, or an absolute one on our base; None for everything else."""
    if not isinstance(text, str):
        return None
    base = BASE.get()
    if base and text.startswith(base + "/"):
        text = text[len(base) + 1 :]
    match = _RELATIVE.fullmatch(text)
    return Literal(match["type"], match["id"]) if match else None


def is_relative(text: str) -> bool:
    """Tell whether a reference is relative to the base of what it stands in."""
    return _RELATIVE.fullmatch(text) is not None


def canonical(text: str) -> str:
    """Write a reference as the server compares it: relative without version where it is ours."""
    found = literal(text)
    return str(found) if found else text


def target(element: object) -> Literal | None:
    """Read the literal of a Reference element (a dict with `reference`)."""
    return literal(element.get("reference")) if isinstance(element, dict) else None


def to(resource_type: str, resource_id: str) -> dict[str, str]:
    """Make the Reference element of a resource of this server."""
    return {"reference": f"{resource_type}/{resource_id}"}


def query(raw: str) -> list[tuple[str, str]]:
    """Read a raw query: a plus sign is itself (time zones, telephone numbers), a space is %20.

    Raises Invalid.
    """
    pairs = (part.partition("=") for part in raw.split("&") if part)
    try:
        return [
            (unquote(name, errors="strict"), unquote(value, errors="strict"))
            for name, _, value in pairs
        ]
    except UnicodeDecodeError:
        raise Invalid("The query is not UTF-8") from None
