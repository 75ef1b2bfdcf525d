"""The explorer: a page of static files that asks this API, with the token of whoever looks at it.

Nothing in a resource can become code in it: its policy lets no script run but the files that are
here, no markup be made of text, and nothing be asked but the API and the token endpoint.
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

_FILES = Path(__file__).parents[1] / "explore"
_PAGE = "explore.html"
_MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".html": "text/html; charset=utf-8",
}


def page(request: Request) -> Response:
    """Give the page, which knows where the API is and where its people sign in."""
    known = settings()
    values = {
        "base": request.base,
        "authorize": known.authorize_url,
        "token": known.token_url,
        "client": known.explore_client_id,
        "groups": known.groups_claim,
    }
    content = Template(_content(_PAGE).decode()).substitute(
        {name: escape(value) for name, value in values.items()}
    )
    policy = _policy(request.base, known.token_url if known.explore_client_id else "")
    return _answer(request, _PAGE, content.encode(), {"Content-Security-Policy": policy})


def file(request: Request, name: str) -> Response:
    """Give a file that the page loads. Raises NotFound."""
    if name not in _names() - {_PAGE}:
        raise NotFound("The explorer has no such file")
    return _answer(request, name, _content(name), {})


def _policy(base: str, token_url: str) -> str:
    # A path that ends in a slash is for all below it; `;` and `,` would end the directive.
    asked = [quote(url, safe=":/%[]@") for url in (f"{base}/", token_url) if url]
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self'",
            f"connect-src {' '.join(asked)}",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        )
    )


def _answer(request: Request, name: str, content: bytes, more: dict[str, str]) -> Response:
    """Answer with a file's content, or 304 where the browser has it."""
    tag = sha256(content).hexdigest()[:32]
    headers = {
        "Content-Type": _MEDIA_TYPES[Path(name).suffix],
        "ETag": f'"{tag}"',
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        **more,
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
