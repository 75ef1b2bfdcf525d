"""The entries of a transaction as they were sent."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from shared import references
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
        if full_url and self._targets.setdefault(full_url, target) != target:
            raise Invalid("Another entry has this fullUrl", expression="fullUrl")

    def literal(self, text: str, full_url: str) -> str | None:
        """Give the reference to the entry that a URL names, beside the entry of a `fullUrl`."""
        found = self._targets.get(url(text, full_url))
        return str(found) if found else None


def url(text: str, full_url: str) -> str:
    """Give a URL as a `fullUrl` is: absolute, by that of the entry it is in, without version.

    https://hl7.org/fhir/R4/bundle.html#references
    """
    text = text.partition("/_history/")[0]
    if not references.is_relative(text):
        return text
    base = full_url.rsplit("/", 2)[0] if full_url.startswith("http") else references.BASE.get()
    return f"{base}/{text}"
