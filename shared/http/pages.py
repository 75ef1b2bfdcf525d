"""HTML pages and the files that they load: their headers and their Content-Security-Policy.

https://www.w3.org/TR/CSP3/
"""

from collections.abc import Iterable, Mapping
from functools import cache
from hashlib import sha256
from html import escape
from pathlib import Path
from string import Template
from urllib.parse import quote

from shared.http.negotiation import entity_tags
from shared.http.requests import Request
from shared.http.responses import Response

_MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".html": "text/html; charset=utf-8",
}
# A page may load only files that are served here, and no text becomes code in it.
_DIRECTIVES = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
    "require-trusted-types-for": "'script'",
    "trusted-types": "'none'",
}


def page_response(
    request: Request, template: Path, values: Mapping[str, str], policy: str
) -> Response:
    """Return an HTML page: its template, filled in with the values, which are escaped."""
    filled = Template(read(template).decode()).substitute(
        {name: escape(value) for name, value in values.items()}
    )
    return file_response(request, template.name, filled.encode(), policy)


def file_response(request: Request, name: str, content: bytes, policy: str = "") -> Response:
    """Return a file's content with its headers, or 304 if the browser has it already."""
    tag = sha256(content).hexdigest()[:32]
    headers = {
        "Content-Type": _MEDIA_TYPES[Path(name).suffix],
        "ETag": f'"{tag}"',
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        **({"Content-Security-Policy": policy} if policy else {}),
    }
    if tag in entity_tags(request.headers.get("if-none-match", "")):
        return Response(304, headers=headers)
    return Response(200, content, headers)


def content_security_policy(urls: Iterable[str], **directives: str) -> str:
    """Return the policy of a page that sends requests to the URLs, and to all below them.

    `directives` replace those of all pages; their names have `_` for `-`.
    """
    # A path with a slash at its end covers all below it; `;` and `,` would end the directive.
    sources = " ".join(quote(url, safe=":/%[]@") for url in urls)
    own = {name.replace("_", "-"): value for name, value in directives.items()}
    policy = _DIRECTIVES | {"connect-src": sources} | own
    return "; ".join(f"{name} {value}" for name, value in policy.items())


@cache
def read(path: Path) -> bytes:
    """Return the content of a file that is deployed."""
    return path.read_bytes()
