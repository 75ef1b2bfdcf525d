"""Absolute URIs: their schemes, and whether two of them name the same server or resource.

https://www.rfc-editor.org/rfc/rfc3986#section-6.2
"""

import re
from functools import lru_cache
from urllib.parse import unquote

_URI = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*):(?P<rest>.+)", re.ASCII)
# Whitespace, control characters, other characters that RFC 3986 forbids, and incomplete escapes.
# A bar is forbidden except in the query, where FHIR uses it: `identifier=system|value`.
_FORBIDDEN = re.compile(r'[\s\x00-\x1f\x7f<>"{}\\^`]|%(?![0-9A-Fa-f]{2})|^[^?]*\|')
_WEB = re.compile(
    r"(?P<scheme>https?)://(?:[^/?#@]*@)?(?P<host>[^/?#:@]+|\[[0-9A-Fa-f:.]+\])"
    r"(?::(?P<port>[0-9]*))?"
    r"(?P<path>/[^?#]*)?(?P<rest>[?#].*)?",
    re.ASCII | re.IGNORECASE | re.DOTALL,
)
_URN = re.compile(r"urn:[A-Za-z0-9][A-Za-z0-9-]{0,31}:.+", re.ASCII | re.IGNORECASE)
_PORTS = {"http": "80", "https": "443"}
# Escapes of unreserved characters, which mean the character itself, and of `$`, which is in the
# name of a gateway's default stage.
_ESCAPED = re.compile(r"%(?:2[4DdEe]|3[0-9]|4[1-9A-Fa-f]|5[0-9AaFf]|6[1-9A-Fa-f]|7[0-9AaEe])")


def scheme(text: str) -> str:
    """Return the scheme of an absolute URI as written, or an empty text if it is not one."""
    match = _URI.fullmatch(text)
    if match is None or _FORBIDDEN.search(text):
        return ""
    name = match["scheme"].lower()
    pattern = _WEB if name in _PORTS else _URN if name == "urn" else None
    return "" if pattern and not pattern.fullmatch(text) else match["scheme"]


def relative_to(url: str, base: str) -> str | None:
    """Return the part of a URL after a server's base, or None if it is not under that base.

    `http` and `https` count as the same server. Scheme and host are compared without case.
    """
    if not base:
        return None
    if url.startswith(base + "/"):
        return url[len(base) + 1 :]
    match, own = _WEB.fullmatch(url), _server(base)
    if match is None or own is None or _authority(match) != own[0]:
        return None
    path = f"{_normal(match['path'] or '')}/"
    if not path.startswith(f"{own[1]}/"):
        return None
    return path[len(own[1]) + 1 : -1] + (match["rest"] or "")


def origin(url: str) -> str:
    """Return the scheme and authority of a URL."""
    scheme, mark, rest = url.partition("://")
    return f"{scheme}{mark}{rest.partition('/')[0]}"


def normalize(url: str) -> str:
    """Return a URL in a form that is equal for all URLs of the same thing.

    The scheme `http` or `https` is left out. A `urn:uuid:` is written in lower case.
    """
    match = _WEB.fullmatch(url)
    if match:
        return f"//{_authority(match)}{_normal(match['path'] or '')}{match['rest'] or ''}"
    return url.lower() if url[:9].lower() == "urn:uuid:" else url


@lru_cache(maxsize=64)
def _server(base: str) -> tuple[str, str] | None:
    match = _WEB.fullmatch(base)
    return (_authority(match), _normal(match["path"] or "").rstrip("/")) if match else None


def _authority(match: "re.Match[str]") -> str:
    port = match["port"] or ""
    is_default = port in ("", _PORTS[match["scheme"].lower()])
    return match["host"].lower() + ("" if is_default else f":{port}")


def _normal(path: str) -> str:
    """Return a path without unneeded escapes and without dot segments."""
    if "%" in path:
        path = _ESCAPED.sub(lambda escape: unquote(escape[0]), path)
    if "/." not in path:
        return path
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            # The root has no parent.
            kept.pop()
            kept = kept or [""]
        elif segment != ".":
            kept.append(segment)
    return "/".join(kept)
