"""Queries that select resources, wherever a client writes one.

They stand in `If-None-Exist`, in references and in the URLs of a Bundle's entries: absolute on this
server's base, relative to it, or with a slash before them.
https://hl7.org/fhir/R4/http.html#cond
"""

from shared import references, urls
from shared.errors import Invalid
from shared.references import Query

type Pair = tuple[str, str]


def below_base(url: str) -> str | None:
    """Return a URL as it is below this server's base, or None if it is another server's."""
    base = references.BASE.get()
    if "://" in url.partition("?")[0]:
        return urls.below(url, base)
    if url.startswith("/"):
        below = urls.below(f"{urls.origin(base)}{url}", base)
        return url.removeprefix("/") if below is None else below
    return url


def selection(url: str) -> Query | None:
    """Return what a URL with a query selects here; None for all else, and other servers' URLs."""
    below = below_base(url)
    named = references.relative(below) if below else None
    return named if isinstance(named, Query) else None


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
                f"{header} is not a query of {resource_type} on this server",
                expression=header,
                diagnostics=f"As {resource_type}?identifier=system|value",
            )
        query = selected.query
    pairs = references.query(query)
    if not pairs:
        raise Invalid(f"{header} is not a query", expression=header)
    return pairs
