"""The files of a picture message, fetched from its provider within bounds."""

import logging
import time
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urljoin, urlsplit

from urllib3 import BaseHTTPResponse, PoolManager, Timeout
from urllib3.exceptions import HTTPError
from urllib3.util import make_headers

from shared import deadlines
from shared.channels import accounts
from shared.errors import Transient
from shared.settings import settings

if TYPE_CHECKING:  # see accounts.py
    from shared.channels.account_models import Account

# Twilio takes 5 MB of a message in all, and some carriers more.
LARGEST_FILE = 16_000_000
SECONDS = 10
_MOST_REDIRECTS = 3
_CHUNK = 65_536
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
# Where Twilio's media are, to which it redirects with a URL that needs no credentials.
_MEDIA_HOSTS = (".twilio.com", ".twiliocdn.com", ".amazonaws.com")
# Its log lines contain URLs.
logging.getLogger("urllib3").setLevel(logging.CRITICAL)


class NotFetched(Transient):
    """A file could not be fetched; `is_final` says that another attempt would end the same."""

    def __init__(self, text: str, *, is_final: bool = False, **about: Any) -> None:
        """Say why, without anything of the URL or of what was answered."""
        super().__init__(text, **about)
        self.is_final = is_final


def fetch(account: "Account", url: str) -> bytes:
    """Return a file of an account's provider. Raises NotFetched."""
    if account.provider != "twilio" or _origin(url) != _origin(settings().twilio_url):
        raise NotFetched("The file is not at the provider's", is_final=True)
    deadlines.check()
    deadline = min(time.monotonic() + SECONDS, deadlines.current())
    token = account.auth_token.get_secret_value()
    headers: dict[str, str] = make_headers(basic_auth=f"{account.account_sid}:{token}")
    for _ in range(_MOST_REDIRECTS + 1):
        try:
            status, location, content = _get(url, headers, deadline)
        except (HTTPError, OSError):
            raise NotFetched("The provider could not be reached, or broke off") from None
        if status not in _REDIRECTS:
            return _checked(status, content)
        url, headers = urljoin(url, location), {}
        if not _is_medium(url):
            raise NotFetched("The provider redirects elsewhere", is_final=True)
    raise NotFetched("The provider redirects too often", is_final=True)


def _checked(status: int, content: bytes) -> bytes:
    if status == HTTPStatus.UNAUTHORIZED:
        accounts.renew()
    if status != HTTPStatus.OK:
        raise NotFetched(f"The provider answered with status {status}")
    if len(content) > LARGEST_FILE:
        raise NotFetched("The file is too large", is_final=True)
    return content


def _get(url: str, headers: dict[str, str], deadline: float) -> tuple[int, str, bytes]:
    """Return status, place and at most a byte more of the body than a file may have."""
    response = _pool().request(
        "GET",
        url,
        headers=headers,
        timeout=Timeout(total=max(deadline - time.monotonic(), 0.001)),
        retries=False,
        redirect=False,
        preload_content=False,
    )
    try:
        is_file = response.status == HTTPStatus.OK
        content = _body(response, deadline) if is_file else b""
        return response.status, response.headers.get("Location", ""), content
    finally:
        response.close()


def _body(response: BaseHTTPResponse, deadline: float) -> bytes:
    content = bytearray()
    for chunk in response.stream(_CHUNK):
        content += chunk
        if len(content) > LARGEST_FILE:
            break
        if time.monotonic() > deadline:
            raise TimeoutError
    return bytes(content)


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port


def _is_medium(url: str) -> bool:
    """Return whether a redirection leads to where the provider's media are."""
    parts: SplitResult = urlsplit(url)
    if _origin(url) == _origin(settings().twilio_url):
        return True
    return parts.scheme == "https" and f".{parts.hostname}".endswith(_MEDIA_HOSTS)


@cache
def _pool() -> PoolManager:
    return PoolManager()
