"""The entries of a transaction Bundle, and references between them."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from shared.errors import FhirError, Invalid
from shared.fhir import references, urls
from shared.fhir.bundles import entry_expression
from shared.fhir.preconditions import UNCONDITIONAL, Preconditions
from shared.fhir.references import Literal
from shared.interactions.write import Pair


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: its FHIRPath in the Bundle, and the `code` of the requested interaction.

    If `id` is empty, `query` selects the resource.
    """

    expression: str
    code: str
    type: str
    id: str = ""
    query: tuple[Pair, ...] = ()
    full_url: str = ""
    body: Any = None
    media_type: str = ""
    only_if: Preconditions = UNCONDITIONAL


@contextmanager
def locate_errors(place: str) -> Iterator[None]:
    """Prefix the expression of every error with the path of the entry that it is about."""
    try:
        yield
    except FhirError as error:
        _locate(error, place)
        raise


def _locate(error: FhirError, place: str) -> None:
    error.issues = tuple(
        replace(issue, expression=entry_expression(place, issue.expression))
        for issue in error.issues
    )


def map_entries[S, T](sent: Iterable[tuple[str, S]], read: Callable[[S], T]) -> list[T]:
    """Apply `read` to each entry, given with its place.

    Raises the first error, with the issues of all.
    """
    results: list[T] = []
    errors: list[FhirError] = []
    for place, entry in sent:
        try:
            results.append(read(entry))
        except FhirError as error:
            _locate(error, place)
            errors.append(error)
    if errors:
        errors[0].issues = tuple(issue for error in errors for issue in error.issues)
        raise errors[0]
    return results


class FullUrlTargets:
    """The resources that the `fullUrl`s of a Bundle's entries stand for."""

    def __init__(self) -> None:
        """Start without any."""
        self._targets: dict[str, Literal] = {}
        # The entries of one Bundle often have the same references.
        self._absolute = cache(_absolute)

    def add(self, full_url: str, target: Literal) -> None:
        """Add an entry's resource. Raises Invalid if another resource has the same `fullUrl`."""
        if full_url and self._targets.setdefault(urls.normalize(full_url), target) != target:
            raise Invalid("Another entry has the same fullUrl", expression="fullUrl")

    def literal_reference(self, text: str, full_url: str) -> str | None:
        """Return the literal reference to the entry that a URL names, None if it names no entry.

        It keeps the URL's version. `full_url` is that of the entry that refers.
        """
        address, version = references.split_version(text)
        target = self._targets.get(self._absolute(address, _base(full_url)))
        if target is None:
            return None
        return f"{target}/_history/{version}" if version else str(target)


def comparable_url(text: str, full_url: str) -> str:
    """Return a URL in comparable form: absolute, resolved against a `fullUrl`, without version.

    https://hl7.org/fhir/R4/bundle.html#references
    """
    address, _ = references.split_version(text)
    return _absolute(address, _base(full_url))


def _base(full_url: str) -> str:
    is_web = full_url[:4].lower() == "http"
    return full_url.rsplit("/", 2)[0] if is_web else references.BASE.get()


def _absolute(address: str, base: str) -> str:
    is_relative = references.parse_relative(address) is not None
    return urls.normalize(f"{base}/{address}" if is_relative else address)
