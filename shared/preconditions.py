"""Which version a resource has to have, or not, for a write to be done.

https://www.rfc-editor.org/rfc/rfc9110#section-13.1
"""

from dataclasses import dataclass

from shared.errors import PreconditionFailed


@dataclass(frozen=True, slots=True)
class Preconditions:
    """The versions of If-Match and If-None-Match: `*` is any, an empty set asks for nothing."""

    match: frozenset[str] = frozenset()
    none_match: frozenset[str] = frozenset()

    def check(self, version: int | None) -> None:
        """Raise PreconditionFailed where a version, None where there is none, is not as asked."""
        held = frozenset() if version is None else frozenset({"*", str(version)})
        current = f"The current version is {version}" if version else "There is none"
        if self.match and self.match.isdisjoint(held):
            asked = ", ".join(sorted(self.match))
            raise PreconditionFailed(f"If-Match asks for version {asked}", diagnostics=current)
        if not self.none_match.isdisjoint(held):
            asked = ", ".join(sorted(self.none_match))
            raise PreconditionFailed(f"If-None-Match excludes version {asked}", diagnostics=current)


ALWAYS = Preconditions()
