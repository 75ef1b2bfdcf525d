"""Serving of the explorer, a page of static files that calls this API with its user's token.

Nothing in a resource can become code in the page. Its Content-Security-Policy allows only the
scripts served here, forbids turning text into markup, and allows requests only to the API and to
the token endpoint.
"""

from functools import cache
from pathlib import Path

from shared.errors import NotFound
from shared.http.pages import content_security_policy, file_response, page_response, read
from shared.http.requests import Request
from shared.http.responses import Response
from shared.settings import settings

_FILES = Path(__file__).with_name("files")
_PAGE = "explore.html"


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
    token_url = configuration.token_url if configuration.explore_client_id else ""
    urls = [url for url in (f"{request.base}/", token_url) if url]
    # Pictures are read with the user's token, and shown from the page's memory.
    policy = content_security_policy(urls, img_src="'self' blob:")
    return page_response(request, _FILES / _PAGE, values, policy)


def file(request: Request, name: str) -> Response:
    """Return a file that the page loads. Raises NotFound."""
    if name not in _names() - {_PAGE}:
        raise NotFound("The explorer has no file of this name")
    return file_response(request, name, read(_FILES / name))


@cache
def _names() -> frozenset[str]:
    return frozenset(path.name for path in _FILES.iterdir())
