"""The budget that all invariants of one resource share, and the lookups that they share."""

from functools import cached_property
from typing import Any

from shared.errors import TooCostly

# The most items that the expressions of one resource may visit. The largest of R4's own examples
# takes a hundredth of it.
MOST_STEPS = 1_000_000


class StepBudget:
    """The steps that the invariants of the outermost resource, `outer`, may still take."""

    def __init__(self, outer: Any, steps: int = MOST_STEPS) -> None:
        """Start with all steps left."""
        self.outer, self._left = outer, steps

    def spend(self, steps: int) -> None:
        """Subtract steps. Raise TooCostly if there are not enough left."""
        self._left -= steps
        if self._left < 0:
            raise TooCostly(
                "The resource is too large to be validated",
                diagnostics="Checking its invariants visits too many elements: "
                "send it in several smaller resources",
            )

    @cached_property
    def targets(self) -> dict[str, Any]:
        """The contained resources and the outermost one, by the references that name them."""
        contained = self.outer.get("contained") if isinstance(self.outer, dict) else None
        resources = contained if isinstance(contained, list) else []
        by_id = {inner.get("id"): inner for inner in resources if isinstance(inner, dict)}
        fragments = {
            f"#{own_id}": inner for own_id, inner in by_id.items() if isinstance(own_id, str)
        }
        return fragments | {"#": self.outer}
