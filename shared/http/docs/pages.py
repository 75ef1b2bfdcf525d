"""Serving of the API reference: Swagger UI, which shows the OpenAPI document and sends requests.

Swagger UI comes from a package of the layer. Its page may load only files served here, and sends
requests only to this server's two APIs.
https://swagger.io/docs/open-source-tools/swagger-ui/usage/configuration/
"""

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from shared.catalog.interactions import PLAIN_PATH
from shared.errors import NotFound
from shared.http.pages import content_security_policy, file_response, page_response, read
from shared.http.requests import Request
from shared.http.responses import Response
from shared.settings import settings

_FILES = Path(__file__).with_name("files")
_PAGE = "docs.html"
_OWN_FILES = ("docs.css", "docs.js")
_PACKAGE = "flask_swagger_ui"
_PACKAGE_FILES = ("swagger-ui.css", "swagger-ui-bundle.js")


def page(request: Request) -> Response:
    """Return the page, filled in with the URLs of the API."""
    root = request.base.removesuffix(settings().base_path)
    values = {
        "base": request.base,
        # The page may be requested with a slash at its end, so its files' paths are absolute.
        "files": f"{urlsplit(request.base).path}/docs",
        "explore": f"{urlsplit(root).path}/explore",
    }
    policy = content_security_policy(
        (f"{request.base}/", f"{root}{PLAIN_PATH}/"),
        img_src="'self' data:",  # the style sheet of Swagger UI has its icons as data
        trusted_types="dompurify",  # Swagger UI always makes this policy
    )
    return page_response(request, _FILES / _PAGE, values, policy)


def file(request: Request, name: str) -> Response:
    """Return a file that the page loads. Raises NotFound."""
    if name in _OWN_FILES:
        return file_response(request, name, read(_FILES / name))
    if name in _PACKAGE_FILES:
        return file_response(request, name, read(_package_files() / name))
    raise NotFound("The API reference has no file of this name")


@cache
def _package_files() -> Path:
    # The package's Python code needs Flask, so it is found, but not imported.
    spec = find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(_PACKAGE)
    return Path(spec.origin).with_name("dist")
