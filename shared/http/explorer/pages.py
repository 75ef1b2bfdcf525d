"""Serving of the explorer, a page of static files that calls this API with its user's token.

Nothing in a resource can become code in the page. Its Content-Security-Policy allows only the
scripts served here, forbids turning text into markup, and allows requests only to the API and to
the token endpoint.
https://www.w3.org/TR/CSP3/
"""

from functools import cache
from hashlib import sha256
from html import escape
from pathlib import Path
from string import Template
from urllib.parse import quote

from shared.errors import NotFound
from shared.http.negotiation import entity_tags
from shared.http.requests import Request
from shared.http.responses import Response
from shared.settings import settings

_FILES = Path(__file__).with_name("files")
_PAGE = "explore.html"
_MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".html": "text/html; charset=utf-8",
}


def page(request: Request) -> Response:
    """Return the page, filled in with the URLs of the API and of the sign-in."""
    configuration = settings()
    values = {
        "base": request.base,
        "authorize": configuration.authorize_url,
        "token": configuration.token_url,
        "client": configuration.explore_client_id,
        "groups": configuration.groups_claim,
    }
    content = Template(_content(_PAGE).decode()).substitute(
        {name: escape(value) for name, value in values.items()}
    )
    token_url = configuration.token_url if configuration.explore_client_id else ""
    policy = _policy(request.base, token_url)
    return _answer(request, _PAGE, content.encode(), {"Content-Security-Policy": policy})


def file(request: Request, name: str) -> Response:
    """Return a file that the page loads. Raises NotFound."""
    if name not in _names() - {_PAGE}:
        raise NotFound("The explorer has no file of this name")
    return _answer(request, name, _content(name), {})


def _policy(base: str, token_url: str) -> str:
    # A path with a slash at its end covers all below it; `;` and `,` would end the directive.
    sources = [quote(url, safe=":/%[]@") for url in (f"{base}/", token_url) if url]
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self'",
            f"connect-src {' '.join(sources)}",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        )
    )


def _answer(request: Request, name: str, content: bytes, headers: dict[str, str]) -> Response:
    """Return a file's content with its headers, or 304 if the browser has it already."""
    tag = sha256(content).hexdigest()[:32]
    headers = {
        "Content-Type": _MEDIA_TYPES[Path(name).suffix],
        "ETag": f'"{tag}"',
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        **headers,
    }
    if tag in entity_tags(request.headers.get("if-none-match", "")):
        return Response(304, headers=headers)
    return Response(200, content, headers)


@cache
def _names() -> frozenset[str]:
    return frozenset(path.name for path in _FILES.iterdir())


@cache
def _content(name: str) -> bytes:
    return (_FILES / name).read_bytes()
