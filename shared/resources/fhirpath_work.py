"""How much work the invariants of one resource take together, and what they look up only once."""

from functools import cached_property
from typing import Any

from shared.errors import TooCostly

# Items that expressions go through. The largest of R4's own examples takes a hundredth of it.
MOST_STEPS = 1_000_000


class Work:
    """What is left of the steps that one resource may take; `outer` is that resource."""

    def __init__(self, outer: Any, steps: int = MOST_STEPS) -> None:
        """Begin with all steps left."""
        self.outer, self._left = outer, steps

    def spend(self, steps: int) -> None:
        """Count steps. Raise TooCostly if none is left."""
        self._left -= steps
        if self._left < 0:
            raise TooCostly(
                "The resource takes too much work to be checked",
                diagnostics="The invariants of what it contains go through too many elements",
            )

    @cached_property
    def targets(self) -> dict[str, Any]:
        """The resources that references within the resource name, by these references."""
        contained = self.outer.get("contained") if isinstance(self.outer, dict) else None
        inner = contained if isinstance(contained, list) else []
        by_id = {each.get("id"): each for each in inner if isinstance(each, dict)}
        named = {f"#{own_id}": each for own_id, each in by_id.items() if isinstance(own_id, str)}
        return named | {"#": self.outer}
