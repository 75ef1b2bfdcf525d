"""The entries of a transaction as they were sent."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from shared import references, urls
from shared.errors import FhirError, Invalid
from shared.preconditions import ALWAYS, Preconditions
from shared.references import Literal
from shared.resources.bundles import within

type Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: `place` is its FHIRPath, `code` the interaction that it asks for.

    Where `id` is empty, `query` says which resource is meant.
    """

    place: str
    code: str
    type: str
    id: str = ""
    query: tuple[Pair, ...] = ()
    full_url: str = ""
    body: Any = None
    media_type: str = ""
    only_if: Preconditions = ALWAYS


@contextmanager
def named_by(place: str) -> Iterator[None]:
    """Let every refusal name the entry that it is about."""
    try:
        yield
    except FhirError as error:
        error.issues = tuple(
            replace(issue, expression=within(place, issue.expression)) for issue in error.issues
        )
        raise


def of_all[S, T](sent: Iterable[tuple[str, S]], read: Callable[[S], T]) -> list[T]:
    """Read each of several, given with their places. Raises the first refusal, with all issues."""
    done: list[T] = []
    refusals: list[FhirError] = []
    for place, one in sent:
        try:
            with named_by(place):
                done.append(read(one))
        except FhirError as error:
            refusals.append(error)
    if refusals:
        refusals[0].issues = tuple(issue for error in refusals for issue in error.issues)
        raise refusals[0]
    return done


class Links:
    """What the `fullUrl`s of a Bundle's entries have become."""

    def __init__(self) -> None:
        """Begin with none."""
        self._targets: dict[str, Literal] = {}

    def add(self, full_url: str, target: Literal) -> None:
        """Note which resource an entry means. Raises Invalid where another has its `fullUrl`."""
        if full_url and self._targets.setdefault(urls.identity(full_url), target) != target:
            raise Invalid("Another entry has this fullUrl", expression="fullUrl")

    def literal(self, text: str, full_url: str) -> str | None:
        """Return the reference to the entry that a URL names, with the URL's version.

        `full_url` is that of the entry which refers.
        """
        address, version = references.versioned(text)
        found = self._targets.get(url(address, full_url))
        if found is None:
            return None
        return f"{found}/_history/{version}" if version else str(found)


def url(text: str, full_url: str) -> str:
    """Return the identity of a URL: absolute, by the `fullUrl` that it is beside, without version.

    https://hl7.org/fhir/R4/bundle.html#references
    """
    text, _ = references.versioned(text)
    if references.relative(text) is None:
        return urls.identity(text)
    is_web = full_url[:4].lower() == "http"
    base = full_url.rsplit("/", 2)[0] if is_web else references.BASE.get()
    return urls.identity(f"{base}/{text}")
