"""Checking whether resources exist on another FHIR server, with a cache of those that do.

https://hl7.org/fhir/R4/http.html#read
"""

import logging
import threading
import time
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import cache

import orjson
from cachetools import TTLCache
from urllib3 import PoolManager, Timeout
from urllib3.exceptions import HTTPError

from shared import deadlines
from shared.errors import Transient
from shared.fhir.references import Literal
from shared.settings import settings

# A write waits at most SECONDS for all of its answers; then it is refused and may be retried.
SECONDS, TRIES, AT_ONCE = 1.5, 2, 8
# How long a resource is taken to exist without asking again, and how many such are remembered.
KNOWN_SECONDS, MOST_KNOWN = 300, 2000
# Servers that ignore `_elements` send the whole resource, which is read only to compare its id.
LARGEST_ANSWER = 4_000_000
_LATE = f"It did not answer within {SECONDS} s"
_FOUND, _REFUSED, _GONE = 200, 401, (404, 410)
# Ids that a URL would resolve as path segments, so that another resource would be read.
_DOTS = frozenset((".", ".."))
# Its log lines contain URLs, which name patients.
logging.getLogger("urllib3").setLevel(logging.CRITICAL)
# The URLs of resources that existed. Threads share them, and the cache takes one at a time.
_known: TTLCache[str, bool] = TTLCache(MOST_KNOWN, KNOWN_SECONDS)
_lock = threading.Lock()


class _NoAnswer(Exception):
    """The other server did not say whether a resource exists; the text says what it did."""


def missing(asked: Iterable[Literal], base: str) -> list[Literal]:
    """Return which of some resources do not exist on the server at `base`.

    Those not in the cache are read, several at once. Raises Transient if that server gives no
    clear answer in time, or its credentials cannot be read.
    """
    unknown = [target for target in asked if not _is_known(f"{base}/{target}")]
    if not unknown:
        return []
    deadlines.check()
    headers = _headers()
    seconds = min(SECONDS, deadlines.current() - time.monotonic())
    deadline = time.monotonic() + seconds
    pool = ThreadPoolExecutor(AT_ONCE)
    futures = {pool.submit(_exists, target, base, headers, deadline): target for target in unknown}
    done, late = wait(futures, seconds)
    pool.shutdown(wait=False, cancel_futures=True)
    exists = {futures[future]: _result(future) for future in done}
    if late:
        raise _unavailable(_LATE)
    return [target for target in unknown if not exists[target]]


def _result(future: Future[bool]) -> bool:
    try:
        return future.result()
    except _NoAnswer as error:
        raise _unavailable(str(error)) from None


def _unavailable(reason: str) -> Transient:
    return Transient(
        "References could not be checked on the server that keeps the resources they name",
        diagnostics=reason,
    )


def _headers() -> dict[str, str]:
    """Return the headers of each read, with the deployment's credentials if it has any."""
    headers = {"Accept": "application/fhir+json"}
    if arn := settings().reference_authorization_secret:
        from shared.store import deployment_secrets  # noqa: PLC0415 - not every other server asks for one

        headers["Authorization"] = deployment_secrets.header_value(arn)
    return headers


def _exists(target: Literal, base: str, headers: dict[str, str], deadline: float) -> bool:
    if target.id in _DOTS:
        return False
    for number in range(1, TRIES + 1):
        try:
            return _read(target, base, headers, deadline - time.monotonic())
        except (HTTPError, OSError):
            if number == TRIES or time.monotonic() > deadline:
                raise _NoAnswer("It could not be reached, or closed the connection") from None
    raise AssertionError


def _read(target: Literal, base: str, headers: dict[str, str], seconds: float) -> bool:
    """Read a resource from the other server, only its id if that server supports `_elements`.

    Return whether it exists.
    """
    if seconds <= 0:
        raise _NoAnswer(_LATE)
    response = _pool().request(
        "GET",
        f"{base}/{target}?_elements=id",
        headers=headers,
        timeout=Timeout(total=seconds),
        retries=False,
        redirect=False,
        preload_content=False,
    )
    try:
        body = response.read(LARGEST_ANSWER)
    finally:
        # The connection of a response that was read to its end goes back to the pool.
        response.close()
    if response.status in _GONE:
        return False
    if response.status == _REFUSED and "Authorization" in headers:
        _forget_secret()
    if response.status != _FOUND:
        raise _NoAnswer(f"It answered with status {response.status}")
    _check(target, body)
    with _lock:
        _known[f"{base}/{target}"] = True
    return True


def _forget_secret() -> None:
    """Let the next write read the credentials again: they may have been rotated."""
    from shared.store import deployment_secrets  # noqa: PLC0415 - as above

    deployment_secrets.clear_cache()


def _check(target: Literal, body: bytes) -> None:
    """Raise _NoAnswer if a body is not the resource: an error page may have status 200, too."""
    try:
        resource = orjson.loads(body)
        identity = resource["resourceType"], resource["id"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        identity = None
    if identity != target:
        raise _NoAnswer("It answered with something other than the resource")


@cache
def _pool() -> PoolManager:
    return PoolManager(maxsize=AT_ONCE)


def _is_known(url: str) -> bool:
    with _lock:
        return url in _known


def clear_cache() -> None:
    """Empty the cache."""
    with _lock:
        _known.clear()
