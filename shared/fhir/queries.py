"""Search queries that a client writes outside of a search, to select resources.

They occur in `If-None-Exist`, in conditional references and in the URLs of a Bundle's entries:
absolute under this server's base, relative to it, or with a leading slash.
https://hl7.org/fhir/R4/http.html#cond
"""

from shared.errors import Invalid
from shared.fhir import references, urls
from shared.fhir.references import Conditional

type Pair = tuple[str, str]


def relative_url(url: str) -> str | None:
    """Return a URL relative to this server's base, or None if it is under another server's."""
    base = references.BASE.get()
    if "://" in url.partition("?")[0]:
        return urls.relative_to(url, base)
    if url.startswith("/"):
        below = urls.relative_to(f"{urls.origin(base)}{url}", base)
        return url.removeprefix("/") if below is None else below
    return url


def parse_conditional(url: str) -> Conditional | None:
    """Return the query of a URL such as `Type?query`, or None if it is another kind of URL.

    None is returned for the URL of another server, too.
    """
    below = relative_url(url)
    reference = references.parse_relative(below) if below else None
    return reference if isinstance(reference, Conditional) else None


def parse_header_query(text: str, resource_type: str, *, header: str) -> list[Pair]:
    """Return the parameters in a header's query, which selects resources of a type.

    The query stands by itself or in a URL. Raises Invalid if the URL is of another type or server,
    or if there are no parameters.
    """
    text = text.strip()
    address, mark, query = text.partition("?")
    if "=" in address or not mark:
        query = text
    elif address not in ("", "/"):
        selected = parse_conditional(text)
        if selected is None or selected.type != resource_type:
            raise Invalid(
                f"{header} is not a search for {resource_type} on this server",
                expression=header,
                diagnostics=f"Write it as {resource_type}?identifier=system|value",
            )
        query = selected.query
    pairs = references.parse_query(query)
    if not pairs:
        raise Invalid(f"{header} has no search parameter", expression=header)
    return pairs
