"""The If-Match and If-None-Match conditions of a request.

https://www.rfc-editor.org/rfc/rfc9110#section-13.1
"""

from dataclasses import dataclass

from shared.errors import PreconditionFailed


@dataclass(frozen=True, slots=True)
class Preconditions:
    """The versions in If-Match and If-None-Match: `*` is any version, an empty set no condition."""

    match: frozenset[str] = frozenset()
    none_match: frozenset[str] = frozenset()

    def check(self, version: int | None) -> None:
        """Raise PreconditionFailed if the current version, None for no resource, does not match."""
        tags = frozenset() if version is None else frozenset({"*", str(version)})
        current = f"The current version is {version}" if version else "The resource does not exist"
        if self.match and self.match.isdisjoint(tags):
            expected = ", ".join(sorted(self.match))
            raise PreconditionFailed(
                f"The resource does not have the version in If-Match: {expected}",
                diagnostics=current,
            )
        if not self.none_match.isdisjoint(tags):
            excluded = ", ".join(sorted(self.none_match))
            raise PreconditionFailed(
                f"The resource has a version that If-None-Match excludes: {excluded}",
                diagnostics=current,
            )


UNCONDITIONAL = Preconditions()
