"""JSON Patch: an array of operations, done in order or not at all.

https://www.rfc-editor.org/rfc/rfc6902
"""

from collections.abc import Callable
from typing import Any

from shared.errors import Invalid, Malformed, TooLong
from shared.resources import pointers
from shared.resources.pairs import pairs
from shared.resources.values import copied, equal, size

# Each operation may move all that follows it in an array.
MOST_OPERATIONS = 1000
# What `copy` may add to a resource, in characters and values.
LARGEST_COPY = 1_000_000
Json = dict[str, Any]


class Patch:
    """The operations at work on a copy of a resource."""

    def __init__(self, resource: Json) -> None:
        """Copy the resource."""
        self.type = str(resource.get("resourceType"))
        self.document: Any = copied(resource)
        self.pairs = [*pairs(self.document)]
        self.may_copy = LARGEST_COPY

    def apply(self, operations: list[Any]) -> Any:
        """Do them all, or raise Invalid, Malformed or TooLong and leave the copy to be dropped."""
        if len(operations) > MOST_OPERATIONS:
            raise TooLong(f"A patch has at most {MOST_OPERATIONS} operations")
        for place, operation in enumerate(operations):
            self._step(place, operation)
        # Not before: until then places are those that the operations count.
        for pair in self.pairs:
            pair.settle()
        return self.document

    def _step(self, place: int, operation: Any) -> None:
        kind = operation.get("op") if isinstance(operation, dict) else None
        step = _STEPS.get(kind) if isinstance(kind, str) else None
        if step is None:
            known = ", ".join(_STEPS)
            raise Malformed(f"Operation {place} is none", diagnostics=f"op must be one of {known}")
        try:
            path = pointers.parse(operation.get("path"))
            step(self, path, operation)
        except _TestFailed:
            raise self._refused(place, kind, "the value is another", path) from None
        except LookupError:
            raise self._refused(place, kind, "its path is not there", path) from None
        except ValueError as error:
            text = f"Operation {place} ({kind}) is malformed"
            raise Malformed(text, diagnostics=str(error)) from None

    def _refused(self, place: int, kind: Any, why: str, path: list[str]) -> Invalid:
        return Invalid(
            f"Operation {place} ({kind}) cannot be done: {why}",
            expression=pointers.expression(self.type, path),
            diagnostics="Nothing was changed",
        )

    def add(self, path: list[str], operation: Json) -> None:
        """Put a value at a place, or into an array before one."""
        self._put(path, copied(_value(operation)))

    def remove(self, path: list[str], _: Json) -> None:
        """Take out what is there."""
        self._take(path)

    def replace(self, path: list[str], operation: Json) -> None:
        """Put a value where one is."""
        value = copied(_value(operation))
        if path:
            container = pointers.resolve(self.document, path[:-1])
            pointers.child(container, path[-1])
            is_array = isinstance(container, list)
            container[pointers.index(container, path[-1]) if is_array else path[-1]] = value
        else:
            self.document = value

    def move(self, path: list[str], operation: Json) -> None:
        """Take a value out and add it elsewhere."""
        source = pointers.parse(operation.get("from"))
        if path != source and path[: len(source)] == source:
            raise ValueError("an element cannot be moved into itself")
        pointers.resolve(self.document, source)
        if path != source:
            self._put(path, self._take(source))

    def copy(self, path: list[str], operation: Json) -> None:
        """Add a copy of a value elsewhere."""
        value = pointers.resolve(self.document, pointers.parse(operation.get("from")))
        self.may_copy -= size(value)
        if self.may_copy < 0:
            raise TooLong("The patch copies more than a resource can hold")
        self._put(path, copied(value))

    def test(self, path: list[str], operation: Json) -> None:
        """Stop where a value is another."""
        expected = _value(operation)
        if not equal(pointers.resolve(self.document, path), expected):
            raise _TestFailed

    def _put(self, path: list[str], value: Any) -> None:
        if not path:
            self.document = value
            return
        container = pointers.resolve(self.document, path[:-1])
        name = path[-1]
        if isinstance(container, list):
            last = len(container)
            is_end = name in (pointers.APPEND, str(last))
            container.insert(last if is_end else pointers.index(container, name), value)
        elif isinstance(container, dict):
            container[name] = value
        else:
            raise LookupError(name)  # noqa: TRY004 - for the caller nothing is there

    def _take(self, path: list[str]) -> Any:
        if not path:
            raise ValueError("the resource itself cannot be removed")
        container = pointers.resolve(self.document, path[:-1])
        pointers.child(container, path[-1])
        if isinstance(container, list):
            return container.pop(pointers.index(container, path[-1]))
        return container.pop(path[-1])


class _TestFailed(Exception):
    """What `test` names has another value."""


def _value(operation: Json) -> Any:
    if "value" not in operation:
        raise ValueError("the operation has no value")
    return operation["value"]


_STEPS: dict[str, Callable[[Patch, list[str], Json], None]] = {
    "add": Patch.add,
    "remove": Patch.remove,
    "replace": Patch.replace,
    "move": Patch.move,
    "copy": Patch.copy,
    "test": Patch.test,
}
