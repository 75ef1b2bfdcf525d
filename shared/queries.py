"""Queries that select resources, wherever a client writes one.

They stand in `If-None-Exist`, in references and in the URLs of a Bundle's entries: absolute on this
server's base, relative to it, or with a slash before them.
https://hl7.org/fhir/R4/http.html#cond
"""

import re
from typing import NamedTuple

from shared import references
from shared.errors import Invalid

type Pair = tuple[str, str]

_ABSOLUTE = re.compile(r"https?://", re.IGNORECASE)
_SELECTION = re.compile(r"(?P<type>[A-Z][A-Za-z]*)/?\?(?P<query>.*)", re.ASCII | re.DOTALL)


class Selection(NamedTuple):
    """A type and the raw query that selects one of its resources."""

    type: str
    query: str


def below_base(url: str) -> str | None:
    """Return a URL as it is below this server's base; None where it is another server's."""
    address, mark, query = url.partition("?")
    base = _server(references.BASE.get())
    if _ABSOLUTE.match(address):
        address = _server(address)
        if not _is_below(address, base):
            return None
        path = address[len(base) :]
    else:
        root = base[base.find("/") :] if "/" in base else ""
        path = address.removeprefix(root) if root and _is_below(address, root) else address
    return f"{path.removeprefix('/')}{mark}{query}"


def _server(url: str) -> str:
    """Return a URL without its scheme, its host in lower case: http and https are one server."""
    host, slash, path = _ABSOLUTE.sub("", url, count=1).partition("/")
    return f"{host.lower()}{slash}{path}"


def _is_below(path: str, base: str) -> bool:
    return f"{path}/".startswith(f"{base}/")


def selection(url: str) -> Selection | None:
    """Return what a URL with a query selects here; None for all else, and other servers' URLs."""
    match = _SELECTION.fullmatch(below_base(url) or "") if "?" in url else None
    return Selection(match["type"], match["query"]) if match else None


def condition(text: str, resource_type: str, *, header: str) -> list[Pair]:
    """Read the query of a header that selects resources of a type: bare, or as a URL's.

    Raises Invalid where it is the URL of another type or server, or selects nothing.
    """
    text = text.strip()
    address, mark, query = text.partition("?")
    if "=" in address or not mark:
        query = text
    elif address not in ("", "/"):
        selected = selection(text)
        if selected is None or selected.type != resource_type:
            raise Invalid(
                f"{header} is a query of {resource_type} on this server",
                expression=header,
                diagnostics=f"As {resource_type}?identifier=system|value",
            )
        query = selected.query
    pairs = references.query(query)
    if not pairs:
        raise Invalid(f"{header} is a query", expression=header)
    return pairs
