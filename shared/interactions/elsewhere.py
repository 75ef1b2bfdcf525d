"""Whether what a reference names is there on another server: asked once, and known for a while.

https://hl7.org/fhir/R4/http.html#read
"""

import logging
import threading
import time
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import cache

import orjson
from urllib3 import PoolManager, Timeout
from urllib3.exceptions import HTTPError

from shared import deadlines
from shared.errors import Transient
from shared.references import Literal
from shared.settings import settings

# All that one write asks is answered by then, or the write is refused for now.
SECONDS, TRIES, AT_ONCE = 1.5, 2, 8
KNOWN_SECONDS, MOST_KNOWN = 300, 2000
LARGEST_ANSWER = 4_000_000
_LATE = f"It did not answer within {SECONDS} s"
_FOUND, _REFUSED, _GONE = 200, 401, (404, 410)
# A segment that means another one is the id of nothing.
_DOTS = frozenset((".", ".."))
# Its lines have URLs, with whom they are about.
logging.getLogger("urllib3").setLevel(logging.CRITICAL)
# What was there, and until when it is taken to be.
_known: dict[str, float] = {}
_lock = threading.Lock()


class _NoAnswer(Exception):
    """The other server did not tell; says what it did instead."""


def missing(asked: Iterable[Literal], base: str) -> list[Literal]:
    """Return what is not there, asking for several at once unless they are known to be.

    Raises Transient if the other server does not tell in time, or its credentials are unreadable.
    """
    unknown = [each for each in asked if not _is_known(f"{base}/{each}")]
    if not unknown:
        return []
    deadlines.check()
    headers = _headers()
    seconds = min(SECONDS, deadlines.end() - time.monotonic())
    deadline = time.monotonic() + seconds
    pool = ThreadPoolExecutor(AT_ONCE)
    answers = {pool.submit(_is_there, each, base, headers, deadline): each for each in unknown}
    done, late = wait(answers, seconds)
    pool.shutdown(wait=False, cancel_futures=True)
    found = {answers[each]: _answer(each) for each in done}
    if late:
        raise _unavailable(_LATE)
    return [each for each in unknown if not found[each]]


def _answer(asked: Future[bool]) -> bool:
    try:
        return asked.result()
    except _NoAnswer as error:
        raise _unavailable(str(error)) from None


def _unavailable(said: str) -> Transient:
    return Transient("The server that references are checked on does not tell", diagnostics=said)


def _headers() -> dict[str, str]:
    """Return the headers of each question, with the deployment's credentials if it has any."""
    headers = {"Accept": "application/fhir+json"}
    if arn := settings().reference_authorization_secret:
        from shared.store import secrets  # noqa: PLC0415 - not every other server asks for one

        headers["Authorization"] = secrets.header(arn)
    return headers


def _is_there(asked: Literal, base: str, headers: dict[str, str], deadline: float) -> bool:
    if asked.id in _DOTS:
        return False
    for number in range(1, TRIES + 1):
        try:
            return _read(asked, base, headers, deadline - time.monotonic())
        except (HTTPError, OSError):
            if number == TRIES or time.monotonic() > deadline:
                raise _NoAnswer("It cannot be reached, or broke off") from None
    raise AssertionError


def _read(asked: Literal, base: str, headers: dict[str, str], seconds: float) -> bool:
    """Read a resource from there, as little of it as that server gives."""
    if seconds <= 0:
        raise _NoAnswer(_LATE)
    answer = _pool().request(
        "GET",
        f"{base}/{asked}?_elements=id",
        headers=headers,
        timeout=Timeout(total=seconds),
        retries=False,
        redirect=False,
        preload_content=False,
    )
    try:
        body = answer.read(LARGEST_ANSWER)
    finally:
        # Of one that was read to its end the connection is kept.
        answer.close()
    if answer.status in _GONE:
        return False
    if answer.status == _REFUSED and "Authorization" in headers:
        _forget_secret()
    if answer.status != _FOUND:
        raise _NoAnswer(f"It answered with status {answer.status}")
    _check(asked, body)
    _remember(f"{base}/{asked}")
    return True


def _forget_secret() -> None:
    """Let the next write read the credentials anew: they may have been rotated."""
    from shared.store import secrets  # noqa: PLC0415 - as above

    secrets.forget()


def _check(asked: Literal, body: bytes) -> None:
    """Refuse an answer that is not the resource: a page may say with 200 that nothing is there."""
    try:
        resource = orjson.loads(body)
        found = resource["resourceType"], resource["id"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        found = None
    if found != asked:
        raise _NoAnswer("It answered with something else")


@cache
def _pool() -> PoolManager:
    return PoolManager(maxsize=AT_ONCE)


def _is_known(url: str) -> bool:
    with _lock:
        return _known.get(url, 0) > time.monotonic()


def _remember(url: str) -> None:
    """Keep the URL of what was there, the newest last; the oldest makes room."""
    with _lock:
        _known.pop(url, None)
        _known[url] = time.monotonic() + KNOWN_SECONDS
        if len(_known) > MOST_KNOWN:
            del _known[next(iter(_known))]


def forget() -> None:
    """Ask about everything again."""
    with _lock:
        _known.clear()
